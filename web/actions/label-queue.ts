/**
 * Labels on their way to the disk: kept in the browser until the server says they are saved, sent again after any
 * failure. Each click has a key of its own, so that one that was saved although its answer got lost is not saved twice.
 * Each tab keeps its own list, so that none writes over another's; a page opened later sends what closed ones left.
 */
import type { LabelValue, NewLabel, Saved } from "../../src/contract/api.ts";
import { ApiFailure, api } from "../api.ts";
import { forget, newKey, recall, remember, remembered } from "./memory.ts";
import { holdPictures } from "./picture-queue.ts";

export interface QueueListener {
  onSaved(saved: Saved): void;
  onState(state: { pending: number; offline: boolean }): void;
  onRefused(message: string): void;
}

/** A label or a tag, before it has its key. */
export type Change =
  | { object: string; value: LabelValue }
  | { object: string; addTag: string }
  | { object: string; removeTag: string };
type Waiting = NewLabel & { who: string };

const RETRY_MS = 1000;
const AT_ONCE = 500;

export class LabelQueue {
  readonly #session: string;
  readonly #who: string;
  readonly #listener: QueueListener;
  #waiting: Waiting[];
  #sending: Promise<void> | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  #count = 0;
  /** Of this list alone: one that was closed may still hear an answer. */
  readonly #key: string;

  constructor(session: string, who: string, listener: QueueListener) {
    this.#key = `queue.${session}.${newKey()}`;
    this.#session = session;
    this.#who = who;
    this.#listener = listener;
    // What an open tab is still sending may be sent twice: its keys make that harmless.
    const left = remembered(`queue.${session}.`);
    this.#waiting = left.flatMap((key) => recall<Waiting[]>(key, []));
    for (const key of left) forget(key);
    if (this.#waiting.length > 0) {
      this.#keep();
      void this.flush();
    }
  }

  get waiting(): readonly Waiting[] {
    return this.#waiting;
  }

  /** Queues what one action did; actions of the same name are undone together. */
  add(changes: Change[], action = newKey()): void {
    this.#waiting = [
      ...this.#waiting,
      ...changes.map((change) => ({ ...change, who: this.#who, clientKey: `${action}/${this.#count++}` })),
    ];
    this.#store(false);
    void this.flush();
  }

  /** Sends what waits; resolves when the queue is empty or the server is out of reach. */
  flush(): Promise<void> {
    if (this.#sending !== null) return this.#sending;
    holdPictures(true);
    this.#sending = this.#send().finally(() => {
      this.#sending = null;
      holdPictures(false);
    });
    return this.#sending;
  }

  async #send(): Promise<void> {
    clearTimeout(this.#timer);
    while (this.#waiting.length > 0 && !this.#closed) {
      const [{ who }] = this.#waiting;
      const others = this.#waiting.findIndex((one) => one.who !== who);
      const part = this.#waiting.slice(0, Math.min(AT_ONCE, others < 0 ? this.#waiting.length : others));
      try {
        const saved = await api.label(
          this.#session,
          who,
          part.map(({ who: _, ...label }) => label),
        );
        this.#waiting = this.#waiting.slice(part.length);
        this.#listener.onSaved(saved);
        this.#store(false);
      } catch (error) {
        if (error instanceof ApiFailure && !error.offline && !["DISK_FULL", "INTERNAL"].includes(error.code)) {
          // The server understood and refused: sending the same again cannot help.
          this.#waiting = this.#waiting.slice(part.length);
          this.#store(false);
          this.#listener.onRefused(error.message);
          continue;
        }
        this.#store(true);
        if (!this.#closed) this.#timer = setTimeout(() => void this.flush(), RETRY_MS);
        return;
      }
    }
  }

  #keep(): void {
    if (this.#waiting.length > 0) remember(this.#key, this.#waiting);
    else forget(this.#key);
  }

  #store(offline: boolean): void {
    this.#keep();
    this.#listener.onState({ pending: this.#waiting.length, offline });
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }
}
