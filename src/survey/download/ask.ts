/** One file from a service: asked again where that may help, within the limits of courtesy. */
import { messageOf } from "../../base/errors.ts";
import type { Random } from "../../base/random.ts";
import type { AnswerFault } from "./check.ts";
import { type Gate, retryAfterMs } from "./polite.ts";

/** How requests are sent. */
export interface AskOptions {
  gate: Gate;
  userAgent: string;
  /** Milliseconds without an answer, or without its next bytes, after which a request is given up. */
  timeoutMs: number;
  tries: number;
  /** Time before the second try; it doubles from try to try. */
  backoffMs: number;
  /** Spreads the tries of several requests that failed together. */
  random: Random;
  /** Ends everything. */
  stop: AbortSignal;
}

/** An answer that can be used. */
export interface Answer {
  bytes: Uint8Array;
  /** Where it came from in the end. */
  url: string;
}

/** A service that wants to be left alone for longer than this is left alone. */
const LONGEST_WAIT_MS = 10 * 60_000;
const LONGEST_BACKOFF_MS = 60_000;

/** An answer, or why there is none; `waitMs` where the service asks for more patience than a run has. */
export type Reply = Answer | (AnswerFault & { waitMs?: number });

/**
 * Asks for an address until `accept` returns bytes, up to `tries` times. Returns the last fault otherwise: `again` says whether
 * another day may bring more. Throws nothing that the network or the service does.
 */
export async function ask(
  url: string,
  options: AskOptions,
  accept: (bytes: Uint8Array, contentType: string) => Uint8Array | AnswerFault,
  mostBytes: number,
): Promise<Reply> {
  const { gate, tries, backoffMs, random, stop } = options;
  for (let attempt = 1; ; attempt++) {
    await gate.pass();
    const reply = await once(url, options, accept, mostBytes);
    if (!("code" in reply) || !reply.again || reply.code === "REQUEST_REFUSED" || stop.aborted) return reply;
    const { waitMs, ...fault } = reply;
    if (waitMs !== undefined && waitMs > LONGEST_WAIT_MS) return reply;
    if (attempt >= tries) return fault;
    if (waitMs !== undefined) {
      gate.close(waitMs);
      continue;
    }
    const longest = Math.min(LONGEST_BACKOFF_MS, backoffMs * 2 ** (attempt - 1));
    await gate.wait(longest * (0.5 + 0.5 * random.next()));
  }
}

async function once(
  url: string,
  { userAgent, timeoutMs, stop }: AskOptions,
  accept: (bytes: Uint8Array, contentType: string) => Uint8Array | AnswerFault,
  mostBytes: number,
): Promise<Reply> {
  const controller = new AbortController();
  let timer = setTimeout(() => controller.abort(), timeoutMs);
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(() => controller.abort(), timeoutMs);
  };
  try {
    const signal = AbortSignal.any([controller.signal, stop]);
    const response = await fetch(url, { headers: { "user-agent": userAgent, accept: "*/*" }, signal });
    alive();
    const refused = faultOfStatus(response);
    if (refused !== null) {
      await response.body?.cancel();
      return refused;
    }
    const bytes = await bodyOf(response, mostBytes, alive);
    if (bytes === null)
      return {
        code: "WRONG_SIZE",
        message: `more than ${mostBytes} bytes came, which is no cutout of the size that was asked for`,
        again: false,
      };
    const checked = accept(bytes, response.headers.get("content-type") ?? "");
    return checked instanceof Uint8Array ? { bytes: checked, url: response.url } : checked;
  } catch (cause) {
    const why = controller.signal.aborted ? `no answer for ${timeoutMs / 1000} s` : reasonOf(cause);
    return { code: "SERVICE_AWAY", message: why, again: true };
  } finally {
    clearTimeout(timer);
  }
}

/** The system's word (ECONNREFUSED, ENOTFOUND, …) stands in the cause of what fetch throws. */
function reasonOf(thrown: unknown): string {
  const cause = thrown instanceof Error && thrown.cause instanceof Error ? `: ${thrown.cause.message}` : "";
  return `${messageOf(thrown)}${cause}`.split("\n")[0];
}

function faultOfStatus({ status, ok, headers }: Response): (AnswerFault & { waitMs?: number }) | null {
  const said = `the service answered with status ${status}`;
  const waitMs = retryAfterMs(headers.get("retry-after"));
  const wait = waitMs === null ? {} : { waitMs };
  if (ok && status !== 204) return null;
  if (status === 204 || status === 404 || status === 410)
    return { code: "NOT_COVERED", message: `${said}: it has nothing there`, again: false };
  if (status === 429 || (status === 503 && waitMs !== null))
    return {
      code: "THROTTLED",
      message: `${said}: fewer requests, please${waitMs === null ? "" : ` (again in ${Math.ceil(waitMs / 1000)} s)`}`,
      again: true,
      ...wait,
    };
  if (status >= 500 || status === 408 || status === 425)
    return { code: "SERVICE_AWAY", message: said, again: true, ...wait };
  return { code: "REQUEST_REFUSED", message: `${said}: it does not take this request`, again: true };
}

/** The whole body; null where it is longer than `most`. */
async function bodyOf({ body }: Response, most: number, alive: () => void): Promise<Uint8Array | null> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of body ?? []) {
    alive();
    length += part.length;
    if (length > most) return null;
    parts.push(part);
  }
  return parts.length === 1 ? parts[0] : Buffer.concat(parts);
}
