import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { smallSurvey, temporaryFolder } from "../../test/fixtures/surveys.ts";
import { buildServer } from "./app.ts";
import { hostNamesOf, isLocal } from "./doors.ts";

const folder = temporaryFolder();
const TOKEN = "a-token_that-nobody-guesses";
let open: Awaited<ReturnType<typeof buildServer>>;
let guarded: Awaited<ReturnType<typeof buildServer>>;
beforeAll(async () => {
  const surveys = [await smallSurvey(folder.path, 4)];
  open = await buildServer({ surveys });
  guarded = await buildServer({ surveys, hostNames: ["galaxy.lan"], token: TOKEN });
}, 60_000);
afterAll(async () => {
  await Promise.all([open.close(), guarded.close()]);
  folder.remove();
});
const ask = (app: typeof open, url: string, headers: Record<string, string> = {}, method: "GET" | "POST" = "GET") =>
  app.inject({ url, method, headers: { host: "127.0.0.1", ...headers } });
const inCookie = async (app: typeof open) =>
  String((await ask(app, `/?token=${TOKEN}`)).headers["set-cookie"]).split(";")[0];

describe("a server that other machines reach", () => {
  it("asks everybody for the token, whatever host a request names", async () => {
    for (const host of ["127.0.0.1", "localhost:8420", "galaxy.lan", "GALAXY.LAN:8420"])
      for (const url of ["/api/health", "/api/surveys", "/", "/session/x", "/?token=wrong", "/api/surveys?token="]) {
        const answer = await ask(guarded, url, { host });
        expect([url, answer.statusCode, answer.json().code]).toEqual([url, 401, "TOKEN_NEEDED"]);
      }
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
