/** The stream itself: server-sent events of several sessions. */
import type { LiveMessage } from "../../src/contract/api.ts";
import { apiUrl } from "../client/http.ts";
import type { OpenStream } from "./hub.ts";

/** A browser tries again by itself after a cut, but not after an answer that is no stream: that is done here. */
const RETRY_MS = 3000;

/** Opens the server's stream of these sessions in this window, and opens it again after it broke. */
export const openEventSource: OpenStream = (sessions, hear) => {
  let source: EventSource;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const open = () => {
    source = new EventSource(apiUrl(`/stream?sessions=${sessions.map(encodeURIComponent).join(",")}`));
    source.onmessage = ({ data }: MessageEvent<string>) => hear.message(JSON.parse(data) as LiveMessage);
    source.onopen = () => hear.connected(true);
    source.onerror = () => {
      hear.connected(false);
      if (source.readyState === EventSource.CLOSED) timer = setTimeout(open, RETRY_MS);
    };
  };
  open();
  return () => {
    clearTimeout(timer);
    source.close();
  };
};
