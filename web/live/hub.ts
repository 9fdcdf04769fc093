/**
 * One live stream for all windows of a browser: browsers open six connections to a server, and a stream a window would
 * leave none to save a label with. The hub knows which window watches which session and opens one stream for all.
 */
import type { LiveMessage } from "../../src/contract/api.ts";

/** What the hub tells a window. */
export type HubSays = { type: "connected"; connected: boolean } | ({ type: "message" } & LiveMessage);
/** What a window tells the hub. */
export type WindowSays = { type: "watch" | "leave"; session: string } | { type: "bye" };

/** Opens a stream of these sessions; returns how to close it. */
export type OpenStream = (
  sessions: string[],
  hear: { message(live: LiveMessage): void; connected(connected: boolean): void },
) => () => void;

/** Passes live messages of one stream on to all windows that watch a session. */
export class Hub {
  readonly #open: OpenStream;
  readonly #windows = new Map<object, { say(said: HubSays): void; sessions: string[] }>();
  #stream: { sessions: string; close(): void } | null = null;
  #connected = false;

  constructor(open: OpenStream) {
    this.#open = open;
  }

  /** A window, with the way to tell it something; returns what to call with what it says. */
  join(say: (said: HubSays) => void): (said: WindowSays) => void {
    const me = {};
    this.#windows.set(me, { say, sessions: [] });
    return (said) => {
      const own = this.#windows.get(me);
      if (said.type === "bye") this.#windows.delete(me);
      else if (own !== undefined) {
        const { session } = said;
        // Twice watched is watched until it is left twice.
        if (said.type === "watch") own.sessions.push(session);
        else if (own.sessions.includes(session)) own.sessions.splice(own.sessions.indexOf(session), 1);
      } else if (said.type === "watch") this.#windows.set(me, { say, sessions: [said.session] });
      if (!this.#follow() && said.type === "watch") say({ type: "connected", connected: this.#connected });
    };
  }

  /** Opens the stream anew where other sessions are watched than before; says whether it did. */
  #follow(): boolean {
    const watched = [...new Set([...this.#windows.values()].flatMap(({ sessions }) => sessions))].sort();
    const sessions = watched.join(",");
    if (sessions === (this.#stream?.sessions ?? "")) return false;
    this.#stream?.close();
    this.#stream = null;
    this.#connected = false;
    if (watched.length === 0) return true;
    const close = this.#open(watched, {
      message: (live) => this.#tell({ type: "message", ...live }, live.session),
      connected: (connected) => {
        this.#connected = connected;
        this.#tell({ type: "connected", connected });
      },
    });
    this.#stream = { sessions, close };
    return true;
  }

  #tell(said: HubSays, session?: string): void {
    for (const { say, sessions } of this.#windows.values())
      if (session === undefined ? sessions.length > 0 : sessions.includes(session)) say(said);
  }
}
