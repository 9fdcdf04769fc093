/** Stamps of simulated galaxies, drawn on threads of their own. */
import { availableParallelism } from "node:os";
import type { Worker } from "node:worker_threads";
import { SkyloopError } from "../../base/errors.ts";
import { endWorkers, startWorker } from "../../base/workers.ts";
import type { Simulation } from "../../contract/survey.ts";
import type { DrawnStamp } from "./worker.ts";

interface Waiting {
  resolve(stamp: Float32Array<ArrayBuffer>): void;
  reject(error: Error): void;
}

/** Draws stamps when they are asked for; its threads start with the first and keep no process alive. */
export class StampDrawer {
  readonly #simulation: Simulation;
  readonly #most: number;
  readonly #threads: { worker: Worker; busy: number | null }[] = [];
  readonly #queue: number[] = [];
  readonly #waiting = new Map<number, Waiting[]>();

  constructor(simulation: Simulation, threads = availableParallelism()) {
    this.#simulation = simulation;
    this.#most = threads;
  }

  /** The stamp [3, size, size] of galaxy number `index`, nanomaggies. Throws SIMULATOR_CHANGED, DRAWING_ENDED. */
  draw(index: number): Promise<Float32Array<ArrayBuffer>> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(index);
      if (waiting !== undefined) {
        waiting.push({ resolve, reject });
        return;
      }
      this.#waiting.set(index, [{ resolve, reject }]);
      this.#queue.push(index);
      this.#next();
    });
  }

  /** Ends the threads; whoever waits is told. */
  async close(): Promise<void> {
    this.#fail(new SkyloopError("DRAWING_ENDED", "the survey was closed while its stamps were drawn; ask again"));
    await endWorkers(this.#threads.splice(0).map(({ worker }) => worker));
  }

  #next(): void {
    while (this.#queue.length > 0) {
      let thread = this.#threads.find(({ busy }) => busy === null);
      if (thread === undefined) {
        if (this.#threads.length >= this.#most) return;
        thread = this.#start();
      }
      thread.busy = this.#queue.shift() as number;
      thread.worker.ref();
      thread.worker.postMessage(thread.busy);
    }
  }

  #start(): { worker: Worker; busy: number | null } {
    const worker = startWorker(new URL("./worker.ts", import.meta.url), { workerData: this.#simulation });
    const thread = { worker, busy: null as number | null };
    worker.on("message", (drawn: DrawnStamp) => {
      thread.busy = null;
      worker.unref();
      const waiting = this.#waiting.get(drawn.index) ?? [];
      this.#waiting.delete(drawn.index);
      // Each gets its own copy: what one does to its pixels is no matter of another.
      for (const [i, one] of waiting.entries())
        if ("stamp" in drawn) one.resolve(i === 0 ? drawn.stamp : drawn.stamp.slice());
        else one.reject(drawn.code === null ? new Error(drawn.message) : new SkyloopError(drawn.code, drawn.message));
      this.#next();
    });
    worker.on("error", (error) => {
      this.#threads.splice(this.#threads.indexOf(thread), 1);
      this.#fail(error);
    });
    this.#threads.push(thread);
    return thread;
  }

  #fail(error: Error): void {
    this.#queue.length = 0;
    for (const waiting of this.#waiting.values()) for (const { reject } of waiting) reject(error);
    this.#waiting.clear();
  }
}
