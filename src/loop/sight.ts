/** What one person sees of a session that several share, read from the store. */
import type { Page, StreamMessage } from "../contract/api.ts";
import type { SessionRecord, Store } from "../store/store.ts";
import type { FoldedSession } from "./fold.ts";
import { foldNow } from "./folds.ts";
import { findSession } from "./session.ts";
import { heardEvents, pageFor, sightOf } from "./team.ts";

/**
 * What one person may hear of a session that several share: `page` is their part of it, `events` those they may know.
 * Null where nothing is left. Others' pages are dropped for whoever has no name.
 */
export async function messageFor(
  store: Store,
  record: SessionRecord,
  who: string | null,
  message: StreamMessage,
): Promise<StreamMessage | null> {
  if (record.team === undefined || (message.type !== "page" && message.type !== "events")) return message;
  const folded = await foldNow(store, record);
  if (message.type === "page") {
    if (who === null && record.team.mode !== "shared") return null;
    return { ...message, page: pageFor(record, folded, message.page, who) };
  }
  const events = heardEvents(message.events, who, sightOf(record, folded, who));
  return events.length === 0 ? null : { ...message, events };
}

/** Which objects' labels a person may see in a session now. Throws SESSION_UNKNOWN. */
export async function sightIn(
  store: Store,
  session: string,
  who: string | null,
): Promise<{ record: SessionRecord; folded: FoldedSession; sees(object: string): boolean }> {
  const record = await findSession(store, session);
  const folded = await foldNow(store, record);
  return { record, folded, sees: sightOf(record, folded, who) };
}

/** A person's part of a page. Throws SESSION_UNKNOWN. */
export async function ownPage(store: Store, session: string, who: string | null, page: Page): Promise<Page> {
  const { record, folded } = await sightIn(store, session, who);
  return pageFor(record, folded, page, who);
}
