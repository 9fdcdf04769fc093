/** The cookies of accounts, and under which address the browser sees this server. */
import type { FastifyReply, FastifyRequest } from "fastify";

const NAMES = ["__Host-skyloop", "__Secure-skyloop", "skyloop-login"] as const;

/** Whether the browser speaks HTTPS, to the proxy before this server. */
const isSecure = ({ headers }: FastifyRequest) => headers["x-forwarded-proto"] === "https";

/** Address of this server as the browser sees it, with a slash at its end. */
export const ownAddress = (request: FastifyRequest, basePath: string): string =>
  `${isSecure(request) ? "https" : "http"}://${request.headers.host}${basePath}`;

/** A cookie by its name; null where it is not sent. */
export function namedCookie({ headers }: FastifyRequest, name: string): string | null {
  for (const part of (headers.cookie ?? "").split(/; ?/))
    if (part.startsWith(`${name}=`)) return part.slice(name.length + 1);
  return null;
}

/** The token of a login that a browser sends. */
export const cookieOf = (request: FastifyRequest): string | null =>
  NAMES.map((name) => namedCookie(request, name)).find((token) => token !== null && token !== "") ?? null;

/**
 * Sets a cookie that scripts cannot read and other sites' forms do not send; a null `value` ends it. The prefix __Host-
 * binds it to this host and to HTTPS.
 */
export function setCookie(
  reply: FastifyReply,
  name: string,
  value: string | null,
  path: string,
  seconds: number,
): void {
  const secure = isSecure(reply.request) ? "; Secure" : "";
  const age = value === null ? 0 : seconds;
  const text = `${name}=${value ?? ""}; HttpOnly; SameSite=Lax; Path=${path}; Max-Age=${age}${secure}`;
  reply.header("Set-Cookie", [reply.getHeader("Set-Cookie") ?? [], text].flat() as string[]);
}

/** Keeps a login's token in the browser, or with null ends it. */
export function keepLogin(reply: FastifyReply, token: string | null, basePath: string, days: number): void {
  const [host, path, plain] = NAMES;
  const name = !isSecure(reply.request) ? plain : basePath === "/" ? host : path;
  setCookie(reply, name, token, basePath, days * 86_400);
}
