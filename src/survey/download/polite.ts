/** How often a service is asked: so many requests a second, and none while it wants to be left alone. */

import { setTimeout as sleep } from "node:timers/promises";

/** What a gate takes the time from, and waits with; both in ms. */
export interface GateClock {
  now(): number;
  /** May come late, and comes early when `stop` is aborted. */
  wait(ms: number, stop: AbortSignal): Promise<void>;
}

const CLOCK: GateClock = {
  now: () => performance.now(),
  wait: (ms, signal) => sleep(Math.ceil(ms), undefined, { signal }).catch(() => {}),
};

/** Lets requests through one by one, at their distance in time. */
export class Gate {
  readonly #distanceMs: number;
  readonly #stop: AbortSignal;
  readonly #clock: GateClock;
  #next = 0;
  #closedUntil = 0;

  /** `stop` ends all waiting. */
  constructor(perSecond: number, stop: AbortSignal, clock = CLOCK) {
    this.#distanceMs = 1000 / perSecond;
    this.#stop = stop;
    this.#clock = clock;
  }

  /** Ends when the next request may be sent. */
  async pass(): Promise<void> {
    while (!this.#stop.aborted) {
      const now = this.#clock.now();
      const at = Math.max(this.#next, this.#closedUntil);
      if (at <= now) {
        this.#next = now + this.#distanceMs;
        return;
      }
      await this.wait(at - now);
    }
  }

  /** Nobody passes for this long: the service said so. */
  close(ms: number): void {
    this.#closedUntil = Math.max(this.#closedUntil, this.#clock.now() + ms);
  }

  /** Waits outside of the gate. */
  async wait(ms: number): Promise<void> {
    await this.#clock.wait(ms, this.#stop);
  }
}

/** Milliseconds of a Retry-After header: seconds, or a date (RFC 9110); null where there is none that can be read. */
export function retryAfterMs(header: string | null, now = Date.now()): number | null {
  if (header === null) return null;
  const seconds = Number(header.trim());
  if (header.trim() !== "" && Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}
