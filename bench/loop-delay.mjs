/**
 * Loaded into a server before it starts (`--import`), by `bench/page.ts`: how long its main thread keeps others waiting.
 * A timer is due every 5 ms; each time it comes more than 10 ms late, a line goes to the file SKYLOOP_BENCH_DELAYS:
 * { at, lateMs, ranMs, waitedMs }, the time since the last turn in all, and of it what the thread ran and what it
 * waited for a processor that others had (/proc, schedstat).
 */
import { appendFileSync, readFileSync } from "node:fs";
import { isMainThread } from "node:worker_threads";

const EVERY_MS = 5;
const LATE_MS = 10;
const into = process.env.SKYLOOP_BENCH_DELAYS;

/** Milliseconds that this thread has run, and has waited for a processor. */
function spent() {
  try {
    const [ran, waited] = readFileSync("/proc/thread-self/schedstat", "utf8").split(" ");
    return { ranMs: Number(ran) / 1e6, waitedMs: Number(waited) / 1e6 };
  } catch {
    return { ranMs: 0, waitedMs: 0 };
  }
}

if (isMainThread && into !== undefined) {
  let last = performance.now();
  let before = spent();
  setInterval(() => {
    const [now, after] = [performance.now(), spent()];
    const lateMs = now - last - EVERY_MS;
    const [ranMs, waitedMs] = [after.ranMs - before.ranMs, after.waitedMs - before.waitedMs];
    if (lateMs > LATE_MS) appendFileSync(into, `${JSON.stringify({ at: Date.now(), lateMs, ranMs, waitedMs })}\n`);
    [last, before] = [performance.now(), spent()];
  }, EVERY_MS).unref();
}
