/** What is done with a session as a whole: name, archive, delete (kept and recoverable), copy; earlier pages. */
import { SkyloopError } from "../base/errors.ts";
import type { Page, SessionChange } from "../contract/api.ts";
import type { NewEvent, Store } from "../store/store.ts";
import { foldNow } from "./folds.ts";
import { currentRound, describeSession, findSession, openSession } from "./session.ts";
import { goldOf } from "./team.ts";

/**
 * Gives a session another name or state. Both are events, so that nothing is lost: a deleted session is only hidden.
 * Throws SESSION_UNKNOWN.
 */
export async function changeSession(store: Store, session: string, change: SessionChange): Promise<void> {
  await findSession(store, session);
  const round = currentRound(await store.rounds(session));
  const event = (kind: "name" | "status", value: string): NewEvent => ({
    who: change.who,
    round,
    kind,
    object: null,
    value,
    reason: null,
    clientKey: null,
  });
  await store.addEvents(session, [
    ...(change.target === undefined ? [] : [event("name", change.target)]),
    ...(change.status === undefined ? [] : [event("status", change.status)]),
  ]);
}

/**
 * Starts another session with this one's settings, drawn objects and standing labels and tags as its examples, under an id
 * that none of `elsewhere` has. Returns its id. Throws SESSION_UNKNOWN.
 */
export async function copySession(
  store: Store,
  session: string,
  who: string,
  target?: string,
  elsewhere: readonly string[] = [],
): Promise<string> {
  const { session: _, createdAt: __, ...settings } = await findSession(store, session);
  const { labels, boxes, alpha } = await foldNow(store, await findSession(store, session));
  const name = target ?? `${(await describeSession(store, session)).target} (copy)`.slice(0, 120);
  const common = { round: 0, reason: "start" as const, clientKey: null };
  const drawn = Object.entries(boxes).map(
    ([object, box]): NewEvent => ({ ...common, who, kind: "box", object, value: JSON.stringify(box) }),
  );
  const given = Object.entries(labels).flatMap(([object, { value, tags, who: by }]): NewEvent[] => [
    ...(value === null ? [] : [{ ...common, who: by, kind: "label" as const, object, value }]),
    ...tags.map((tag) => ({ ...common, who: by, kind: "tag" as const, object, value: tag })),
  ]);
  return openSession(store, { ...settings, alpha, target: name, createdBy: who }, [...drawn, ...given], elsewhere);
}

/** The page of an earlier round, as it was shown. Throws SESSION_UNKNOWN, ROUND_UNKNOWN. */
export async function pageOf(store: Store, session: string, round: number): Promise<Page> {
  await findSession(store, session);
  const rounds = await store.rounds(session);
  const found = rounds.find((one) => one.round === round);
  if (found === undefined)
    throw new SkyloopError(
      "ROUND_UNKNOWN",
      `session ${session} has no round ${round}; it has rounds 1 to ${currentRound(rounds)}`,
    );
  const { provisional, exhausted, picks } = found;
  return { round, provisional, exhausted, picks };
}

/**
 * Objects on which as many people say yes as no, the latest first, as one page: another opinion decides. What is known
 * (gold) needs none. Throws SESSION_UNKNOWN.
 */
export async function undecidedIn(store: Store, session: string): Promise<Page> {
  const record = await findSession(store, session);
  const { answers, conflicts } = await foldNow(store, record);
  const gold = goldOf(record);
  const even = conflicts.filter(({ object, opinions }) => {
    if (gold.has(object)) return false;
    const count = (wanted: string) => opinions.filter(({ value }) => value === wanted).length;
    return count("positive") === count("negative");
  });
  const latest = (object: string) =>
    (answers.get(object) ?? [])
      .map(({ at }) => at)
      .sort()
      .at(-1) ?? "";
  const picks = even
    .map(({ object }) => ({ object, score: null, reason: "chosen" as const }))
    .sort((a, b) => (latest(a.object) < latest(b.object) ? 1 : -1));
  const round = currentRound(await store.rounds(session));
  return { round, provisional: false, exhausted: false, picks };
}

/** Objects that earlier rounds showed and nobody has answered, the latest first, as one page. Throws SESSION_UNKNOWN. */
export async function skippedIn(store: Store, session: string): Promise<Page> {
  const record = await findSession(store, session);
  const rounds = await store.rounds(session);
  const { labels } = await foldNow(store, record);
  const now = new Set(rounds.at(-1)?.picks.map(({ object }) => object));
  const seen = new Set<string>();
  const picks = rounds
    .slice(0, -1)
    .toReversed()
    .flatMap(({ picks }) =>
      picks.filter(({ object }) => {
        const open = labels[object]?.value == null && !now.has(object) && !seen.has(object);
        seen.add(object);
        return open;
      }),
    );
  return { round: currentRound(rounds), provisional: false, exhausted: false, picks };
}
