/** What is no HTTP, or has headers that are too long: it is answered before there is a request. */
import type { Socket } from "node:net";
import { codeOf } from "../base/errors.ts";

const REFUSALS: Record<string, [status: string, message: string]> = {
  HPE_HEADER_OVERFLOW: ["431 Request Header Fields Too Large", "the headers of the request are too long"],
  ERR_HTTP_REQUEST_TIMEOUT: ["408 Request Timeout", "the request did not come in time"],
};
const OTHERS: [string, string] = [
  "400 Bad Request",
  "this is no request of HTTP/1.1: its address, its headers or its length are not as they should be",
];

/** Answers such a request with a code, as all others are, and closes the connection. */
export function refuseUnread(error: Error, socket: Socket): void {
  const code = String(codeOf(error));
  if (code === "ECONNRESET" || !socket.writable) return void socket.destroy();
  const [status, message] = REFUSALS[code] ?? OTHERS;
  const body = JSON.stringify({ code: "BAD_REQUEST", message });
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
