/**
 * Who is let in: which names the server answers to, which pages may ask or show it in a frame, and a token where other
 * machines reach it.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { hostname, networkInterfaces } from "node:os";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { SkyloopError } from "../base/errors.ts";

const LOCAL_NAMES = ["127.0.0.1", "localhost", "[::1]"];
/** Addresses that listen to every network of the machine. */
const EVERYWHERE = ["0.0.0.0", "::"];
/** Nothing from elsewhere, no inline script; pictures may come from memory (blob:). `frames`: who may show the page. */
const contentPolicy = (frames: string[]) =>
  `default-src 'self'; img-src 'self' blob: data:; style-src 'self'; script-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors ${frames.join(" ") || "'none'"}`;

/** Under which names the server is asked, and with what secret. */
export interface DoorOptions {
  /** Names that the Host header may have beside those of this machine itself. */
  hostNames: string[];
  /**
   * Asked of everybody who asks the API, where it is given: in the address that is opened, then in a cookie, or as a
   * bearer token.
   */
  token?: string;
  /** Path that a proxy puts before every address, as `pathPrefix` gives it; the cookie holds below it only. */
  basePath?: string;
  /** Origins (`http://localhost:8888`) whose pages may show this page in a frame, and its pictures. */
  frames?: string[];
}

/** A path before every address, with a slash at both ends. Throws BAD_OPTION. */
export function pathPrefix(text: string): string {
  const path = `/${text}/`.replace(/\/+/g, "/");
  if (/^[\w.~!$&'()*+,;=:@%/-]+$/.test(path) && !/\/\.{1,2}\//.test(path)) return path;
  throw new SkyloopError(
    "BAD_OPTION",
    `--base-path is the path of an address, such as /user/ann/proxy/8420/, not ${text}`,
  );
}

/** The origin that an address names: scheme, host and port. Throws BAD_OPTION. */
export function originOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && /^https?:$/.test(url.protocol) && /^\/?$/.test(url.pathname) && url.search + url.hash === "")
    return url.origin;
  throw new SkyloopError(
    "BAD_OPTION",
    `--notebook is the origin of the notebook's page, such as http://localhost:8888, not ${text}`,
  );
}

/** Whether an address lets only this machine in. */
export const isLocal = (host: string) => ["127.0.0.1", "localhost", "::1"].includes(host);

/** The names under which a server that listens on `host` is reached, the one to print first. */
export function hostNamesOf(host: string): string[] {
  if (!EVERYWHERE.includes(host)) return [host];
  const outside = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal }) => !internal);
  const v4 = outside.filter(({ family }) => family === "IPv4").map(({ address }) => address);
  const v6 = outside.filter(({ family }) => family === "IPv6").map(({ address }) => `[${address}]`);
  return [...v4, hostname().toLowerCase(), ...v6];
}

const digest = (text: string) => createHash("sha256").update(text).digest();
const same = (given: string | undefined, token: string) =>
  given !== undefined && timingSafeEqual(digest(given), digest(token));

/** Checks every request before anything else sees it. */
export function guardDoors(app: FastifyInstance, { hostNames, token, basePath = "/", frames = [] }: DoorOptions): void {
  const names = new Set([...LOCAL_NAMES, ...hostNames.map((name) => name.toLowerCase())]);
  const guests = new Set(frames);
  const policy = contentPolicy(frames);
  // Cookies are not kept apart by port: each server has a name of its own.
  const cookie = token === undefined ? "" : `skyloop-${digest(token).toString("hex").slice(0, 8)}`;
  app.addHook("onRequest", async (request, reply) => {
    const guest = isGuest(request, guests);
    reply.headers({
      "Content-Security-Policy": policy,
      "X-Content-Type-Options": "nosniff",
      "Referrer-Policy": "no-referrer",
      "Cross-Origin-Resource-Policy": guest ? "cross-origin" : "same-origin",
      "Cross-Origin-Opener-Policy": "same-origin",
    });
    const refused = refusalOf(request, names, guest);
    if (refused !== null) return reply.code(403).send(refused);
    if (token !== undefined) return checkToken(request, reply, { token, cookie, basePath });
  });
}

/** Whether a request is for the API, however its address is written: routes know, an address may be in escapes. */
const asksApi = ({ routeOptions, url }: FastifyRequest): boolean =>
  [routeOptions.url ?? "", url].some((address) => /^\/(api|vo)(\/|\?|$)/.test(address));

/** Whether a page that may show this one asks. Browsers let no page name another one there. */
function isGuest({ headers: { origin, referer = "" } }: FastifyRequest, guests: Set<string>): boolean {
  if (guests.size === 0) return false;
  return guests.has(origin ?? (URL.canParse(referer) ? new URL(referer).origin : ""));
}

/** Why a request is not answered, whoever it is from. */
function refusalOf(
  request: FastifyRequest,
  names: Set<string>,
  guest: boolean,
): { code: string; message: string } | null {
  const { origin } = request.headers;
  const host = request.headers.host ?? "";
  const site = String(request.headers["sec-fetch-site"]);
  // The whole address in a request's first line outranks its Host header, and is for proxies only.
  if (!(request.raw.url ?? "").startsWith("/"))
    return { code: "HOST_REFUSED", message: "an address here begins with a slash; this server is no proxy" };
  // A page of another site may resolve its own name to this machine: only requests that name this machine are answered.
  if (!names.has(host.toLowerCase().replace(/:\d+$/, "")))
    return {
      code: "HOST_REFUSED",
      message: `requests for ${host || "no host"} are not answered; open http://127.0.0.1, or start with --host-name`,
    };
  // Behind a proxy that names this machine as the host, the browser still says that the page asks its own server.
  const own = origin === `http://${host}` || origin === `https://${host}` || site === "same-origin";
  if (request.method !== "GET" && origin !== undefined && !own)
    return { code: "ORIGIN_REFUSED", message: `a page of ${origin} may not write here` };
  // Browsers say where a request comes from; one for another site's page would start work here, though nobody reads it.
  if (asksApi(request) && /^(cross-site|same-site)$/.test(site) && !(guest && request.method === "GET"))
    return { code: "ORIGIN_REFUSED", message: "a page of another site may not ask here" };
  return null;
}

/**
 * The API is for those who have the token; the page itself holds nothing of a survey, and is given to everybody: opened
 * with `#token=` it keeps the token in memory and sends it as a bearer token.
 */
async function checkToken(
  request: FastifyRequest,
  reply: FastifyReply,
  { token, cookie, basePath }: { token: string; cookie: string; basePath: string },
) {
  const url = new URL(request.url, "http://server");
  const inAddress = url.searchParams.get("token") ?? undefined;
  const isApi = asksApi(request);
  if (!isApi && inAddress === undefined) return;
  const bearer = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1];
  const kept = new RegExp(`(?:^|; ?)${cookie}=([^;]*)`).exec(request.headers.cookie ?? "")?.[1];
  if (same(kept, token) || same(bearer, token)) return;
  if (!same(inAddress, token))
    return reply.code(401).send({
      code: "TOKEN_NEEDED",
      message: "this server asks for a token: open the address that it printed when it was started",
    });
  if (isApi) return;
  // The token leaves the address bar, and with it histories and links that are passed on.
  url.searchParams.delete("token");
  const depth = url.pathname.split("/").length - 2;
  const rest = `${url.pathname.slice(1)}${url.search}`;
  return reply
    .header("Set-Cookie", `${cookie}=${token}; HttpOnly; SameSite=Strict; Path=${basePath}`)
    .redirect(`${depth === 0 ? "./" : "../".repeat(depth)}${rest}`);
}
