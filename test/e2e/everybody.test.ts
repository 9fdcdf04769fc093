/** Every page, wide and on a phone, light and dark: what axe finds, and nothing wider than the screen. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";
import { beforeAll, expect, it } from "vitest";
import { openWorld, tile } from "./harness.ts";

const world = openWorld();
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
let session = "";
let picks: string[] = [];
beforeAll(async () => {
  const begun = await world.begin("Everybody", { randomPicks: 8, pageSize: 24 });
  ({ session } = begun);
  await world.answer(session, begun.picks);
  picks = await world.nextRound(session, 1);
  await world.assessed(session, 2);
  await world.answer(session, picks.slice(0, 4));
  await world.ask(`/sessions/${session}/labels`, {
    who: "bob",
    labels: [{ object: picks[0], value: "unsure", addTag: "ring" }],
  });
  await world.begin("Other");
});

const faults = async (page: Page): Promise<string[]> => {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const { violations } = await (
      globalThis as unknown as { axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> } }
    ).axe.run();
    return violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`);
  });
};

const VISITS: Record<string, (page: Page) => Promise<unknown>> = {
  home: (page) => page.locator(".card .strip img").first().waitFor(),
  start: async (page) => {
    await page.goto(`${world.address}/start/small`);
    await page.locator(".tile").first().waitFor();
    await page.locator(".tile .face").first().click();
  },
  "start by list": async (page) => {
    await page.getByRole("button", { name: "Ids or positions" }).click();
    await page.getByLabel("Ids or positions, one a line").waitFor();
  },
  label: async (page) => {
    await page.goto(`${world.address}/session/${session}`);
    await page.locator(".preview img").first().waitFor();
    await page.getByRole("heading", { name: "Two opinions" }).waitFor();
  },
  keys: async (page) => {
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
  },
  tags: async (page) => {
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.keyboard.press("t");
    await page.getByRole("textbox", { name: "New tag" }).waitFor();
  },
  object: async (page) => {
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await tile(page, picks[0])
      .getByRole("button", { name: `Look at ${picks[0]} closely` })
      .click();
    await page.getByRole("button", { name: "Why this score?" }).click();
    await page.getByRole("region", { name: "Why this score" }).waitFor();
    await page.getByLabel("Stretch").selectOption("asinh");
    await page.getByLabel("Limits").selectOption("values");
  },
  results: async (page) => {
    await page.goto(`${world.address}/session/${session}/results`);
    await page.locator(".tile[data-object]").first().waitFor();
  },
  cut: async (page) => {
    await page.getByRole("button", { name: "Choose a cut" }).click();
    await page.getByRole("slider", { name: "Lowest score that is taken" }).waitFor();
  },
  filter: (page) => page.getByRole("button", { name: "Filter" }).click(),
  compare: (page) => page.getByRole("button", { name: "Compare" }).click(),
  import: (page) => page.getByRole("button", { name: "Import labels" }).click(),
  map: async (page) => {
    await page.goto(`${world.address}/map/small?session=${session}`);
    await page.getByRole("img", { name: /^Map of/ }).waitFor({ timeout: 60_000 });
    await page.getByLabel("Colour").selectOption("label");
  },
};

it.each([
  [1280, "light"],
  [1280, "dark"],
  [390, "light"],
  [390, "dark"],
] as const)("%i px, %s", async (width, colorScheme) => {
  const page = await world.open("/", {
    viewport: { width, height: 800 },
    colorScheme,
    hasTouch: width < 600,
    bypassCSP: true,
  });
  const found: Record<string, string[]> = {};
  for (const [name, visit] of Object.entries(VISITS)) {
    await visit(page);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    const all = [...(await faults(page)), ...(wide > 0 ? [`${wide} px wider than the screen`] : [])];
    if (all.length > 0) found[name] = all;
  }
  expect(found).toEqual({});
});

it("by touch: a tap labels, the page scrolls", async () => {
  const page = await world.open(`/session/${session}`, {
    viewport: { width: 390, height: 700 },
    hasTouch: true,
    isMobile: true,
  });
  await page.locator(".work .tile").first().waitFor();
  const object = picks[10];
  await tile(page, object).scrollIntoViewIfNeeded();
  await tile(page, object).locator(".face").tap();
  await expect.poll(() => world.labelOf(session, object)).toBe("positive");
});
