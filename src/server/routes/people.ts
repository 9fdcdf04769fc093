import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { codeOf, SkyloopError } from "../../base/errors.ts";
import { Who } from "../../contract/api.ts";
import { Me, Role } from "../../contract/people.ts";
import { html } from "../../plot/html.ts";
import type { Accounts, Person } from "../../store/accounts.ts";
import { cookieOf, keepLogin, namedCookie, ownAddress, setCookie } from "../people/cookies.ts";
import { accountPage, invitationPage, loginPage, messagePage } from "../people/pages.ts";
import type { Leaving, SingleSignOn } from "../people/single.ts";

const LOGIN_DAYS = 30;
const INVITATION_DAYS = 7;
/** Names of any length cost the same to check. */
const LOGINS_A_MINUTE = 60;
const LEAVING = "skyloop-leaving";
const LEAVING_S = 600;
const Secret = z.string().min(1).max(1000);

/** What the routes of accounts stand on. */
export interface PeopleOptions {
  accounts: Accounts | null;
  single: SingleSignOn | null;
  basePath: string;
}

/** Login, invitations, accounts, single sign-on; without accounts only who asks. */
export function peopleRoutes(plain: FastifyInstance, options: PeopleOptions): void {
  const { accounts } = options;
  plain.withTypeProvider<ZodTypeProvider>().get("/api/me", { schema: { response: { 200: Me } } }, ({ person }) => ({
    accounts: accounts !== null,
    name: person?.name ?? null,
    role: accounts === null ? ("owner" as const) : (person?.role ?? ("viewer" as const)),
  }));
  if (accounts === null) return;
  // Forms are read here only: elsewhere bodies are JSON, which no other site's form can send.
  plain.register(async (scope) => {
    scope.addContentTypeParser("application/x-www-form-urlencoded", { parseAs: "string" }, (_request, body, done) =>
      done(null, Object.fromEntries(new URLSearchParams(String(body)))),
    );
    scope.addHook("onRequest", async (_request, reply) => {
      reply.headers({
        "Cache-Control": "no-store",
        "Content-Security-Policy":
          "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
      });
    });
    loginRoutes(scope, { ...options, accounts });
    accountRoutes(scope, { ...options, accounts });
    if (options.single !== null) singleRoutes(scope, { ...options, accounts, single: options.single });
  });
}

const show = (reply: FastifyReply, page: string, status = 200) =>
  reply.code(status).type("text/html; charset=utf-8").send(page);
const hidden = { hide: true };
const said = (error: unknown): string => {
  if (error instanceof SkyloopError) return error.message;
  throw error;
};
const To = z.object({ to: z.string().max(2000).optional() });
const STATUS: Record<string, number> = { LOGIN_LIMIT: 429, LOGIN_REFUSED: 401, NAME_TAKEN: 409 };
const statusOf = (error: unknown) => STATUS[codeOf(error) ?? ""] ?? 400;

type WithAccounts = PeopleOptions & { accounts: Accounts };

async function enter(reply: FastifyReply, { accounts, basePath }: WithAccounts, person: Person, to: string) {
  keepLogin(reply, await accounts.begin(person, LOGIN_DAYS), basePath, LOGIN_DAYS);
  return reply.redirect(to, 303);
}

/** A page of this server, from its root on, without a slash before it; "" where it is none. */
function pageOf(to = ""): string {
  const server = "http://server";
  if (!URL.canParse(to, `${server}/`)) return "";
  const { origin, pathname, search } = new URL(to, `${server}/`);
  return origin === server ? `${pathname}${search}`.replace(/^\/+/, "") : "";
}

function loginRoutes(plain: FastifyInstance, options: WithAccounts): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();
  const { accounts, basePath } = options;
  const issuer = options.single?.issuer ?? null;
  const limited = { rateLimit: { max: LOGINS_A_MINUTE, timeWindow: "1 minute" } };

  app.get("/login", { schema: { ...hidden, querystring: To } }, ({ query: { to } }, reply) =>
    show(reply, loginPage(issuer, null, "", pageOf(to))),
  );

  app.post(
    "/login",
    { config: limited, schema: { ...hidden, body: To.extend({ name: Who, password: Secret }) } },
    async ({ body: { name, password, to } }, reply) => {
      try {
        return await enter(reply, options, await accounts.check(name, password), `./${pageOf(to)}`);
      } catch (error) {
        return show(reply, loginPage(issuer, said(error), "", pageOf(to)), statusOf(error));
      }
    },
  );

  app.post(
    "/logout",
    { schema: { ...hidden, body: z.object({ everywhere: z.string().optional() }).nullish() } },
    async (request, reply) => {
      const token = cookieOf(request);
      if (token !== null) await accounts.end(token, request.body?.everywhere === "yes");
      keepLogin(reply, null, basePath, 0);
      return reply.redirect("login", 303);
    },
  );

  const Invitation = z.object({ token: Secret });
  app.get("/invite/:token", { schema: { ...hidden, params: Invitation } }, async ({ params: { token } }, reply) => {
    try {
      return show(reply, invitationPage(token, await accounts.invited(token), issuer, null));
    } catch (error) {
      return show(reply, messagePage("Invitation", said(error), "../login"), 404);
    }
  });

  app.post(
    "/invite/:token",
    {
      config: limited,
      schema: { ...hidden, params: Invitation, body: z.object({ name: Who, password: z.string().max(1000) }) },
    },
    async ({ params: { token }, body: { name, password } }, reply) => {
      try {
        return await enter(reply, options, await accounts.accept(token, name, { password }), "../");
      } catch (error) {
        if (codeOf(error) === "INVITATION_USED")
          return show(reply, messagePage("Invitation", said(error), "../login"), 404);
        return show(reply, invitationPage(token, await accounts.invited(token), issuer, said(error)), statusOf(error));
      }
    },
  );
}

