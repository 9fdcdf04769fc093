/** A process that is watched over from outside of its event loop (`watch-thread.ts`). */
import { startWorker } from "./workers.ts";

const EVERY_MS = 2000;
/** Longest that a process may be deaf; a step of a computation takes seconds. */
const DEAF_MS = 300_000;

/** What the thread is given. */
export interface Watched {
  /** Changes while the event loop goes round. */
  beat: Int32Array;
  parent: number;
  everyMs: number;
  deafMs: number;
}

/**
 * Ends this process (by SIGKILL) soon after its parent has ended, or when its event loop has stood still for `deafMs`:
 * what native code keeps busy for ever hears neither. The thread ends with the process, and does not keep it.
 */
export function watchProcess({ everyMs = EVERY_MS, deafMs = DEAF_MS } = {}): void {
  const beat = new Int32Array(new SharedArrayBuffer(4));
  setInterval(() => Atomics.add(beat, 0, 1), everyMs / 2).unref();
  startWorker(new URL("./watch-thread.ts", import.meta.url), {
    workerData: { beat, parent: process.ppid, everyMs, deafMs } satisfies Watched,
    resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 4 },
  }).unref();
}
