import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { smallSurvey, temporaryFolder } from "../../test/fixtures/surveys.ts";
import { buildServer } from "./app.ts";
import { hostNamesOf, isLocal, originOf, pathPrefix } from "./doors.ts";

const folder = temporaryFolder();
const TOKEN = "a-token_that-nobody-guesses";
let open: Awaited<ReturnType<typeof buildServer>>;
let guarded: Awaited<ReturnType<typeof buildServer>>;
let behind: Awaited<ReturnType<typeof buildServer>>;
const BELOW = "/user/ann/proxy/8420/";
const NOTEBOOK = "http://localhost:8888";
beforeAll(async () => {
  const surveys = [await smallSurvey(folder.path, 4)];
  open = await buildServer({ surveys });
  guarded = await buildServer({ surveys, hostNames: ["galaxy.lan"], token: TOKEN });
  behind = await buildServer({ surveys, hostNames: ["hub.lan"], token: TOKEN, basePath: BELOW, frames: [NOTEBOOK] });
}, 60_000);
afterAll(async () => {
  await Promise.all([open.close(), guarded.close(), behind.close()]);
  folder.remove();
});
const ask = (app: typeof open, url: string, headers: Record<string, string> = {}, method: "GET" | "POST" = "GET") =>
  app.inject({ url, method, headers: { host: "127.0.0.1", ...headers } });
const inCookie = async (app: typeof open) =>
  String((await ask(app, `/?token=${TOKEN}`)).headers["set-cookie"]).split(";")[0];

describe("a server that other machines reach", () => {
  it("asks everybody for the token, whatever host a request names", async () => {
    for (const host of ["127.0.0.1", "localhost:8420", "galaxy.lan", "GALAXY.LAN:8420"])
      for (const url of [
        "/api/health",
        "/api/surveys",
        "/api",
        "/?token=wrong",
        "/api/surveys?token=",
        "/%61pi/surveys",
      ]) {
        const answer = await ask(guarded, url, { host });
        expect([url, answer.statusCode, answer.json().code]).toEqual([url, 401, "TOKEN_NEEDED"]);
      }
    // The page itself holds nothing of a survey; opened with #token= it asks with that.
    for (const url of ["/", "/session/x"]) expect((await ask(guarded, url)).statusCode).not.toBe(401);
    expect((await ask(guarded, "/api/health", { host: "evil.example" })).json().code).toBe("HOST_REFUSED");
    expect((await ask(guarded, "/api/surveys", {}, "POST")).statusCode).toBe(401);
    expect((await ask(guarded, "/api/surveys", { cookie: "skyloop-00000000=x" })).statusCode).toBe(401);
  });

  it("lets in who opens the printed address, and takes the token out of the address bar", async () => {
    const first = await ask(guarded, `/session/ring?token=${TOKEN}&round=2`);
    expect([first.statusCode, first.headers.location]).toEqual([302, "../session/ring?round=2"]);
    expect(String(first.headers["set-cookie"])).toMatch(/; HttpOnly; SameSite=Strict; Path=\/$/);
    expect((await ask(guarded, `/?token=${TOKEN}`)).headers.location).toBe("./");
    const cookie = await inCookie(guarded);
    expect((await ask(guarded, "/api/surveys", { cookie: `other=1; ${cookie}` })).statusCode).toBe(200);
    expect((await ask(guarded, "/api/surveys", { authorization: `Bearer ${TOKEN}` })).statusCode).toBe(200);
    expect((await ask(guarded, `/api/surveys?token=${TOKEN}`)).statusCode).toBe(200);
  });

  it("prints a name under which it can be reached", () => {
    expect([isLocal("127.0.0.1"), isLocal("0.0.0.0"), isLocal("192.168.0.2")]).toEqual([true, false, false]);
    expect(hostNamesOf("192.168.0.2")).toEqual(["192.168.0.2"]);
    expect(hostNamesOf("0.0.0.0").length).toBeGreaterThan(0);
    expect(hostNamesOf("0.0.0.0")).not.toContain("0.0.0.0");
  });
});

