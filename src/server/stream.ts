/** Server-sent events of a session: what other people label, the progress of a round, new pages. */
import type { FastifyReply } from "fastify";
import { codeOf, messageOf } from "../base/errors.ts";
import { log } from "../base/log.ts";
import type { LiveMessage, StreamMessage } from "../contract/api.ts";
import type { Store } from "../store/store.ts";

const HEARTBEAT_MS = 15_000;

interface Listener {
  reply: FastifyReply;
  /** The reply carries several sessions: messages say which they are of. */
  many: boolean;
  /** What this listener may hear of a message, where people share a session blindly. */
  adapt: Adapt | null;
  /** Messages that are being adapted keep their order. */
  last: Promise<unknown>;
}

/** A message as one person may hear it; null where nothing is left of it. */
type Adapt = (message: StreamMessage) => Promise<StreamMessage | null>;

/** A message as server-sent events have it; `id` is that of its last event. */
export function streamText(
  session: string,
  message: StreamMessage,
  { many, id }: { many: boolean; id?: number },
): string {
  if (many) return `data: ${JSON.stringify({ session, message } satisfies LiveMessage)}\n\n`;
  return `${id === undefined ? "" : `id: ${id}\n`}event: ${message.type}\ndata: ${JSON.stringify(message)}\n\n`;
}

/** Sends what happens in sessions to the pages that listen (server-sent events). */
export class Streams {
  readonly #sessions = new Map<string, Set<Listener>>();
  readonly #heartbeat: NodeJS.Timeout;

  constructor() {
    this.#heartbeat = setInterval(() => this.#alive(), HEARTBEAT_MS).unref();
  }

  /** Sends an open reply everything after event `lastSeq`; with `many` as messages that name their session. */
  add(
    store: Store,
    session: string,
    reply: FastifyReply,
    lastSeq: number,
    { many = false, adapt = null }: { many?: boolean; adapt?: Adapt | null } = {},
  ): void {
    const listeners = this.#sessions.get(session) ?? new Set();
    this.#sessions.set(session, listeners);
    const listener: Listener = { reply, many, adapt, last: Promise.resolve() };
    listeners.add(listener);
    const leave = store.subscribe(session, lastSeq, {
      events: (events) => this.#say(listener, session, { type: "events", events }, events[events.length - 1].seq),
      failed: (error) => {
        const failure = { code: codeOf(error) ?? "INTERNAL", message: messageOf(error) };
        log.warn({ session, code: failure.code }, failure.message);
        reply.raw.write(streamText(session, { type: "failed", ...failure }, { many }));
      },
    });
    reply.raw.on("error", () => reply.raw.destroy());
    reply.raw.on("close", () => {
      leave();
      listeners.delete(listener);
      if (listeners.size === 0 && this.#sessions.get(session) === listeners) this.#sessions.delete(session);
    });
  }

  /** Sends a message to everybody who listens to a session. */
  send(session: string, message: StreamMessage): void {
    for (const listener of this.#sessions.get(session) ?? []) this.#say(listener, session, message);
  }

  #say(listener: Listener, session: string, message: StreamMessage, id?: number): void {
    const { reply, many, adapt } = listener;
    const write = (said: StreamMessage) => void reply.raw.write(streamText(session, said, { many, id }));
    if (adapt === null) {
      write(message);
      return;
    }
    listener.last = listener.last
      .then(() => adapt(message))
      .then((said) => said !== null && write(said))
      .catch((error) => log.warn({ session, code: codeOf(error) }, messageOf(error)));
  }

  #alive(): void {
    for (const listeners of this.#sessions.values()) for (const { reply } of listeners) reply.raw.write(": alive\n\n");
  }

  /** Ends every reply. */
  close(): void {
    clearInterval(this.#heartbeat);
    for (const listeners of this.#sessions.values()) for (const { reply } of listeners) reply.raw.end();
    this.#sessions.clear();
  }
}
