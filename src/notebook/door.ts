/** How a program reaches a server: one request at a time, answers as JSON or bytes, refusals with their codes. */
import { messageOf, SkyloopError } from "../base/errors.ts";

/** What a request carries beside its path. */
interface Asked {
  body?: object;
  query?: Record<string, string | number>;
  /** Ends the waiting; what was asked for goes on. */
  signal?: AbortSignal;
}

/** Where the server is, who asks, and with what token. */
export class Door {
  /** With a slash at its end. */
  readonly address: string;
  /** The name that stands beside labels. */
  readonly who: string;
  /** What this program's clicks are called, so that one that is sent twice counts once. */
  readonly key = `ts-${crypto.randomUUID().slice(0, 8)}`;
  readonly token: string | undefined;
  /** Where a browser reaches the server, without a slash at its end. */
  readonly browser: string;
  #clicks = 0;

  /** `given` as `skyloop serve` printed it, with a token in it or none. Throws BAD_OPTION. */
  constructor(given: string, who: string, token?: string, browser?: string) {
    const whole = given.includes("://") ? given : `http://${given}`;
    if (!URL.canParse(whole))
      throw new SkyloopError("BAD_OPTION", `${given} is no address; take the one that \`skyloop serve\` printed`);
    const url = new URL(whole);
    this.token =
      token ?? url.searchParams.get("token") ?? new URLSearchParams(url.hash.slice(1)).get("token") ?? undefined;
    this.address = `${url.origin}${url.pathname.replace(/\/+$/, "")}/`;
    this.browser = (browser ?? this.address).replace(/\/+$/, "");
    this.who = who;
  }

  /** A name for the next action. */
  nextKey(): string {
    return `${this.key}-${++this.#clicks}`;
  }

  /** The answer as JSON. Throws SERVER_AWAY, NOT_SKYLOOP, and what the server refuses with. */
  async ask<T>(path: string, asked: Asked = {}): Promise<T> {
    const answer = await this.send(path, asked);
    try {
      return (await answer.json()) as T;
    } catch (cause) {
      if (asked.signal?.aborted) throw cause;
      throw this.#notSkyloop(answer.status);
    }
  }

  /** The answer as it came. What got no answer is sent again: its key sees to it that it counts once. */
  async send(path: string, { body, query = {}, signal }: Asked = {}): Promise<Response> {
    const url = new URL(path, this.address);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
    const init = {
      method: body === undefined ? "GET" : "POST",
      headers: {
        "Content-Type": "application/json",
        ...(this.token === undefined ? {} : { Authorization: `Bearer ${this.token}` }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
    };
    const answer = await fetch(url, init)
      .catch(() => fetch(url, init))
      .catch((cause: unknown) => {
        if (signal?.aborted) throw cause;
        throw new SkyloopError(
          "SERVER_AWAY",
          `nothing answers at ${this.address} (${messageOf((cause as Error).cause ?? cause)}); start it with \`bin/skyloop serve SURVEY --port ${url.port || 80}\`, then run this again`,
          { cause },
        );
      });
    if (answer.ok) return answer;
    throw await this.#refusal(answer);
  }

  async #refusal(answer: Response): Promise<SkyloopError> {
    const said = (await answer.json().catch(() => null)) as { code?: string; message?: string } | null;
    if (typeof said?.code !== "string" || typeof said.message !== "string") return this.#notSkyloop(answer.status);
    const more = answer.status === 401 ? `; give it with connect("${this.address}", { token: "…" })` : "";
    return new SkyloopError(said.code, said.message + more);
  }

  #notSkyloop(status: number): SkyloopError {
    return new SkyloopError(
      "NOT_SKYLOOP",
      `${this.address} answers, but not as Skyloop (status ${status}); take the address that \`skyloop serve\` printed`,
    );
  }
}
