/** Who is let in: which names the server answers to, which pages may ask, and a token where other machines reach it. */
import { createHash, timingSafeEqual } from "node:crypto";
import { hostname, networkInterfaces } from "node:os";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

const LOCAL_NAMES = ["127.0.0.1", "localhost", "[::1]"];
/** Addresses that listen to every network of the machine. */
const EVERYWHERE = ["0.0.0.0", "::"];
/** Nothing from elsewhere, no inline script; pictures may come from memory (blob:). */
const CONTENT_POLICY =
  "default-src 'self'; img-src 'self' blob: data:; style-src 'self'; script-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/** Under which names the server is asked, and with what secret. */
export interface DoorOptions {
  /** Names that the Host header may have beside those of this machine itself. */
  hostNames: string[];
  /** Asked of everybody where it is given: in the address that is opened, then in a cookie, or as a bearer token. */
  token?: string;
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
export function guardDoors(app: FastifyInstance, { hostNames, token }: DoorOptions): void {
  const names = new Set([...LOCAL_NAMES, ...hostNames.map((name) => name.toLowerCase())]);
  // Cookies are not kept apart by port: each server has a name of its own.
  const cookie = token === undefined ? "" : `skyloop-${digest(token).toString("hex").slice(0, 8)}`;
  app.addHook("onRequest", async (request, reply) => {
    reply.headers({
      "Content-Security-Policy": CONTENT_POLICY,
      "X-Content-Type-Options": "nosniff",
      "Referrer-Policy": "no-referrer",
      "Cross-Origin-Resource-Policy": "same-origin",
      "Cross-Origin-Opener-Policy": "same-origin",
    });
    const refused = refusalOf(request, names);
    if (refused !== null) return reply.code(403).send(refused);
    if (token !== undefined) return checkToken(request, reply, token, cookie);
  });
}

/** Why a request is not answered, whoever it is from. */
function refusalOf(request: FastifyRequest, names: Set<string>): { code: string; message: string } | null {
  const { origin } = request.headers;
  const host = request.headers.host ?? "";
  // A page of another site may resolve its own name to this machine: only requests that name this machine are answered.
  if (!names.has(host.toLowerCase().replace(/:\d+$/, "")))
    return {
      code: "HOST_REFUSED",
      message: `requests for ${host || "no host"} are not answered; open http://127.0.0.1, or start with --host-name`,
    };
  if (request.method !== "GET" && origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`)
    return { code: "ORIGIN_REFUSED", message: `a page of ${origin} may not write here` };
  // Browsers say where a request comes from; one for another site's page would start work here, though nobody reads it.
  if (/^\/api\//.test(request.url) && /^(cross-site|same-site)$/.test(String(request.headers["sec-fetch-site"])))
    return { code: "ORIGIN_REFUSED", message: "a page of another site may not ask here" };
  return null;
}

async function checkToken(request: FastifyRequest, reply: FastifyReply, token: string, cookie: string) {
  const url = new URL(request.url, "http://server");
  const inAddress = url.searchParams.get("token") ?? undefined;
  const bearer = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1];
  const kept = new RegExp(`(?:^|; ?)${cookie}=([^;]*)`).exec(request.headers.cookie ?? "")?.[1];
  if (same(kept, token) || same(bearer, token)) return;
  if (!same(inAddress, token))
    return reply.code(401).send({
      code: "TOKEN_NEEDED",
      message: "this server asks for a token: open the address that it printed when it was started",
    });
  if (url.pathname.startsWith("/api/")) return;
  // The token leaves the address bar, and with it histories and links that are passed on.
  url.searchParams.delete("token");
  const depth = url.pathname.split("/").length - 2;
  const rest = `${url.pathname.slice(1)}${url.search}`;
  return reply
    .header("Set-Cookie", `${cookie}=${token}; HttpOnly; SameSite=Strict; Path=/`)
    .redirect(`${depth === 0 ? "./" : "../".repeat(depth)}${rest}`);
}
