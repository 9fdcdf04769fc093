/** What people of each role see of a search, with accounts in PostgreSQL. */
import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from "vitest";
import type { Role } from "../../src/contract/people.ts";
import { Accounts } from "../../src/store/accounts.ts";
import { openSurvey } from "../../src/survey/folder.ts";
import { freePort } from "../fixtures/free-port.ts";
import { hasPostgres, TestPostgres } from "../fixtures/postgres.ts";
import { temporaryFolder } from "../fixtures/surveys.ts";
import { face, launch, shown, startServer, World } from "./harness.ts";

const PASSWORD = "correct horse";
const NAMES = { ann: "owner", bob: "labeller", cy: "labeller", vi: "viewer" } as const satisfies Record<string, Role>;
type Name = keyof typeof NAMES;

describe.skipIf(!hasPostgres)("with accounts", () => {
  const [folder, place] = [temporaryFolder(), temporaryFolder()];
  const world = new World();
  const tokens = {} as Record<Name, string>;
  let database: TestPostgres;
  let session = "";

  const ask = async (who: Name, path: string, body: object) => {
    const headers = { Authorization: `Bearer ${tokens[who]}`, "Content-Type": "application/json" };
    const answer = await fetch(`${world.address}/api${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
    return answer.json();
  };
  /** A page of somebody who is logged in. */
  const open = (who: Name, path: string) => {
    const cookie = { name: "skyloop-login", value: tokens[who], domain: "127.0.0.1", path: "/", expires: -1 };
    const kept = { ...cookie, httpOnly: true, secure: false, sameSite: "Lax" as const };
    return world.open(path, { storageState: { cookies: [kept], origins: [] } });
  };

  beforeAll(async () => {
    world.survey = join(folder.path, "small");
    cpSync(inject("survey"), world.survey, { recursive: true });
    const opened = await openSurvey(world.survey);
    world.ids = opened.rows.map(({ id }) => id);
    opened.close();
    database = await TestPostgres.make(place.path);
    const url = await database.database();
    const accounts = await Accounts.open(url);
    for (const [name, role] of Object.entries(NAMES))
      tokens[name as Name] = await accounts.begin(await accounts.add(name, role, name === "bob" ? PASSWORD : null), 1);
    await accounts.close();
    world.port = await freePort();
    const env = { DATABASE_URL: url };
    [world.server, world.browser] = await Promise.all([startServer([world.survey], world.port, [], { env }), launch()]);
    const ids = world.ids;
    const team = { mode: "blind", gold: { positive: [ids[20]], negative: [ids[21]] } };
    const settings = { survey: "small", model: "toy", target: "Blind", pageSize: 12, randomPicks: 2, team };
    const made = await ask("ann", "/sessions", { ...settings, positive: ids.slice(0, 3), negative: ids.slice(3, 6) });
    session = made.session;
    await ask("ann", `/sessions/${session}/rounds`, { seen: 0 });
  });
  afterEach(async () => {
    expect(await world.settle()).toEqual([]);
  });
  afterAll(async () => {
    await world.browser?.close();
    await world.server?.kill();
    await database?.stop();
    for (const one of [folder, place]) one.remove();
  });

  it("a viewer looks, and no key or button of theirs changes anything", async () => {
    const page = await open("vi", "/");
    await page.getByRole("link", { name: "Blind", exact: true }).waitFor();
    expect(await page.getByRole("button", { name: "New search" }).count()).toBe(0);
    await page.getByRole("link", { name: "Blind", exact: true }).click();
    await page.getByText("You are a viewer here").waitFor();
    const [first] = await shown(page);
    await page.keyboard.press("1");
    await face(page, first).click();
    expect(await page.getByRole("button", { name: "Next round" }).isDisabled()).toBe(true);
    expect(await page.locator(".tile.pending, .tile.positive").count()).toBe(0);
    await page.getByText("All saved").waitFor();
  });

  it("a labeller who comes by a link is led back to it by the login, and exports nothing", async () => {
    const page = await world.open("/login", { expected: /401 \(Unauthorized\)/ });
    let logins = 0;
    // A login that comes late: other questions of the page are refused in the meantime.
    await page.route(/\/login\?to=/, async (route) => {
      logins++;
      await sleep(300);
      await route.continue().catch(() => {});
    });
    // The page leaves before it has loaded.
    await page.goto(`${world.address}/session/${session}/results`, { waitUntil: "commit" });
    // The page that leaves for the login has a field for a name, too.
    await page.waitForURL(/\/login\?to=/);
    expect(logins).toBe(1);
    await page.getByLabel("Name", { exact: true }).fill("bob");
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByRole("link", { name: "bob, labeller" }).waitFor();
    await page.locator(".tile[data-object]").first().waitFor();
    expect(new URL(page.url()).pathname).toBe(`/session/${session}/results`);
    expect(await page.getByRole("button", { name: "Choose a cut" }).count()).toBe(1);
    for (const name of ["Who agrees", "Import labels", "Columns"])
      expect(await page.getByRole("button", { name }).count()).toBe(0);
    expect(await page.getByText("Export all as").count()).toBe(0);
  });

  it("an owner decides what others disagree about without having seen it, and exports answers without names", async () => {
    const [disputed, known] = [world.ids[30], world.ids[20]];
    for (const object of [disputed, known]) {
      await ask("bob", `/sessions/${session}/labels`, { labels: [{ object, value: "positive" }] });
      await ask("cy", `/sessions/${session}/labels`, { labels: [{ object, value: "negative" }] });
    }
    const page = await open("ann", `/session/${session}`);
    await page.getByRole("button", { name: "Undecided" }).click();
    await page.getByText("as many say yes as no").waitFor();
    await expect.poll(() => shown(page)).toEqual([disputed]);
    await page.getByRole("button", { name: "Ranking and export" }).click();
    await page.getByRole("button", { name: "Columns" }).click();
    for (const name of ["answers", "pseudonyms in place of names"]) await page.getByLabel(name).check();
    const [file] = await Promise.all([page.waitForEvent("download"), page.getByText("CSV", { exact: true }).click()]);
    const table = readFileSync(await file.path(), "utf8");
    expect(table).toMatch(/person 2: positive; person 3: negative|person 3: negative; person 2: positive/);
    expect(table).not.toMatch(/ann|bob|cy:/);
  });
});