/** Who asks, on routes that the table of access gives to people with an account only. */
const mustBe = ({ person }: FastifyRequest): Person => {
  if (person === null) throw new SkyloopError("LOGIN_NEEDED", "log in at /login");
  return person;
};

function accountRoutes(plain: FastifyInstance, { accounts, basePath }: WithAccounts): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();

  app.get("/account", { schema: hidden }, async (request, reply) => {
    const person = mustBe(request);
    return show(reply, accountPage(person, person.role === "owner" ? await accounts.list() : null));
  });

  app.post(
    "/account/password",
    { schema: { ...hidden, body: z.object({ old: Secret, password: z.string().max(1000) }) } },
    async (request, reply) => {
      try {
        const { name } = await accounts.check(mustBe(request).name, request.body.old);
        await accounts.setPassword(name, request.body.password, cookieOf(request));
        return show(reply, messagePage("Password changed", "Your other logins have ended.", "../account"));
      } catch (error) {
        return show(reply, messagePage("Password not changed", said(error), "../account"), statusOf(error));
      }
    },
  );

  app.post("/account/invite", { schema: { ...hidden, body: z.object({ role: Role }) } }, async (request, reply) => {
    const token = await accounts.invite(request.body.role, mustBe(request).name, INVITATION_DAYS);
    const address = `${ownAddress(request, basePath)}invite/${token}`;
    return show(
      reply,
      messagePage(
        "Invitation",
        html`Send this address to one person. It makes one account (${request.body.role}) within ${INVITATION_DAYS} days, and is not shown again:<br><code>${address}</code>`,
        "../account",
      ),
    );
  });

  app.post(
    "/account/program",
    { schema: { ...hidden, body: z.object({ name: Who, role: Role }) } },
    async ({ body: { name, role } }, reply) => {
      try {
        const token = await accounts.begin(await accounts.add(name, role, null), null);
        const text = html`${name} may do what a ${role} may. Its token is not shown again:<br><code>Authorization: Bearer ${token}</code>`;
        return show(reply, messagePage("Token", text, "../account"));
      } catch (error) {
        return show(reply, messagePage("No token", said(error), "../account"), statusOf(error));
      }
    },
  );

  app.post(
    "/account/people",
    { schema: { ...hidden, body: z.object({ name: Who, role: Role, change: z.enum(["role", "leave"]) }) } },
    async ({ body: { name, role, change } }, reply) => {
      try {
        await accounts.change(name, change === "leave" ? { disabled: true } : { role, disabled: false });
        return reply.redirect("../account", 303);
      } catch (error) {
        return show(reply, messagePage("Not changed", said(error), "../account"), statusOf(error));
      }
    },
  );
}

function singleRoutes(plain: FastifyInstance, options: WithAccounts & { single: SingleSignOn }): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();
  const { accounts, single, basePath } = options;
  const back = (request: FastifyRequest) => `${ownAddress(request, basePath)}login/oidc/callback`;

  app.get(
    "/login/oidc",
    { schema: { ...hidden, querystring: To.extend({ invitation: Secret.optional() }) } },
    async (request, reply) => {
      const { invitation = null, to } = request.query;
      const { address, leaving } = await single.begin(back(request), { invitation, to: pageOf(to) });
      const kept = Buffer.from(JSON.stringify(leaving)).toString("base64url");
      setCookie(reply, LEAVING, kept, basePath, LEAVING_S);
      return reply.redirect(address, 303);
    },
  );

  app.get("/login/oidc/callback", { schema: hidden }, async (request, reply) => {
    const refuse = (why: string) => show(reply, loginPage(single.issuer, why, "../../"), 403);
    const kept = namedCookie(request, LEAVING);
    setCookie(reply, LEAVING, null, basePath, 0);
    if (kept === null) return refuse("Single sign-on was begun in another browser, or more than ten minutes ago.");
    try {
      const leaving = JSON.parse(Buffer.from(kept, "base64url").toString()) as Leaving;
      const { search } = new URL(request.url, "http://server");
      const { subject, name } = await single.finish(`${back(request)}${search}`, leaving);
      const known = await accounts.bySubject(subject);
      if (known !== null) return await enter(reply, options, known, `../../${pageOf(leaving.to)}`);
      if (leaving.invitation === null)
        return refuse(
          `${name} has no account here: open the invitation that an owner sent you, and log in from there.`,
        );
      return await enter(reply, options, await accounts.accept(leaving.invitation, name, { subject }), "../../");
    } catch (error) {
      return refuse(said(error));
    }
  });
}