describe("pages of other sites", () => {
  it("start no work here, and links to the page itself work", async () => {
    for (const site of ["cross-site", "same-site"])
      for (const [method, url] of [
        ["GET", "/api/surveys/small/map?method=umap"],
        ["GET", "/api/surveys"],
        ["GET", "/%61pi/surveys"],
        ["POST", "/api/sessions"],
      ] as const)
        expect((await ask(open, url, { "sec-fetch-site": site }, method)).json().code).toBe("ORIGIN_REFUSED");
    for (const site of ["same-origin", "none"])
      expect((await ask(open, "/api/surveys", { "sec-fetch-site": site })).statusCode).toBe(200);
    expect((await ask(open, "/", { "sec-fetch-site": "cross-site" })).statusCode).not.toBe(403);
    expect((await ask(open, "/api/health", { host: "LOCALHOST" })).statusCode).toBe(200);
  });

  it("reach no file by the name of a model", async () => {
    for (const model of ["../../secret", "..", "a/../../b"]) {
      const body = { survey: "small", model, target: "x", who: "a", positive: [], negative: [] };
      const made = await open.inject({
        method: "POST",
        url: "/api/sessions",
        payload: body,
        headers: { host: "127.0.0.1" },
      });
      expect([made.statusCode, made.json().code]).toEqual([400, "FEATURES_MISSING"]);
      const map = await ask(open, `/api/surveys/small/map?model=${encodeURIComponent(model)}`);
      expect(map.json().code).toBe("FEATURES_MISSING");
    }
  });
});

describe("a server behind a proxy, shown in a notebook", () => {
  const bearer = { authorization: `Bearer ${TOKEN}` };

  it("answers with its path and without, and keeps its cookie below it", async () => {
    for (const url of [`${BELOW}api/health`, "/api/health"])
      expect([url, (await ask(behind, url, bearer)).statusCode]).toEqual([url, 200]);
    expect((await ask(behind, `${BELOW}api/health`)).statusCode).toBe(401);
    expect((await ask(behind, "/user/bob/proxy/8420/api/health", bearer)).body).not.toContain('"ok"');
    expect((await ask(behind, BELOW.slice(0, -1))).headers.location).toBe(BELOW);
    const first = await ask(behind, `${BELOW}session/ring?token=${TOKEN}`);
    expect(first.headers.location).toBe("../session/ring");
    expect(String(first.headers["set-cookie"])).toMatch(/; Path=\/user\/ann\/proxy\/8420\/$/);
  });

  it("is written to through a proxy that names another host, and by no other page", async () => {
    const host = { ...bearer, host: "127.0.0.1:8420" };
    const write = (headers: Record<string, string>) => ask(behind, "/api/sessions", { ...host, ...headers }, "POST");
    const own = await write({ origin: "https://hub.lan", "sec-fetch-site": "same-origin" });
    expect(own.json().code).not.toBe("ORIGIN_REFUSED");
    for (const site of ["cross-site", "same-site"])
      for (const origin of ["https://hub.lan", "https://evil.example", NOTEBOOK])
        expect((await write({ origin, "sec-fetch-site": site })).json().code).toBe("ORIGIN_REFUSED");
    expect((await write({ origin: "https://evil.example" })).json().code).toBe("ORIGIN_REFUSED");
  });

  it("may be framed by the notebook alone, which may show its pictures", async () => {
    const policyOf = async (app: typeof open) => String((await ask(app, "/")).headers["content-security-policy"]);
    expect(await policyOf(behind)).toMatch(/frame-ancestors http:\/\/localhost:8888$/);
    expect(await policyOf(guarded)).toMatch(/frame-ancestors 'none'$/);
    const from = async (headers: Record<string, string>) => {
      const answer = await ask(behind, "/api/surveys", { ...bearer, "sec-fetch-site": "cross-site", ...headers });
      return [answer.statusCode, answer.headers["cross-origin-resource-policy"]];
    };
    expect(await from({ referer: `${NOTEBOOK}/notebooks/a.ipynb` })).toEqual([200, "cross-origin"]);
    expect(await from({ origin: NOTEBOOK })).toEqual([200, "cross-origin"]);
    expect(await from({ referer: `${NOTEBOOK}.evil.example/` })).toEqual([403, "same-origin"]);
    expect(await from({ origin: "http://localhost:8889", referer: `${NOTEBOOK}/` })).toEqual([403, "same-origin"]);
    expect(await from({})).toEqual([403, "same-origin"]);
  });

  it("takes a path and origins as people write them, and refuses what is none", () => {
    for (const text of ["/user/ann/proxy/8420/", "user/ann/proxy/8420", "//user/ann//proxy/8420/"])
      expect(pathPrefix(text)).toBe(BELOW);
    expect(pathPrefix("/")).toBe("/");
    for (const text of ["/a b/", "/a?b", "/a/../b", "/a#b", '/"'])
      expect(() => pathPrefix(text)).toThrow(/--base-path is the path/);
    expect([originOf("http://localhost:8888/"), originOf("https://hub.lan")]).toEqual([NOTEBOOK, "https://hub.lan"]);
    for (const text of ["localhost:8888", "*", "http://hub.lan/user", "file:///a", "'self'", ""])
      expect(() => originOf(text)).toThrow(/--notebook is the origin/);
  });
});
