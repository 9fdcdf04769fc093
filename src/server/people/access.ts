/**
 * Who may call which address, where a server has accounts: one table, and a line in it for each new route. What it does
 * not list is the owners'. Labels are
 * of the account that sends them, whatever name the request says.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { tokenHash } from "../../base/secrets.ts";
import type { Role } from "../../contract/people.ts";
import type { Accounts, Person } from "../../store/accounts.ts";
import { cookieOf } from "./cookies.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** The account that asks; null without one. */
    person: Person | null;
  }
}

/** Least role for each address; "anyone" needs no account. */
export const ACCESS: Record<string, Role | "anyone"> = {
  "GET /": "anyone",
  "GET /*": "anyone",
  "GET /client/skyloop.py": "anyone",
  "GET /login": "anyone",
  "POST /login": "anyone",
  "GET /login/oidc": "anyone",
  "GET /login/oidc/callback": "anyone",
  "GET /invite/:token": "anyone",
  "POST /invite/:token": "anyone",
  "GET /api/me": "anyone",
  "GET /api/health": "anyone",
  "POST /logout": "viewer",
  "GET /account": "viewer",
  "POST /account/password": "viewer",
  "POST /account/invite": "owner",
  "POST /account/program": "owner",
  "POST /account/people": "owner",
  "GET /api/docs": "viewer",
  "GET /api/docs/json": "viewer",
  "GET /api/surveys": "viewer",
  "GET /api/surveys/:survey": "viewer",
  "GET /api/surveys/:survey/columns/:column": "viewer",
  "GET /api/surveys/:survey/heads": "viewer",
  "GET /api/surveys/:survey/map": "viewer",
  "POST /api/surveys/:survey/lookup": "viewer",
  "POST /api/surveys/:survey/predictions/:name": "viewer",
  "GET /api/surveys/:survey/unusual": "viewer",
  "POST /api/surveys/:survey/similar": "viewer",
  "GET /api/surveys/:survey/cone": "viewer",
  "POST /api/surveys/:survey/match": "viewer",
  "GET /vo/scs": "viewer",
  "GET /vo/:survey/scs": "viewer",
  "GET /api/samp": "viewer",
  "POST /api/samp/connect": "owner",
  "POST /api/samp/table": "owner",
  "POST /api/samp/point": "owner",
  "GET /api/surveys/:survey/objects": "viewer",
  "GET /api/surveys/:survey/objects/:object": "viewer",
  "GET /api/surveys/:survey/objects/:object/cutout": "viewer",
  "GET /api/surveys/:survey/objects/:object/improved": "viewer",
  "GET /api/surveys/:survey/objects/:object/neighbours": "viewer",
  "GET /api/surveys/:survey/objects/:object/picture": "viewer",
  "GET /api/surveys/:survey/objects/:object/pixels": "viewer",
  "GET /api/surveys/:survey/objects/:object/predictions": "viewer",
  "GET /api/surveys/:survey/fields": "viewer",
  "GET /api/surveys/:survey/fields/:field": "viewer",
  "GET /api/surveys/:survey/fields/:field/tiles/:tile": "viewer",
  "POST /api/surveys/:survey/candidates": "viewer",
  "GET /api/stream": "viewer",
  "GET /api/sessions": "viewer",
  "GET /api/sessions/:session": "viewer",
  "GET /api/sessions/:session/events": "viewer",
  "GET /api/sessions/:session/learning": "viewer",
  "GET /api/sessions/:session/purity": "viewer",
  "GET /api/sessions/:session/preview": "viewer",
  "GET /api/sessions/:session/ranking": "viewer",
  "GET /api/sessions/:session/rounds/:round": "viewer",
  "GET /api/sessions/:session/scores": "viewer",
  "GET /api/sessions/:session/skipped": "viewer",
  "GET /api/sessions/:session/stream": "viewer",
  "GET /api/sessions/:session/why/:object": "viewer",
  "POST /api/sessions/:session/labels": "labeller",
  "POST /api/sessions/:session/undo": "labeller",
  "POST /api/sessions/:session/redo": "labeller",
  "POST /api/sessions/:session/rounds": "labeller",
  "POST /api/sessions": "owner",
  "POST /api/sessions/:session/alpha": "owner",
  "POST /api/sessions/:session/change": "owner",
  "POST /api/sessions/:session/copy": "owner",
  "POST /api/sessions/:session/import": "owner",
  "GET /api/sessions/:session/agreement": "owner",
  "GET /api/sessions/:session/undecided": "owner",
  "GET /api/sessions/:session/export": "owner",
  "GET /api/sessions/:session/report": "owner",
};

