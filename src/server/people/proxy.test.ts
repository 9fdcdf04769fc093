import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { delimiter, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { freePort } from "../../../test/fixtures/free-port.ts";
import { hasPostgres, testDatabase } from "../../../test/fixtures/postgres.ts";
import { featuredSurvey, temporaryFolder } from "../../../test/fixtures/surveys.ts";
import { PACKAGE_ROOT } from "../../base/paths.ts";
import { hashPassword } from "../../base/secrets.ts";
import { Accounts } from "../../store/accounts.ts";
import { openSurvey } from "../../survey/folder.ts";
import { buildServer } from "../app.ts";

const onPath = (name: string) =>
  [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin"].map((at) => join(at, name)).find((at) => existsSync(at));
const [nginx, openssl] = [onPath("nginx"), onPath("openssl")];
const HOST = "galaxies.example.org";
const PASSWORD = "correct horse";
const folder = temporaryFolder();
let app: Awaited<ReturnType<typeof buildServer>>;
let [proxy, port, certificate]: [ChildProcess | null, number, Buffer | null] = [null, 0, null];

/** The guide's server block with this test's port, certificate and server, in a configuration that needs no rights. */
function configuration(behind: number): string {
  const guide = readFileSync(join(PACKAGE_ROOT, "docs/guides/team.md"), "utf8");
  const block = /```nginx\n([\s\S]*?)```/.exec(guide)?.[1] ?? "";
  const ours = [
    ["listen 443 ssl", `listen 127.0.0.1:${port} ssl`],
    ["/etc/ssl/galaxies.crt", join(folder.path, "cert.pem")],
    ["/etc/ssl/private/galaxies.key", join(folder.path, "key.pem")],
    ["http://127.0.0.1:8420", `http://127.0.0.1:${behind}`],
  ].reduce((text, [theirs, here]) => {
    expect(text).toContain(theirs);
    return text.replace(theirs, here);
  }, block);
  const places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${join(folder.path, "nginx", kind)};`,
  );
  const user = process.getuid?.() === 0 ? "user root;" : "";
  return `${user} daemon off; pid ${join(folder.path, "nginx/pid")}; error_log ${join(folder.path, "nginx/error.log")};
events {} http { access_log off; ${places.join(" ")}\n${ours} }`;
}

/** A request through the proxy; its body is not read. */
async function send(method: string, path: string, headers: Record<string, string>, body?: string | Buffer) {
  const options = { host: "127.0.0.1", port, servername: HOST, ca: certificate ?? undefined, method, path };
  const asked = request({ ...options, headers: { host: HOST, ...headers } });
  asked.end(body);
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  return answer;
}
async function textOf(answer: IncomingMessage): Promise<string> {
  let text = "";
  for await (const part of answer) text += String(part);
  return text;
}

describe.skipIf(!hasPostgres || !nginx || !openssl)("behind nginx with TLS, as the guide says", () => {
  beforeAll(async () => {
    const survey = await featuredSurvey(folder.path, 8, (row) => row % 2 === 0);
    const url = await testDatabase();
    vi.stubEnv("DATABASE_URL", url);
    const accounts = await Accounts.open(url);
    const sql = postgres(url, { max: 1, onnotice: () => {} });
    const password = await hashPassword(PASSWORD, { logN: 4, r: 8, p: 1 });
    await sql`INSERT INTO skyloop.users ${sql({ name: "Ann", role: "owner", password })}`;
    await sql.end();
    app = await buildServer({ surveys: [survey], accounts, hostNames: [HOST] });
    const behind = Number(new URL(await app.listen({ host: "127.0.0.1", port: 0 })).port);
    const pair = ["-keyout", join(folder.path, "key.pem"), "-out", join(folder.path, "cert.pem")];
    const subject = ["-subj", `/CN=${HOST}`, "-addext", `subjectAltName=DNS:${HOST}`, "-days", "2"];
    execFileSync(openssl as string, ["req", "-x509", "-newkey", "rsa:2048", "-nodes", ...pair, ...subject], {
      stdio: "ignore",
    });
    certificate = readFileSync(join(folder.path, "cert.pem"));
    port = await freePort();
    mkdirSync(join(folder.path, "nginx"));
    writeFileSync(join(folder.path, "nginx.conf"), configuration(behind));
    proxy = spawn(nginx as string, ["-c", join(folder.path, "nginx.conf"), "-p", folder.path], { stdio: "inherit" });
    for (let tries = 0; !existsSync(join(folder.path, "nginx/pid")) && tries < 500; tries++) await setTimeout(10);
  }, 60_000);
  afterAll(async () => {
    if (proxy?.exitCode === null) {
      proxy.kill("SIGTERM");
      await once(proxy, "exit");
    }
    await app?.close();
    vi.unstubAllEnvs();
    folder.remove();
  });

  it("takes a login and labels, tells news at once, and lets large pictures through", async () => {
    const from = { origin: `https://${HOST}` };
    const login = new URLSearchParams({ name: "Ann", password: PASSWORD }).toString();
    const form = { "content-type": "application/x-www-form-urlencoded" };
    const entered = await send("POST", "/login", { ...from, ...form }, login);
    expect([entered.statusCode, await textOf(entered)]).toEqual([303, expect.anything()]);
    const [cookie] = entered.headers["set-cookie"] ?? [];
    expect(cookie).toMatch(/^__Host-skyloop=.*; Secure$/);
    const headers = { ...from, cookie: cookie.split(";")[0], "content-type": "application/json" };
    const post = async (path: string, body: object) => {
      const answer = await send("POST", `/api${path}`, headers, JSON.stringify(body));
      return { status: answer.statusCode, body: JSON.parse(await textOf(answer)) };
    };

    const ids = (await openSurvey(join(folder.path, "small"))).rows.map(({ id }) => id);
    const search = { survey: "small", model: "toy", target: "t", positive: [ids[0]], negative: [ids[1]] };
    const { body: made } = await post("/sessions", search);
    const news = await send("GET", `/api/sessions/${made.session}/stream`, headers);
    expect(news.headers["content-type"]).toContain("text/event-stream");
    let heard = "";
    news.on("data", (part: Buffer) => {
      heard += part.toString();
    });
    const saved = await post(`/sessions/${made.session}/labels`, { labels: [{ object: ids[2], value: "positive" }] });
    expect([saved.status, saved.body]).toEqual([200, expect.anything()]);
    for (let tries = 0; !heard.includes(`"${ids[2]}"`) && tries < 300; tries++) await setTimeout(10);
    expect(heard).toContain(`"object":"${ids[2]}","value":"positive"`);
    news.destroy();

    // Skyloop's own answer, not nginx's 413: there is no such picture in 20 MB of zeros.
    const picture = await post("/surveys/small/similar", {
      model: "toy",
      pictures: [Buffer.alloc(15e6).toString("base64")],
    });
    expect([picture.status, typeof picture.body.code]).toEqual([400, "string"]);
  });
});
