/** The one way to the server: addresses, and what an answer that is no success becomes. */
import type { Failure } from "../session/label-queue.ts";

// Vite takes `new URL(…, import.meta.url)` for a file to be bundled.
const here = import.meta.url;
/**
 * Where the page lives, with a slash at both ends: "/", or "/user/ann/proxy/8420/" behind JupyterHub. Every module of
 * the page lies one folder below it.
 */
export const BASE = new URL("../", here).pathname;

/**
 * The secret of a server that asks for one, where the page's address brought it (`#token=`). It is kept in memory and
 * sent as a bearer token: a frame in another site's page has no cookies.
 */
let token: string | null = null;

/** Sends a token with every request from now on. */
export function setToken(given: string): void {
  token = given;
}

/** The token in use; null where a cookie or nothing lets this page in. */
export const tokenInUse = (): string | null => token;

/** Takes `#token=` out of the page's address, and with it out of histories and of links that are passed on. */
export function takeToken(): void {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given === null) return;
  setToken(given);
  history.replaceState(history.state, "", location.pathname + location.search);
}

/** An answer of the server that is no success; `offline`: no answer at all. */
export class ApiFailure extends Error implements Failure {
  readonly code: string;
  readonly status: number;
  readonly offline: boolean;
  constructor({ code, message, status, offline }: Failure) {
    super(message);
    this.code = code;
    this.status = status;
    this.offline = offline;
  }
}

/** The answer is being computed: ask again. `share`: how much of it is done, 0 to 1. */
export class Computing extends Error {
  readonly share: number;
  constructor({ done, total }: { done: number; total: number }) {
    super("being computed");
    this.share = total > 0 ? done / total : 0;
  }
}

/** Any error as a failure of the server. */
export function failureOf(error: unknown): Failure {
  if (error instanceof ApiFailure) return error;
  return {
    code: "INTERNAL",
    message: error instanceof Error ? error.message : String(error),
    status: 0,
    offline: false,
  };
}

/** Where something of the API is, given its path from "/api" on. */
export const apiUrl = (path: string): string => `${BASE}api${path}`;

/** `fetch`, with the token where there is one. */
export function fetchWithToken(url: string, init: RequestInit = {}): Promise<Response> {
  return fetch(
    url,
    token === null ? init : { ...init, headers: { ...init.headers, Authorization: `Bearer ${token}` } },
  );
}

/** How long a page that was told to leave is given to do so, ms. */
const LEAVING_MS = 5000;
let leftAt = Number.NEGATIVE_INFINITY;

/** Leaves for the login, which leads back to this page; of several questions that were refused, the first leaves. */
export function goToLogin(): void {
  if (performance.now() - leftAt < LEAVING_MS) return;
  leftAt = performance.now();
  const here = (location.pathname + location.search).slice(BASE.length);
  location.assign(`${BASE}login${here === "" ? "" : `?to=${encodeURIComponent(here)}`}`);
}

/** Asks with GET, or with POST where there is a body. Throws ApiFailure, or Computing (202). */
export async function ask(path: string, body?: unknown): Promise<Response> {
  const init =
    body === undefined
      ? {}
      : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  let response: Response;
  try {
    response = await fetchWithToken(apiUrl(path), init);
  } catch {
    throw new ApiFailure({ code: "OFFLINE", message: "the server does not answer", status: 0, offline: true });
  }
  if (response.status === 202) throw new Computing((await response.json()) as { done: number; total: number });
  if (response.ok) return response;
  const said = (await response.json().catch(() => null)) as { code?: unknown; message?: unknown } | null;
  const { status } = response;
  // What is not saved yet stays in the browser and is sent after the login.
  if (said?.code === "LOGIN_NEEDED") goToLogin();
  throw new ApiFailure({
    code: typeof said?.code === "string" ? said.code : "INTERNAL",
    message: typeof said?.message === "string" ? said.message : `the server answered ${status} ${response.statusText}`,
    status,
    offline: false,
  });
}

/** The body of the answer to GET, or to POST where a body is given. Throws ApiFailure, or Computing for 202. */
export async function askJson<T>(path: string, body?: unknown): Promise<T> {
  return (await (await ask(path, body)).json()) as T;
}
