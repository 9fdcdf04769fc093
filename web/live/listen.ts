/** Live messages of a session, over one stream for the whole browser. */
import type { StreamMessage } from "../../src/contract/api.ts";
import { tokenInUse } from "../client/http.ts";
import { Hub, type HubSays, type WindowSays } from "./hub.ts";
import { openStream } from "./open-stream.ts";

interface Listener {
  session: string;
  onMessage(message: StreamMessage): void;
  onConnected(connected: boolean): void;
}

const listeners = new Set<Listener>();
let door: ((said: WindowSays) => void) | null = null;

const hear = (said: HubSays): void => {
  for (const { session, onMessage, onConnected } of listeners)
    if (said.type === "connected") onConnected(said.connected);
    else if (said.session === session) onMessage(said.message);
};

/** A hub of this window's own. */
const ownHub = (): ((said: WindowSays) => void) => new Hub(openStream).join(hear);
const watchAll = () => {
  for (const { session } of listeners) door?.({ type: "watch", session });
};

/** The hub shared by all windows; one of the window's own where the browser has no shared workers, or not in frames. */
function openDoor(): (said: WindowSays) => void {
  addEventListener("pagehide", () => door?.({ type: "bye" }));
  // A page that comes back from the browser's memory watches again.
  addEventListener("pageshow", ({ persisted }) => persisted && watchAll());
  try {
    const worker = new SharedWorker(new URL("./shared-worker.ts", import.meta.url), { type: "module" });
    worker.onerror = () => {
      door = ownHub();
      watchAll();
    };
    worker.port.onmessage = ({ data }: MessageEvent<HubSays>) => hear(data);
    worker.port.start();
    const token = tokenInUse();
    if (token !== null) worker.port.postMessage({ type: "token", token });
    return (said) => worker.port.postMessage(said);
  } catch {
    return ownHub();
  }
}

/** Listens to a session until the function that is returned is called. */
export function listen(
  session: string,
  onMessage: (message: StreamMessage) => void,
  onConnected: (connected: boolean) => void,
): () => void {
  const listener = { session, onMessage, onConnected };
  listeners.add(listener);
  door ??= openDoor();
  door({ type: "watch", session });
  return () => {
    listeners.delete(listener);
    door?.({ type: "leave", session });
  };
}
