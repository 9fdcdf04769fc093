/**
 * Keeps what is not written yet in the browser's own storage, each window its own list; a window opened later, or still
 * open, takes over what a closed one left. Where the browser has locks, a list whose window still lives is left to it.
 */
import { forget, recall, remember, remembered, TAB } from "../actions/memory.ts";
import type { LabelOp, Op } from "./pending.ts";

const keyOf = (session: string) => `queue.${session}.`;
const lockOf = (tab: string) => `skyloop.tab.${tab}`;
// Browsers offer locks only on pages that came from this machine or over HTTPS.
const locks: LockManager | undefined = globalThis.navigator?.locks;
// Held as long as the window lives.
void locks?.request(lockOf(TAB), () => new Promise(() => {}));

/** Keeps a session's list of this window. */
export function keepOps(session: string, ops: readonly Op[]): void {
  const key = keyOf(session) + TAB;
  if (ops.length > 0) remember(key, ops);
  else forget(key);
}

/** Hands over what other windows left behind: at once, or when the window that has it goes away. */
export function adoptOps(session: string, take: (ops: Op[]) => void): void {
  for (const key of remembered(keyOf(session))) {
    const tab = key.slice(keyOf(session).length);
    if (tab === TAB) continue;
    const adopt = () => {
      const left = recall<unknown[]>(key, []);
      forget(key);
      take(left.flatMap(readOp));
    };
    if (locks === undefined) adopt();
    else void locks.request(lockOf(tab), adopt);
  }
}

/** An op as it was kept; lists of earlier versions held labels only. */
function readOp(kept: unknown): Op[] {
  const op = kept as Partial<LabelOp> | null;
  if (typeof op?.clientKey !== "string" || typeof op.who !== "string") return [];
  return op.op === undefined ? [{ ...op, op: "label", sent: true } as LabelOp] : [op as Op];
}
