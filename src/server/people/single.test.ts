import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../../../test/fixtures/free-port.ts";
import { startProvider } from "../../../test/fixtures/identity-provider.ts";
import { hasPostgres, testDatabase } from "../../../test/fixtures/postgres.ts";
import { Accounts } from "../../store/accounts.ts";
import { buildServer } from "../app.ts";
import { SingleSignOn } from "./single.ts";

const CLIENT = { id: "skyloop", secret: "a secret of the two" };
let provider: Awaited<ReturnType<typeof startProvider>>;
let app: Awaited<ReturnType<typeof buildServer>>;
let accounts: Accounts;
let address = "";

/** A browser: keeps cookies of each server and follows where it is sent, at most ten times. */
class Browser {
  readonly #cookies = new Map<string, Map<string, string>>();

  async open(url: string, fields?: Record<string, string>) {
    let [at, body] = [url, fields === undefined ? undefined : new URLSearchParams(fields)];
    for (let hop = 0; hop < 10; hop++) {
      const jar = this.#cookies.get(new URL(at).host) ?? new Map<string, string>();
      this.#cookies.set(new URL(at).host, jar);
      const cookie = [...jar].map((pair) => pair.join("=")).join("; ");
      const method = body === undefined ? "GET" : "POST";
      const answer = await fetch(at, { method, body, redirect: "manual", headers: { cookie } });
      for (const set of answer.headers.getSetCookie()) {
        const [name, ...value] = set.split(";")[0].split("=");
        if (value.join("=") === "") jar.delete(name);
        else jar.set(name, value.join("="));
      }
      const to = answer.headers.get("location");
      if (to === null) return { at, status: answer.status, text: await answer.text() };
      [at, body] = [new URL(to, at).href, undefined];
    }
    throw new Error(`sent in circles: ${at}`);
  }

  /** From a link of ours to the provider, through its forms, and back. */
  async comeBack(link: string, login: string) {
    let page = await this.open(link);
    for (const prompt of ["login", "consent"])
      if (page.at.startsWith(provider.issuer)) page = await this.open(page.at, { prompt, login, password: "any" });
    return page;
  }
}

describe.skipIf(!hasPostgres)("single sign-on", () => {
  beforeAll(async () => {
    accounts = await Accounts.open(await testDatabase());
    const port = await freePort();
    address = `http://127.0.0.1:${port}`;
    provider = await startProvider(`${address}/login/oidc/callback`, CLIENT);
    const single = new SingleSignOn(provider.issuer, CLIENT.id, CLIENT.secret);
    app = await buildServer({ surveys: [], accounts, single });
    await app.listen({ host: "127.0.0.1", port });
  }, 60_000);
  afterAll(async () => {
    await app?.close();
    await provider?.close();
  });
  const me = async (browser: Browser) => JSON.parse((await browser.open(`${address}/api/me`)).text);

  it("lets nobody in who was not invited, and those who were from then on", async () => {
    const [stranger, ann] = [new Browser(), new Browser()];
    const refused = await stranger.comeBack(`${address}/login/oidc`, "eve");
    expect([refused.status, refused.text]).toEqual([403, expect.stringContaining("has no account here")]);
    expect((await me(stranger)).name).toBeNull();
    const invitation = await accounts.invite("labeller", "an owner", 7);
    await ann.comeBack(`${address}/login/oidc?invitation=${invitation}`, "ann");
    expect(await me(ann)).toEqual({ accounts: true, name: "ann of the institute", role: "labeller" });
    const elsewhere = new Browser();
    await elsewhere.comeBack(`${address}/login/oidc`, "ann");
    expect((await me(elsewhere)).name).toBe("ann of the institute");
    const back = await new Browser().comeBack(
      `${address}/login/oidc?to=${encodeURIComponent("s/a%20b?page=2")}`,
      "ann",
    );
    expect(back.at).toBe(`${address}/s/a%20b?page=2`);
    const away = await new Browser().comeBack(
      `${address}/login/oidc?to=${encodeURIComponent("//example.org/")}`,
      "ann",
    );
    expect(away.at).toBe(`${address}/`);
    expect((await stranger.comeBack(`${address}/login/oidc?invitation=${invitation}`, "eve")).status).toBe(403);
  });

  it("refuses an answer that was meant for another browser, or that nobody asked for", async () => {
    const victim = new Browser();
    await victim.open(`${address}/login`);
    const forged = await victim.open(`${address}/login/oidc/callback?code=x&state=y`);
    expect([forged.status, forged.text]).toEqual([403, expect.stringContaining("begun in another browser")]);
    await victim.comeBack(`${address}/login/oidc`, "eve");
    const again = await victim.open(`${address}/login/oidc/callback?code=x&state=y`);
    expect(again.status).toBe(403);
  });

  it("is set by three settings, all or none", () => {
    expect(SingleSignOn.fromEnvironment({})).toBeNull();
    const all = { OIDC_ISSUER: "https://id.example", OIDC_CLIENT_ID: "a", OIDC_CLIENT_SECRET: "b" };
    expect(SingleSignOn.fromEnvironment(all)?.issuer).toBe("https://id.example");
    expect(() => SingleSignOn.fromEnvironment({ ...all, OIDC_CLIENT_SECRET: "" })).toThrow(/all three/);
    expect(() => SingleSignOn.fromEnvironment({ ...all, OIDC_ISSUER: "id" })).toThrow(/all three/);
  });

  it("says that the provider is away", async () => {
    const away = new SingleSignOn("http://127.0.0.1:1", "a", "b");
    await expect(away.begin("http://127.0.0.1/", { invitation: null, to: "" })).rejects.toMatchObject({
      code: "OIDC_REFUSED",
    });
  });
});
