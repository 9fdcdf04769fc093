/** The hub in a worker that all windows of a browser share. */
import { openEventSource } from "./event-source.ts";
import { Hub, type WindowSays } from "./hub.ts";

const hub = new Hub(openEventSource);
// Typed here: the page's own libraries know no shared workers' scope.
(globalThis as unknown as { onconnect: (event: MessageEvent) => void }).onconnect = ({ ports: [port] }) => {
  const hear = hub.join((said) => port.postMessage(said));
  port.onmessage = ({ data }: MessageEvent<WindowSays>) => hear(data);
};
