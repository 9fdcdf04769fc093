/** Live messages of a session, over one stream for the whole browser. */
import type { StreamMessage } from "../../src/contract/api.ts";
import { openEventSource } from "./event-source.ts";
import { Hub, type HubSays, type WindowSays } from "./hub.ts";

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

/** The hub shared by all windows; one of the window's own where the browser has no shared workers. */
function openDoor(): (said: WindowSays) => void {
  let say: (said: WindowSays) => void;
  try {
    const worker = new SharedWorker(new URL("./shared-worker.ts", import.meta.url), { type: "module" });
    worker.port.onmessage = ({ data }: MessageEvent<HubSays>) => hear(data);
    worker.port.start();
    say = (said) => worker.port.postMessage(said);
  } catch {
    say = new Hub(openEventSource).join(hear);
  }
  addEventListener("pagehide", () => say({ type: "bye" }));
  // A page that comes back from the browser's memory watches again.
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted) for (const { session } of listeners) say({ type: "watch", session });
  });
  return say;
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