const AN: Record<Role, string> = { viewer: "a viewer", labeller: "a labeller", owner: "an owner" };
const RANK: Record<Role, number> = { viewer: 1, labeller: 2, owner: 3 };
/** A login that was ended elsewhere is let in for so long at most. */
const KNOWN_MS = 3000;
const MOST_KNOWN = 10_000;

/** Whether a role may do what asks for `least`. */
const mayDo = (role: Role, least: Role): boolean => RANK[role] >= RANK[least];

function leastRole({ method, routeOptions, url }: FastifyRequest): Role | "anyone" {
  const route = routeOptions.url;
  // Nothing is there; the page itself holds nothing of a survey.
  if (route === undefined || route === "/*") return /^\/(api|vo)(\/|\?|$)/.test(url) ? "viewer" : "anyone";
  return ACCESS[`${method === "HEAD" ? "GET" : method} ${route}`] ?? "owner";
}

/** Checks every request's account and role before its route sees it; without accounts nobody is asked. */
export function guardPeople(app: FastifyInstance, accounts: Accounts | null): void {
  app.decorateRequest("person", null);
  if (accounts === null) return;
  const known = new Map<string, { person: Person | null; until: number }>();
  const whose = async (token: string) => {
    const key = tokenHash(token);
    const now = performance.now();
    const found = known.get(key);
    if (found !== undefined && found.until > now) return found.person;
    if (known.size >= MOST_KNOWN) known.clear();
    const person = await accounts.whose(token);
    known.set(key, { person, until: now + KNOWN_MS });
    return person;
  };
  /** A stream is open for hours: it ends with the login that began it, or with the right to look. */
  const watch = (token: string, least: Role, { raw }: FastifyReply) => {
    const timer = setInterval(async () => {
      // A database that is away for a moment ends no stream.
      const person = await whose(token).catch(() => undefined);
      if (person === null || (person !== undefined && !mayDo(person.role, least))) raw.end();
    }, KNOWN_MS).unref();
    raw.on("close", () => clearInterval(timer));
  };
  app.addHook("onRequest", async (request, reply) => {
    const least = leastRole(request);
    const bearer = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1];
    const token = bearer ?? cookieOf(request);
    if (token !== null) request.person = await whose(token);
    if (least === "anyone") return;
    if (request.person === null)
      return reply.code(401).send({ code: "LOGIN_NEEDED", message: "log in at /login, or send a token" });
    if (!mayDo(request.person.role, least)) return reply.code(403).send(roleMissing(request.person, least));
    if (token !== null && routeOf(request).endsWith("/stream")) watch(token, least, reply);
  });
  // What a request changes (logout, password, roles) holds from the next one on.
  app.addHook("onResponse", async ({ method, routeOptions }) => {
    if (method === "POST" && /^\/(log|account)/.test(routeOptions.url ?? "")) known.clear();
  });
  app.addHook("preValidation", async (request, reply) => {
    const { person, body, query } = request;
    if (person === null || !/^\/api\/sessions/.test(routeOf(request))) return;
    const parts = [
      request.method === "POST" ? body : null,
      routeOf(request) === "/api/sessions/:session" ? query : null,
    ];
    for (const part of parts) if (typeof part === "object" && part !== null) Object.assign(part, { who: person.name });
    // The next round is anybody's who labels; its alpha is not.
    const leads = typeof body === "object" && body !== null && "alpha" in body;
    if (leads && !mayDo(person.role, "owner")) return reply.code(403).send(roleMissing(person, "owner"));
  });
}

const routeOf = ({ routeOptions }: FastifyRequest) => routeOptions.url ?? "";
const roleMissing = ({ name, role }: Person, least: Role) => ({
  code: "ROLE_MISSING",
  message: `${name} is ${AN[role]} here, this needs ${AN[least]}; ask an owner`,
});
