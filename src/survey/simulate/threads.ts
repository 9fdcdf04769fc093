/** Things made in worker threads, in order. */
import { availableParallelism } from "node:os";
import { endWorkers, startWorker } from "../../base/workers.ts";

/**
 * Yields things `from` (0 unless given) to `count` - 1 in order. A worker is told a number and answers `{ index, made }`;
 * each gets the next number when it has answered.
 */
export async function* inThreads<T>(
  source: URL,
  workerData: object,
  count: number,
  workers = availableParallelism(),
  from = 0,
): AsyncGenerator<T> {
  const threads = Array.from({ length: Math.min(workers, count - from) }, () => startWorker(source, { workerData }));
  try {
    const arrived = new Map<number, T>();
    const failures: unknown[] = [];
    let asked = from;
    // Rung by whatever a thread says.
    let ring = () => {};
    for (const thread of threads) {
      thread.on("error", (error) => {
        failures.push(error);
        ring();
      });
      thread.on("message", ({ index, made }: { index: number; made: T }) => {
        arrived.set(index, made);
        if (asked < count) thread.postMessage(asked++);
        ring();
      });
      thread.postMessage(asked++);
    }
    for (let given = from; given < count; ) {
      if (failures.length > 0) throw failures[0];
      const next = arrived.get(given);
      if (next === undefined) {
        await new Promise<void>((resolve) => {
          ring = resolve;
        });
        continue;
      }
      arrived.delete(given++);
      yield next;
    }
  } finally {
    await endWorkers(threads);
  }
}
