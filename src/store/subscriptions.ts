/** Telling of a session's events to whoever asked, where the database cannot: it is looked at now and then. */
import type { SessionEvent } from "../contract/api.ts";
import type { Subscriber } from "./store.ts";

interface Entry {
  session: string;
  lastSeq: number;
  subscriber: Subscriber;
  failing: boolean;
  /** What is being read for it; asked again meanwhile, it is read once more. */
  reading: boolean;
  again: boolean;
}

/** Tells subscribers of new events by reading the database at intervals and after own writes. */
export class Subscriptions {
  readonly #entries = new Set<Entry>();
  readonly #read: (session: string, after: number) => Promise<SessionEvent[]>;
  readonly #everyMs: number;
  readonly #version: () => number;
  #seen = -1;
  #timer: NodeJS.Timeout | undefined;

  /** `version` changes when another process has written, and throws where the database is not what it was. */
  constructor(
    read: (session: string, after: number) => Promise<SessionEvent[]>,
    { everyMs, version }: { everyMs: number; version(): number },
  ) {
    this.#read = read;
    this.#everyMs = everyMs;
    this.#version = version;
  }

  add(session: string, after: number, subscriber: Subscriber): () => void {
    const entry = { session, lastSeq: after, subscriber, failing: false, reading: false, again: false };
    this.#entries.add(entry);
    this.#timer ??= setInterval(() => this.#look(), this.#everyMs).unref();
    void this.#tell(entry);
    return () => {
      this.#entries.delete(entry);
      if (this.#entries.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  }

  /** Something was written to a session, or, without one, may have been to any. */
  wake(session?: string): void {
    for (const entry of this.#entries) if (session === undefined || entry.session === session) void this.#tell(entry);
  }

  #look(): void {
    try {
      const version = this.#version();
      const failing = [...this.#entries].filter((entry) => entry.failing);
      for (const entry of version === this.#seen ? failing : this.#entries) void this.#tell(entry);
      this.#seen = version;
    } catch (error) {
      for (const entry of this.#entries) this.#fail(entry, error as Error);
    }
  }

  async #tell(entry: Entry): Promise<void> {
    entry.again = entry.reading;
    if (entry.reading) return;
    entry.reading = true;
    try {
      do {
        entry.again = false;
        const events = await this.#read(entry.session, entry.lastSeq);
        entry.failing = false;
        if (events.length === 0 || !this.#entries.has(entry)) continue;
        entry.lastSeq = events[events.length - 1].seq;
        entry.subscriber.events(events);
      } while (entry.again);
    } catch (error) {
      this.#fail(entry, error as Error);
    } finally {
      entry.reading = false;
    }
  }

  #fail(entry: Entry, error: Error): void {
    if (!entry.failing && this.#entries.has(entry)) entry.subscriber.failed(error);
    entry.failing = true;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#entries.clear();
  }
}
