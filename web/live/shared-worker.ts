/** The hub in a worker that all windows of a browser share. */
import { setToken } from "../client/http.ts";
import { Hub, type WindowSays } from "./hub.ts";
import { openStream } from "./open-stream.ts";

const hub = new Hub(openStream);
// Typed here: the page's own libraries know no shared workers' scope.
(globalThis as unknown as { onconnect: (event: MessageEvent) => void }).onconnect = ({ ports: [port] }) => {
  const hear = hub.join((said) => port.postMessage(said));
  port.onmessage = ({ data }: MessageEvent<WindowSays | { type: "token"; token: string }>) =>
    data.type === "token" ? setToken(data.token) : hear(data);
};
