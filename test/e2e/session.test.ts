import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PACKAGE_ROOT } from "../../src/base/paths.ts";
import { SILENT } from "../../src/base/progress.ts";
import type { SessionState } from "../../src/contract/api.ts";
import { createSurvey } from "../../src/survey/create.ts";
import { openSurvey } from "../../src/survey/folder.ts";
import { embedSurvey } from "../../src/tasks/embed.ts";
import { smallSurvey, temporaryFolder, writeToyFeatures } from "../fixtures/surveys.ts";
import { freePort, launch, openPage, type Running, startServer } from "./harness.ts";

const folder = temporaryFolder();
let browser: Browser;
let server: Running;
let survey = "";
let port = 0;
let spirals: Set<string>;

beforeAll(async () => {
  survey = await smallSurvey(folder.path, 150);
  const opened = await openSurvey(survey);
  const isSpiral = opened.rows.map((row) => row.columns.faceOnSpiral === true);
  spirals = new Set(opened.rows.filter((_, i) => isSpiral[i]).map(({ id }) => id));
  writeToyFeatures(survey, opened.header.dataHash, isSpiral);
  opened.close();
  port = await freePort();
  [server, browser] = await Promise.all([startServer([survey], port), launch()]);
});
afterAll(async () => {
  await browser?.close();
  await server?.kill();
  folder.remove();
});

const state = async (page: Page): Promise<SessionState> => {
  const session = new URL(page.url()).pathname.split("/")[2];
  return (await (await fetch(`${server.address}/api/sessions/${session}?who=me`)).json()) as SessionState;
};
const allSaved = (page: Page) => page.locator(".save.ok").waitFor();

/** Chooses examples in the grid by clicking: once for a spiral, twice for others. */
async function begin(page: Page, target: string, wanted: (id: string) => boolean): Promise<void> {
  await page.getByRole("button", { name: "New search" }).first().click();
  await page.getByLabel("What are you looking for?").fill(target);
  await page.locator(".tile").first().waitFor();
  const counts = { yes: 0, no: 0 };
  for (let shuffle = 0; shuffle < 8 && (counts.yes < 3 || counts.no < 3); shuffle++) {
    for (const tile of await page.locator(".tile").all()) {
      const id = String(await tile.getAttribute("data-object"));
      if (wanted(id) && counts.yes < 3) {
        await tile.locator(".face").click();
        counts.yes++;
      } else if (!wanted(id) && counts.no < 3) {
        await tile.locator(".face").click();
        await tile.locator(".face").click();
        counts.no++;
      }
    }
    if (counts.yes < 3 || counts.no < 3) {
      const first = await page.locator(".tile").first().getAttribute("data-object");
      await page.getByRole("button", { name: "Random: shuffle" }).click();
      await page.waitForFunction((before) => document.querySelector(".tile")?.getAttribute("data-object") !== before, first);
    }
  }
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await page.locator(".work .tile").first().waitFor();
}

describe("a session", () => {
  it("by mouse: examples, labels, undo, next round, ranking, export, reload", async () => {
    const { page, faults } = await openPage(browser, server.address);
    await begin(page, "Face-on spirals", (id) => spirals.has(id));
    const tiles = page.locator(".work .tile");
    const shown = await tiles.evaluateAll((all) => all.map((tile) => tile.getAttribute("data-object") as string));
    for (const id of shown.slice(0, 6)) {
      const face = page.locator(`.tile[data-object="${id}"] .face`);
      await face.click();
      if (!spirals.has(id)) await face.click();
    }
    await allSaved(page);
    const labelled = await state(page);
    for (const id of shown.slice(0, 6)) expect(labelled.labels[id].value).toBe(spirals.has(id) ? "positive" : "negative");

    await page.getByRole("button", { name: "Undo" }).click();
    await page.waitForFunction(() => document.querySelector<HTMLButtonElement>("button[aria-label='Redo']")?.disabled === false);
    const before = (await state(page)).labels[shown[5]]?.value;
    expect(before).not.toBe(labelled.labels[shown[5]].value);
    await page.getByRole("button", { name: "Redo" }).click();
    await expect.poll(async () => (await state(page)).labels[shown[5]]?.value).toBe(labelled.labels[shown[5]].value);

    await page.getByRole("button", { name: "Rest negative" }).click();
    await allSaved(page);
    await page.getByRole("button", { name: "Next round" }).click();
    await page.getByText(/^round 2/).waitFor();
    expect(await page.getByRole("row", { name: /^start/ }).count()).toBe(1);

    await page.reload();
    await page.getByText(/^round 2/).waitFor();
    await page.getByRole("button", { name: "Ranking and export" }).click();
    await page.locator(".results .tile").first().waitFor();
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "CSV" }).click()]);
    const lines = readFileSync(await download.path(), "utf8")
      .trim()
      .split("\n");
    expect(lines).toHaveLength(151);
    const exported = new Map(lines.slice(1).map((line) => [line.split(",")[0], line.split(",")[4]]));
    for (const id of shown.slice(0, 6)) expect(exported.get(id)).toBe(spirals.has(id) ? "positive" : "negative");
    expect(faults).toEqual([]);
    await page.context().close();
  });

  it("by keyboard alone once it has started", async () => {
    const { page, faults } = await openPage(browser, server.address);
    await begin(page, "Keyboard", (id) => spirals.has(id));
    const shown = await page.locator(".work .tile").evaluateAll((all) => all.map((tile) => tile.getAttribute("data-object") as string));
    await page.keyboard.press("1");
    await page.keyboard.press("0");
    await page.keyboard.press("u");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("1");
    await page.keyboard.press("z");
    await allSaved(page);
    await expect
      .poll(async () => {
        const { labels } = await state(page);
        return shown.slice(0, 5).map((id) => labels[id]?.value ?? null);
      })
      .toEqual(["positive", "negative", "unsure", null, null]);
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    // A key in the moment between the browser's closing a dialog and the page's hearing of it.
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
    await page.evaluate(() => {
      document.querySelector("dialog")?.close();
      document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "o", bubbles: true }));
    });
    await page.getByRole("dialog").locator("canvas").waitFor();
    await page.getByRole("combobox", { name: "Stretch" }).selectOption("asinh");
    await page.locator(".frame").hover({ position: { x: 100, y: 100 } });
    await page.getByText(/nanomaggy/).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.keyboard.press("x");
    await allSaved(page);
    await page.keyboard.press("Enter");
    await page.getByText(/^round 2/).waitFor();
    expect(faults).toEqual([]);
    await page.context().close();
  });

  it("keeps every click when the server is killed, and sends it when the server is back", async () => {
    const { page } = await openPage(browser, server.address);
    await begin(page, "Power cut", (id) => spirals.has(id));
    const shown = await page.locator(".work .tile").evaluateAll((all) => all.map((tile) => tile.getAttribute("data-object") as string));
    await page.keyboard.press("1");
    await allSaved(page);
    await server.kill();
    await page.keyboard.press("0");
    await page.keyboard.press("1");
    await page.getByText(/2 labels are kept here/).waitFor();
    await page.locator(".tile.pending").first().waitFor();
    server = await startServer([survey], port);
    await page.reload();
    await page.locator(".work .tile").first().waitFor();
    await allSaved(page);
    await expect
      .poll(async () => {
        const { labels } = await state(page);
        return shown.slice(0, 3).map((id) => labels[id]?.value);
      })
      .toEqual(["positive", "negative", "positive"]);
    await page.context().close();
  });

  it("shows another person's labels at once", async () => {
    const [ann, bob] = [await openPage(browser, server.address), await openPage(browser, server.address)];
    await begin(ann.page, "Two people", (id) => spirals.has(id));
    await bob.page.goto(ann.page.url());
    await bob.page.locator(".work .tile").first().waitFor();
    await ann.page.keyboard.press("1");
    await bob.page.locator(".work .tile").first().and(bob.page.locator(".positive")).waitFor({ timeout: 3000 });
    expect([...ann.faults, ...bob.faults]).toEqual([]);
    await ann.page.context().close();
    await bob.page.context().close();
  });
});

