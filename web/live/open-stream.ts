/** The stream itself: server-sent events of several sessions, read by `fetch`, which can send a token. */
import type { LiveMessage } from "../../src/contract/api.ts";
import { apiUrl, fetchWithToken } from "../client/http.ts";
import type { OpenStream } from "./hub.ts";

const RETRY_MS = 3000;

/** Opens the server's stream of these sessions in this window, and opens it again after it broke. */
export const openStream: OpenStream = (sessions, hear) => {
  const closed = new AbortController();
  const url = apiUrl(`/stream?sessions=${sessions.map(encodeURIComponent).join(",")}`);
  const follow = async () => {
    while (!closed.signal.aborted) {
      try {
        const { ok, body } = await fetchWithToken(url, { signal: closed.signal, cache: "no-store" });
        if (ok && body !== null) {
          hear.connected(true);
          for await (const data of eventsOf(body)) hear.message(JSON.parse(data) as LiveMessage);
        }
      } catch {
        // Broken or refused: it is tried again below.
      }
      if (closed.signal.aborted) return;
      hear.connected(false);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  };
  void follow();
  return () => closed.abort();
};

/** The data of each event of a stream whose events have one line of data, as this server's have. */
async function* eventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  for (let text = ""; ; ) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (text + value).split("\n\n");
    text = parts.pop() as string;
    for (const part of parts) if (part.startsWith("data: ")) yield part.slice("data: ".length);
  }
}
