/** Work in the background that rests while something more urgent is going on in another thread. */
import { setImmediate, setTimeout } from "node:timers/promises";

/** How long after an urgent moment the background rests: longer than a label or a picture takes. */
const REST_MS = 80;

/** The last urgent moment, in memory that two threads share. */
export class Urgency {
  readonly shared: SharedArrayBuffer;
  readonly #last: BigInt64Array;

  /** Give another thread `shared` and make one there from it. */
  constructor(shared = new SharedArrayBuffer(8)) {
    this.shared = shared;
    this.#last = new BigInt64Array(shared);
  }

  /** Something urgent begins now. */
  note(): void {
    Atomics.store(this.#last, 0, BigInt(Date.now()));
  }

  /**
   * For one piece of background work: call what is returned between its steps. Messages get their turn there, and while
   * urgent moments follow one another it rests, in all at most `mostMs`, so that the work ends even beside somebody who
   * never stops.
   */
  rests(mostMs: number): () => Promise<void> {
    let left = mostMs;
    return async () => {
      await setImmediate();
      for (let now = Date.now(); left > 0; now = Date.now()) {
        const rest = Math.min(left, Number(Atomics.load(this.#last, 0)) + REST_MS - now);
        if (rest <= 0) return;
        await setTimeout(rest);
        left -= Date.now() - now;
      }
    };
  }
}
