/** Server-sent events of a session: what other people label, the progress of a round, new pages. */
import type { FastifyReply } from "fastify";
import type { LiveMessage, StreamMessage } from "../contract/api.ts";
import type { Workspace } from "./workspace.ts";

/** How often events that other processes wrote into the database are looked for. */
const POLL_MS = 500;
const HEARTBEAT_MS = 15_000;

interface Listener {
  reply: FastifyReply;
  lastSeq: number;
  /** The reply carries several sessions: messages say which they are of. */
  many: boolean;
}

const asText = (session: string, message: StreamMessage, { many, lastSeq }: Listener): string => {
  if (many) return `data: ${JSON.stringify({ session, message } satisfies LiveMessage)}\n\n`;
  const id = message.type === "events" ? `id: ${lastSeq}\n` : "";
  return `${id}event: ${message.type}\ndata: ${JSON.stringify(message)}\n\n`;
};

export class Streams {
  readonly #workspace: Workspace;
  readonly #sessions = new Map<string, Set<Listener>>();
  readonly #timers: NodeJS.Timeout[];

  constructor(workspace: Workspace) {
    this.#workspace = workspace;
    this.#timers = [setInterval(() => this.flush(), POLL_MS), setInterval(() => this.#heartbeat(), HEARTBEAT_MS)];
    for (const timer of this.#timers) timer.unref();
  }

  /** Sends an open reply everything after event `lastSeq`; with `many` as messages that name their session. */
  add(session: string, reply: FastifyReply, lastSeq: number, many = false): void {
    const listeners = this.#sessions.get(session) ?? new Set();
    this.#sessions.set(session, listeners);
    const listener = { reply, lastSeq, many };
    listeners.add(listener);
    reply.raw.on("close", () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#sessions.delete(session);
    });
    this.flush(session);
  }

  send(session: string, message: StreamMessage): void {
    for (const listener of this.#sessions.get(session) ?? [])
      listener.reply.raw.write(asText(session, message, listener));
  }

  /** Sends label events that a listener has not had yet. */
  flush(only?: string): void {
    for (const [session, listeners] of this.#sessions) {
      if (only !== undefined && session !== only) continue;
      const least = Math.min(...Array.from(listeners, ({ lastSeq }) => lastSeq));
      const events = this.#workspace.ofSession(session).store.events(session, least);
      if (events.length === 0) continue;
      for (const listener of listeners) {
        const fresh = events.filter(({ seq }) => seq > listener.lastSeq);
        if (fresh.length === 0) continue;
        listener.lastSeq = fresh[fresh.length - 1].seq;
        listener.reply.raw.write(asText(session, { type: "events", events: fresh }, listener));
      }
    }
  }

  #heartbeat(): void {
    for (const listeners of this.#sessions.values()) for (const { reply } of listeners) reply.raw.write(": alive\n\n");
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    for (const listeners of this.#sessions.values()) for (const { reply } of listeners) reply.raw.end();
    this.#sessions.clear();
  }
}
