/** Work in the background that rests while something more urgent is going on. */
import { setImmediate, setTimeout } from "node:timers/promises";

/** How long after an urgent moment the background rests: longer than a label or a picture takes. */
const REST_MS = 80;

/** The last urgent moment. */
export class Urgency {
  #last = 0;

  /** Something urgent begins now. */
  note(): void {
    this.#last = Date.now();
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
        const rest = Math.min(left, this.#last + REST_MS - now);
        if (rest <= 0) return;
        await setTimeout(rest);
        left -= Date.now() - now;
      }
    };
  }
}
