/**
 * Labels on their way to the disk: kept in the browser until the server says they are saved, sent again after any failure. Each click has a
 * key of its own, so that one that was saved although its answer got lost is not saved twice.
 */
import type { NewLabel, Saved } from "../../src/contract/api.ts";
import { ApiFailure, api } from "../api.ts";
import { recall, remember } from "./memory.ts";

export interface QueueListener {
  onSaved(saved: Saved, sent: NewLabel[]): void;
  onState(state: { pending: number; offline: boolean }): void;
  onRefused(message: string): void;
}

const RETRY_MS = 1000;

export class LabelQueue {
  readonly #session: string;
  readonly #who: string;
  readonly #listener: QueueListener;
  #waiting: NewLabel[];
  #sending: Promise<void> | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(session: string, who: string, listener: QueueListener) {
    this.#session = session;
    this.#who = who;
    this.#listener = listener;
    this.#waiting = recall<NewLabel[]>(this.#key, []);
    if (this.#waiting.length > 0) void this.flush();
  }

  get #key(): string {
    return `queue.${this.#session}`;
  }
  get waiting(): readonly NewLabel[] {
    return this.#waiting;
  }

  add(labels: Omit<NewLabel, "clientKey">[]): void {
    this.#waiting = [...this.#waiting, ...labels.map((label) => ({ ...label, clientKey: crypto.randomUUID() }))];
    this.#store(false);
    void this.flush();
  }

  /** Sends what waits; resolves when the queue is empty or the server is out of reach. */
  flush(): Promise<void> {
    this.#sending ??= this.#send().finally(() => {
      this.#sending = null;
    });
    return this.#sending;
  }

  async #send(): Promise<void> {
    clearTimeout(this.#timer);
    while (this.#waiting.length > 0 && !this.#closed) {
      const part = this.#waiting.slice(0, 200);
      try {
        const saved = await api.label(this.#session, this.#who, part);
        this.#waiting = this.#waiting.slice(part.length);
        this.#store(false);
        this.#listener.onSaved(saved, part);
      } catch (error) {
        if (error instanceof ApiFailure && !error.offline && error.code !== "STORE_BUSY" && error.code !== "DISK_FULL" && error.code !== "INTERNAL") {
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

  #store(offline: boolean): void {
    remember(this.#key, this.#waiting);
    this.#listener.onState({ pending: this.#waiting.length, offline });
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }
}
