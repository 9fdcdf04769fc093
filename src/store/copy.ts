/** Copying sessions from one database to another, number by number, and comparing what arrived. */
import { isDeepStrictEqual } from "node:util";
import { SkyloopError } from "../base/errors.ts";
import type { SessionEvent } from "../contract/api.ts";
import type { RoundRecord, SessionRecord, Store } from "./store.ts";

/** What became of one session of a copy. */
export interface CopiedSession {
  session: string;
  events: number;
  rounds: number;
  /** It was there already, the same in everything. */
  there: boolean;
}

interface WholeSession {
  record: SessionRecord;
  events: SessionEvent[];
  rounds: RoundRecord[];
}

async function wholeSession(store: Store, session: string): Promise<WholeSession | null> {
  const record = await store.session(session);
  if (record === undefined) return null;
  // Rounds first: the events that a round learned from are all there then, whoever labels meanwhile.
  const rounds = await store.rounds(session);
  return { record, rounds, events: await store.events(session) };
}

/**
 * Copies every session that the target does not have, the oldest first; each is whole there or not at all. What arrived
 * is read again and compared: records, events with their numbers and times, rounds. Sessions that are the same already
 * are left as they are, so that a copy that was cut short can be run again. Throws SESSION_EXISTS where the target has
 * another session of that name, STORE_NOT_EMPTY where its own events have the same numbers, COPY_DIFFERS.
 */
export async function copySessions(
  from: Store,
  to: Store,
  report: (copied: CopiedSession) => void = () => {},
): Promise<void> {
  for (const { session } of (await from.sessions()).toReversed()) {
    const wanted = (await wholeSession(from, session)) as WholeSession;
    const before = await wholeSession(to, session);
    if (before !== null && !isDeepStrictEqual(before, wanted))
      throw new SkyloopError(
        "SESSION_EXISTS",
        `the target has another session ${session} (or an earlier state of this one); copy into an empty database`,
      );
    if (before === null) await to.takeSession(wanted.record, wanted.events, wanted.rounds);
    if (!isDeepStrictEqual(await wholeSession(to, session), wanted))
      throw new SkyloopError(
        "COPY_DIFFERS",
        `session ${session} is not the same in the target; it may have been labelled there meanwhile: stop the server and copy again`,
      );
    report({ session, events: wanted.events.length, rounds: wanted.rounds.length, there: before !== null });
  }
}