describe("for everybody", () => {
  const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  it.each(["light", "dark"] as const)("has no accessibility faults that axe finds: %s", async (colorScheme) => {
    const { page } = await openPage(browser, server.address, { colorScheme, bypassCSP: true });
    const check = async () => {
      await page.evaluate(axe);
      const found = await page.evaluate(async () => {
        const { violations } = await (
          globalThis as unknown as { axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> } }
        ).axe.run();
        return violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`);
      });
      expect(found).toEqual([]);
    };
    await page.locator(".card").first().waitFor();
    await check();
    await begin(page, `Everybody ${colorScheme}`, (id) => spirals.has(id));
    await page.keyboard.press("1");
    await page.keyboard.press("0");
    await allSaved(page);
    await check();
    await page.keyboard.press("o");
    await page.getByRole("dialog").locator("canvas").waitFor();
    await check();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Ranking and export" }).click();
    await page.locator(".results .tile").first().waitFor();
    await check();
    await page.context().close();
  });
  it("works on a phone: nothing wider than the screen", async () => {
    const { page, faults } = await openPage(browser, server.address, { viewport: { width: 390, height: 800 }, hasTouch: true });
    await begin(page, "Phone", (id) => spirals.has(id));
    for (const go of [async () => {}, async () => page.getByRole("button", { name: "Ranking and export" }).click()]) {
      await go();
      await page.locator(".tile").first().waitFor();
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    }
    expect(faults).toEqual([]);
    await page.context().close();
  });
});

const shared = join(PACKAGE_ROOT, "../shared/data/galaxy10_decals");
describe.skipIf(!existsSync(shared))("on real images", () => {
  it("carries a whole session with the released weights", async () => {
    const real = join(folder.path, "real");
    await createSurvey({ out: real, images: shared, adaptiveCrop: true, command: "test", progress: SILENT });
    await embedSurvey(real, { model: "lvm-nano", progress: SILENT });
    const opened = await openSurvey(real);
    const wanted = new Set(opened.rows.filter((row) => row.columns.label4 === "edge_on").map(({ id }) => id));
    opened.close();
    const second = await startServer([real], await freePort());
    const { page, faults } = await openPage(browser, second.address);
    await begin(page, "Edge-on", (id) => wanted.has(id));
    for (let round = 2; round <= 3; round++) {
      const shown = await page.locator(".work .tile").evaluateAll((all) => all.map((tile) => tile.getAttribute("data-object") as string));
      for (const id of shown) await page.keyboard.press(wanted.has(id) ? "1" : "0");
      await allSaved(page);
      await page.keyboard.press("Enter");
      await page.getByText(new RegExp(`^round ${round}`)).waitFor();
    }
    const ranking = (await (await fetch(`${second.address}/api/sessions/edge-on/ranking?limit=50`)).json()) as { rows: { object: string }[] };
    const hits = ranking.rows.filter(({ object }) => wanted.has(object)).length;
    console.log(`edge-on galaxies among the first 50 of the ranking: ${hits} (${wanted.size} of 874 are)`);
    // By chance 10 of 50.
    expect(hits).toBeGreaterThan(20);
    expect(faults).toEqual([]);
    await page.context().close();
    await second.kill();
  });
});
