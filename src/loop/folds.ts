/** The folds of sessions that are in use, so that a click costs what is new and not the whole session. */
import type { SessionRecord, Store } from "../store/store.ts";
import { type FoldedSession, SessionFold } from "./fold.ts";

const KEPT = 32;
const folds = new WeakMap<Store, Map<string, SessionFold>>();

/**
 * The state of a session now. Its `labels` are read before anything else is waited for: they change with the session's
 * next events.
 */
export async function foldNow(store: Store, record: SessionRecord): Promise<FoldedSession> {
  const known = folds.get(store) ?? new Map<string, SessionFold>();
  folds.set(store, known);
  const key = `${record.session} ${record.createdAt}`;
  const fold = known.get(key) ?? new SessionFold(record.alpha);
  known.delete(key);
  known.set(key, fold);
  for (const oldest of known.keys()) {
    if (known.size <= KEPT) break;
    known.delete(oldest);
  }
  const events = await store.events(record.session, fold.lastSeq);
  // Another caller may have folded some of them meanwhile.
  return fold.push(events.filter(({ seq }) => seq > fold.lastSeq)).state();
}
