import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { hasPostgres, testDatabase } from "../../../test/fixtures/postgres.ts";
import { featuredSurvey, temporaryFolder } from "../../../test/fixtures/surveys.ts";
import { PACKAGE_ROOT } from "../../base/paths.ts";
import { hashPassword } from "../../base/secrets.ts";
import { buildProgram } from "../../cli/main.ts";
import type { Role } from "../../contract/people.ts";
import { Accounts, type Person } from "../../store/accounts.ts";
import { openSurvey } from "../../survey/folder.ts";
import { buildServer } from "../app.ts";
import { serve } from "../listen.ts";
import { ACCESS } from "./access.ts";

const folder = temporaryFolder();
const ROLES: Role[] = ["viewer", "labeller", "owner"];
const PASSWORD = "correct horse";
let [survey, url, address, session] = ["", "", "", ""];
let sql: postgres.Sql;
let accounts: Accounts;
let app: Awaited<ReturnType<typeof buildServer>>;
const tokens: Partial<Record<Role, string>> = {};

/** A request as a browser sends it: its answer is not followed, and not waited for to its end. */
async function ask(method: string, path: string, headers: Record<string, string> = {}, body?: string) {
  const answer = await fetch(`${address}${path}`, { method, headers, body, redirect: "manual" });
  const stream = answer.headers.get("content-type")?.includes("event-stream");
  const text = stream ? "" : await answer.text();
  if (stream) await answer.body?.cancel();
  const cookies = answer.headers.getSetCookie().map((cookie) => cookie.split(";")[0]);
  return { status: answer.status, text, headers: answer.headers, cookie: cookies.join("; ") };
}
const bearer = (token: string | undefined) => ({ authorization: `Bearer ${token}` });
const form = (path: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
  ask(
    "POST",
    path,
    { "content-type": "application/x-www-form-urlencoded", ...headers },
    new URLSearchParams(fields).toString(),
  );
const json = (path: string, body: object, headers: Record<string, string>) =>
  ask("POST", path, { "content-type": "application/json", ...headers }, JSON.stringify(body));

async function person(name: string, role: Role): Promise<Person> {
  // A cheap password: what costs is tested once.
  const password = await hashPassword(PASSWORD, { logN: 4, r: 8, p: 1 });
  const [{ user_id }] = await sql`INSERT INTO skyloop.users ${sql({ name, role, password })} RETURNING user_id`;
  return { id: user_id, name, role };
}

describe.skipIf(!hasPostgres)("a server with accounts", () => {
  beforeAll(async () => {
    survey = await featuredSurvey(folder.path, 8, (row) => row % 2 === 0);
    url = await testDatabase();
    vi.stubEnv("DATABASE_URL", url);
    sql = postgres(url, { max: 2, onnotice: () => {} });
    accounts = await Accounts.open(url);
    for (const role of ROLES) tokens[role] = await accounts.begin(await person(role, role), 30);
    app = await buildServer({ surveys: [survey], accounts });
    address = await app.listen({ host: "127.0.0.1", port: 0 });
    const { ids, rest } = { ids: ["0", "1"], rest: { survey: "small", model: "toy", target: "t" } };
    const [positive, negative] = (await openSurvey(survey)).rows.slice(0, ids.length).map(({ id }) => [id]);
    const made = await json("/api/sessions", { ...rest, positive, negative }, bearer(tokens.owner));
    session = JSON.parse(made.text).session;
  }, 60_000);
  afterAll(async () => {
    await app?.close();
    await sql?.end();
    vi.unstubAllEnvs();
    folder.remove();
  });

  it("lets each role do what the table says and no more; the docs hold the answers", async () => {
    const fill = (path: string) => path.replace(/:\w+/g, "none").replace("*", "");
    const answered = async (route: string): Promise<string[]> => {
      const [method, path] = route.split(" ");
      const answers = [null, ...ROLES].map(async (who) => {
        const { status, text } = await ask(method, fill(path), who === null ? {} : bearer(tokens[who]));
        const code = status === 401 || status === 403 ? JSON.parse(text).code : null;
        return code === "LOGIN_NEEDED" ? "401" : code === "ROLE_MISSING" ? "403" : "yes";
      });
      return Promise.all(answers);
    };
    const lines = await Promise.all(
      Object.entries(ACCESS).map(async ([route, least]) => {
        const answers = await answered(route);
        const from = least === "anyone" ? 0 : 1 + ROLES.indexOf(least);
        const wanted = answers.map((_, i) => (i >= from ? "yes" : i === 0 ? "401" : "403"));
        expect([route, ...answers]).toEqual([route, ...wanted]);
        return `| \`${route}\` | ${answers.join(" | ")} |`;
      }),
    );
    const table = `<!-- access -->\n| address | nobody | viewer | labeller | owner |\n|---|---|---|---|---|\n${lines.join("\n")}\n<!-- end -->`;
    const page = join(PACKAGE_ROOT, "docs/guides/access.md");
    const docs = readFileSync(page, "utf8");
    if (process.env.SKYLOOP_WRITE_DOCS) writeFileSync(page, docs.replace(/<!-- access -->.*<!-- end -->/s, table));
    else expect(docs).toContain(table);
  });

  it("has every address of the API in its table", async () => {
    const { paths } = JSON.parse((await ask("GET", "/api/docs/json", bearer(tokens.viewer))).text);
    const routes = Object.entries(paths as Record<string, object>).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ":$1")}`),
    );
    expect(routes.length).toBeGreaterThan(30);
    expect(routes.filter((route) => !(route in ACCESS))).toEqual([]);
  });

  it("asks at addresses that are not there, or written in escapes, too", async () => {
    for (const path of ["/api", "/api/none", "/%61pi/surveys", "/api/surveys/"])
      expect([path, (await ask("GET", path)).status]).toEqual([path, 401]);
    expect((await ask("HEAD", "/api/surveys")).status).toBe(401);
    expect((await ask("GET", "/session/x")).status).not.toBe(401);
  });

  it("writes labels under the account's name, whatever the request says, and leaves alpha to owners", async () => {
    const { text } = await ask("GET", "/api/surveys/small/objects?random=8&seed=1", bearer(tokens.viewer));
    const [{ object }] = JSON.parse(text).objects;
    const labels = [{ object, value: "positive" }];
    const path = `/api/sessions/${session}`;
    const saved = await json(`${path}/labels`, { who: "owner", labels }, bearer(tokens.labeller));
    expect(JSON.parse(saved.text).events[0]).toMatchObject({ who: "labeller", object });
    expect((await json(`${path}/undo`, { who: "owner" }, bearer(tokens.labeller))).status).toBe(200);
    expect((await json(`${path}/rounds`, { alpha: 1 }, bearer(tokens.labeller))).status).toBe(403);
    const me = JSON.parse((await ask("GET", "/api/me", bearer(tokens.labeller))).text);
    expect(me).toEqual({ accounts: true, name: "labeller", role: "labeller" });
    expect(JSON.parse((await ask("GET", "/api/me")).text)).toEqual({ accounts: true, name: null, role: "viewer" });
  });

  it("hides others' labels in a blind session from whoever has not answered, wherever they could be read", async () => {
    const ids = (await openSurvey(survey)).rows.map(({ id }) => id);
    const team = { mode: "blind", overlap: 1, gold: { positive: [ids[6]], negative: [] } };
    const wanted = { survey: "small", model: "toy", target: "blind", positive: [ids[0]], negative: [ids[1]], team };
    const made = JSON.parse((await json("/api/sessions", wanted, bearer(tokens.owner))).text);
    expect(made.team).toEqual({ mode: "blind", overlap: 1, panel: 3, weights: "majority" });
    const path = `/api/sessions/${made.session}`;
    const say = (role: Role, object: string, value: string) =>
      json(`${path}/labels`, { labels: [{ object, value }] }, bearer(tokens[role]));
    await say("labeller", ids[2], "positive");
    const read = async (part: string, role: Role = "owner") =>
      (await ask("GET", `${path}${part}`, bearer(tokens[role]))).text;
    const mentions = async (role: Role) => ({
      state: JSON.parse(await read("", role)).labels[ids[2]]?.value,
      events: JSON.parse(await read("/events", role)).some(({ object }: { object: string }) => object === ids[2]),
      ranking: JSON.parse(await read("/ranking", role)).rows.find(({ object }: { object: string }) => object === ids[2])
        .label,
    });
    const hidden = { state: undefined, events: false, ranking: null };
    expect(await mentions("labeller")).toEqual({ state: "positive", events: true, ranking: "positive" });
    expect(await mentions("owner")).toEqual(hidden);
    expect(await mentions("viewer")).toEqual(hidden);
    const labels = Buffer.from(
      await (await fetch(`${address}${path}/scores`, { headers: bearer(tokens.owner) })).arrayBuffer(),
    );
    expect([...labels.subarray(32)]).toEqual([1, 2, 0, 0, 0, 0, 0, 0]);
    await say("owner", ids[2], "negative");
    // What is known needs no further opinion.
    await say("labeller", ids[6], "negative");
    await say("owner", ids[6], "positive");
    expect(await mentions("owner")).toEqual({ state: "negative", events: true, ranking: "negative" });
    const undecided = JSON.parse(await read("/undecided"));
    expect(undecided.picks.map(({ object }: { object: string }) => object)).toEqual([ids[2]]);
    const agreement = JSON.parse(await read("/agreement"));
    expect(agreement.people.map(({ who, yes, no }: Record<string, unknown>) => [who, yes, no])).toEqual([
      ["labeller", 1, 1],
      ["owner", 1, 1],
    ]);
    const table = await read("/export?format=csv&columns=answers&names=pseudonyms");
    expect(table).toContain("person 2: positive; person 1: negative");
    expect(table).not.toMatch(/labeller|owner/);
  });

  it("logs in with name and password, out again here or everywhere, and ends the others with a new password", async () => {
    await person("Ann", "labeller");
    const enter = (password = PASSWORD) => form("/login", { name: "ann", password });
    const [one, two, three] = [await enter(), await enter(), await enter()];
    expect([one.status, one.headers.get("location")]).toEqual([303, "./"]);
    expect(one.headers.get("set-cookie")).toMatch(
      /^skyloop-login=[\w-]{43}; HttpOnly; SameSite=Lax; Path=\/; Max-Age=2592000$/,
    );
    const status = async ({ cookie }: typeof one) => (await ask("GET", "/api/surveys", { cookie })).status;
    expect(await Promise.all([one, two, three].map(status))).toEqual([200, 200, 200]);
    await form("/logout", {}, { cookie: one.cookie });
    expect(await Promise.all([one, two, three].map(status))).toEqual([401, 200, 200]);
    const other = "battery staple";
    const fields = { old: PASSWORD, password: other };
    expect((await form("/account/password", fields, { cookie: two.cookie })).status).toBe(200);
    expect(await Promise.all([two, three].map(status))).toEqual([200, 401]);
    await form("/logout", { everywhere: "yes" }, { cookie: two.cookie });
    expect(await status(two)).toBe(401);
    // Four logins and one change of the password: the next try is too many.
    expect((await enter(other)).status).toBe(303);
    expect((await enter(other)).status).toBe(429);
    await sql`UPDATE skyloop.login_tries SET at = at - interval '61 seconds'`;
    const wrong = await enter("something else");
    expect([wrong.status, wrong.text]).toEqual([401, expect.stringContaining("do not belong together")]);
    expect((await form("/login", { name: "nobody", password: "x" })).status).toBe(401);
  });

  it("leads back after the login to the page that asked for it, and to no other server", async () => {
    const page = "session/t?who=ü";
    const shown = await ask("GET", `/login?to=${encodeURIComponent(page)}`);
    expect(shown.text).toContain('name="to" value="session/t?who=%C3%BC"');
    await sql`DELETE FROM skyloop.login_tries`;
    const after = async (to: string) => {
      const { status, headers } = await form("/login", { name: "viewer", password: PASSWORD, to });
      return [status, headers.get("location")];
    };
    expect(await after(page)).toEqual([303, "./session/t?who=%C3%BC"]);
    expect(await after("https://evil.example/session")).toEqual([303, "./"]);
    expect(await after("//evil.example/session")).toEqual([303, "./"]);
    await sql`DELETE FROM skyloop.login_tries`;
    const wrong = await form("/login", { name: "viewer", password: "wrong", to: page });
    expect(wrong.text).toContain('name="to" value="session/t?who=%C3%BC"');
  });

  it("gives cookies to HTTPS only where a proxy says that the browser speaks it, and forgets a login after 30 days", async () => {
    const secure = await form("/login", { name: "viewer", password: PASSWORD }, { "x-forwarded-proto": "https" });
    expect(secure.headers.get("set-cookie")).toMatch(
      /^__Host-skyloop=.*; HttpOnly; SameSite=Lax; Path=\/; Max-Age=\d+; Secure$/,
    );
    const late = await accounts.begin(await person("Late", "viewer"), 30);
    await sql`UPDATE skyloop.logins SET expires_at = expires_at - interval '30 days' WHERE user_id = (SELECT user_id FROM skyloop.users WHERE name = 'Late')`;
    expect((await ask("GET", "/api/surveys", bearer(late))).status).toBe(401);
  });

  it("takes forms of its own pages only", async () => {
    const refused = await form("/login", { name: "viewer", password: PASSWORD }, { origin: "http://evil.example" });
    expect(JSON.parse(refused.text).code).toBe("ORIGIN_REFUSED");
    const labels = await form(`/api/sessions/${session}/labels`, { labels: "[]" }, bearer(tokens.owner));
    expect(labels.status).toBe(415);
  });

  it("invites once, within seven days, and never gives a name twice", async () => {
    const page = await form("/account/invite", { role: "labeller" }, bearer(tokens.owner));
    const path = /invite\/[\w-]{43}/.exec(page.text)?.[0] as string;
    expect((await ask("GET", `/${path}`)).text).toContain("invited as labeller");
    const accept = (name: string, password = PASSWORD) => form(`/${path}`, { name, password });
    expect((await accept("Bo", "short")).text).toContain("at least 8 characters");
    expect((await accept("OWNER")).status).toBe(409);
    const both = await Promise.all([accept("Bo"), accept("Cy")]);
    expect(both.map(({ status }) => status).sort()).toEqual([303, 404]);
    const { cookie } = both.find(({ status }) => status === 303) as (typeof both)[number];
    expect(JSON.parse((await ask("GET", "/api/me", { cookie })).text)).toMatchObject({ role: "labeller" });
    const old = await accounts.invite("owner", "owner", 7);
    await sql`UPDATE skyloop.invitations SET expires_at = expires_at - interval '7 days'`;
    expect((await ask("GET", `/invite/${old}`)).status).toBe(404);
  });

  it("ends a stream with the login that began it, and no other", async () => {
    const { id } = await person("leaving", "viewer");
    const token = await accounts.begin({ id, name: "leaving", role: "viewer" }, 30);
    const streamOf = async (login: string | undefined) => {
      const answer = await fetch(`${address}/api/sessions/${session}/stream`, { headers: bearer(login) });
      const ended = (async () => {
        for await (const _ of answer.body as ReadableStream<Uint8Array>);
        return "ended";
      })();
      return { answer, ended };
    };
    const [theirs, others] = await Promise.all([streamOf(token), streamOf(tokens.viewer)]);
    await accounts.end(token, false);
    expect(await theirs.ended).toBe("ended");
    expect(await Promise.race([others.ended, "open"])).toBe("open");
    others.ended.catch(() => {});
  }, 20_000);

  it("has commands for the same", async () => {
    const spy = vi.spyOn(process.stdout, "write").mockReturnValue(true);
    const user = (...args: string[]) => buildProgram().parseAsync(["user", ...args], { from: "user" });
    await user("add", "robot", "--role", "viewer", "--service");
    const token = String(spy.mock.calls.at(-1)?.[0]).trim();
    await user("role", "robot", "--role", "labeller");
    await user("list");
    await user("invite", "--role", "viewer");
    const said = spy.mock.calls.join("");
    spy.mockRestore();
    expect(said).toMatch(/robot {2}labeller, a program\n/);
    expect(said).toMatch(/invite\/[\w-]{43}\n/);
    expect(JSON.parse((await ask("GET", "/api/me", bearer(token))).text)).toMatchObject({ name: "robot" });
    vi.stubEnv("DATABASE_URL", "");
    await expect(user("list")).rejects.toMatchObject({ code: "DATABASE_MISSING" });
    vi.stubEnv("DATABASE_URL", url);
  });

  it("changes roles, lets people and programs go, and keeps one owner", async () => {
    const made = await form("/account/program", { name: "notebook", role: "viewer" }, bearer(tokens.owner));
    const token = /Bearer ([\w-]{43})/.exec(made.text)?.[1] as string;
    const change = (name: string, change: string, role = "labeller") =>
      form("/account/people", { name, role, change }, bearer(tokens.owner));
    const status = async () => (await json(`/api/sessions/${session}/undo`, {}, bearer(token))).status;
    expect(await status()).toBe(403);
    await change("notebook", "role");
    expect(await status()).toBe(409);
    await change("notebook", "leave");
    expect(await status()).toBe(401);
    expect((await change("owner", "leave")).text).toContain("only owner");
    expect((await change("nobody at all", "role")).text).toContain("no account");
    const list = await ask("GET", "/account", bearer(tokens.owner));
    expect(list.text).toMatch(/notebook<\/td><td>program<\/td><td>has left/);
    expect((await ask("GET", "/account", bearer(tokens.viewer))).text).not.toContain("People");
  });
});

describe("a server that other machines could reach", () => {
  it("does not start without accounts, unless that is said", async () => {
    const how = { surveys: [], host: "0.0.0.0", port: 0 };
    await expect(serve(how)).rejects.toMatchObject({ code: "AUTH_MISSING" });
    const { app, address } = await serve({ ...how, open: true });
    expect(address).toMatch(/\?token=/);
    await app.close();
  });
});
