/**
 * Pictures of every page for the documentation: a search for face-on spirals in a simulated survey, answered by its
 * truth.
 *
 *     bin/skyloop survey simulate surveys/demo --count 2000 --seed 1 && bin/skyloop embed surveys/demo
 *     npx tsx scripts/screenshots.ts surveys/demo docs/images          # those of README and tour
 *     npx tsx scripts/screenshots.ts surveys/demo FOLDER --all         # every page, wide and phone, light and dark
 */
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import sharp from "sharp";
import type { Page as PageOfPicks, SessionState } from "../src/contract/api.ts";
import { DEFAULT_MODEL } from "../src/models/default-model.ts";
import { openSurvey } from "../src/survey/folder.ts";
import { launch, startServer } from "../test/e2e/harness.ts";
import { freePort } from "../test/fixtures/free-port.ts";
import { temporaryFolder } from "../test/fixtures/surveys.ts";

const [survey, out] = process.argv.slice(2);
const all = process.argv.includes("--all");
const ROUNDS = 6;

const folder = temporaryFolder();
const copy = join(folder.path, "demo");
cpSync(survey, copy, { recursive: true, filter: (path) => !/skyloop\.db|\/loop$/.test(path) });
const opened = await openSurvey(copy);
const spirals = new Set(opened.rows.filter((row) => row.columns.faceOnSpiral === true).map(({ id }) => id));
const ids = opened.rows.map(({ id }) => id);
opened.close();
const server = await startServer([copy], await freePort());
const browser = await launch();
const ask = async <T>(path: string, body?: object): Promise<T> => {
  const init =
    body === undefined
      ? {}
      : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  return (await (await fetch(`${server.address}/api${path}`, init)).json()) as T;
};
const value = (object: string) => (spirals.has(object) ? "positive" : "negative");

async function search(): Promise<{ session: string; page: PageOfPicks }> {
  const positive = [...spirals].slice(0, 5);
  const negative = ids.filter((id) => !spirals.has(id)).slice(0, 5);
  const model = DEFAULT_MODEL;
  const start = {
    survey: "demo",
    model,
    target: "Face-on spirals",
    pageSize: 24,
    randomPicks: 4,
    who: "ann",
    positive,
    negative,
  };
  const { session } = await ask<SessionState>("/sessions", start);
  let page = await ask<PageOfPicks>(`/sessions/${session}/rounds`, { who: "ann", seen: 0 });
  for (let round = 1; round < ROUNDS; round++) {
    await ask(`/sessions/${session}/labels`, {
      who: "ann",
      labels: page.picks.map(({ object }) => ({ object, value: value(object) })),
    });
    page = await ask<PageOfPicks>(`/sessions/${session}/rounds`, { who: "ann", seen: round });
    for (;;) {
      const { assessments } = await ask<{ assessments: { round: number }[] }>(`/sessions/${session}/learning`);
      if (assessments.some((one) => one.round === round + 1)) break;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
  const some = page.picks.slice(0, 9);
  await ask(`/sessions/${session}/labels`, {
    who: "ann",
    labels: some.map(({ object }) => ({ object, value: value(object) })),
  });
  await ask(`/sessions/${session}/labels`, { who: "ann", labels: [{ object: page.picks[2].object, addTag: "ring" }] });
  const [, disputed] = page.picks;
  await ask(`/sessions/${session}/labels`, { who: "bob", labels: [{ object: disputed.object, value: "unsure" }] });
  return { session, page };
}

const { session, page: last } = await search();
await ask<SessionState>("/sessions", {
  survey: "demo",
  model: DEFAULT_MODEL,
  target: "Edge-on discs",
  who: "bob",
  positive: [ids[0]],
  negative: [ids[1]],
});

/** Waits until nothing is on its way any more, and the pictures in view are there. */
async function settled(page: Page): Promise<void> {
  await page.waitForFunction(
    () =>
      Array.from(document.images).every((img) => {
        const { top, bottom } = img.getBoundingClientRect();
        return bottom < 0 || top > innerHeight || img.naturalWidth > 0;
      }),
    undefined,
    { timeout: 30_000 },
  );
  await page.waitForTimeout(400);
}

const SCENES: Record<string, (page: Page) => Promise<void>> = {
  home: async (page) => {
    await page.goto(server.address);
    await page.locator(".strip img").first().waitFor();
  },
  start: async (page) => {
    await page.goto(`${server.address}/start/demo`);
    await page.getByLabel("What are you looking for?").fill("Face-on spirals");
    await page.getByRole("button", { name: "Diverse" }).click();
    await page.getByRole("button", { name: "Diverse: others" }).waitFor();
    await page.locator(".tile").first().waitFor();
    await page.waitForTimeout(1500);
    const chosen = { positive: 0, negative: 0 };
    for (const tile of await page.locator(".tile").all()) {
      const kind = value((await tile.getAttribute("data-object")) ?? "");
      if (chosen[kind]++ >= 4) continue;
      await tile.locator(".face").click();
      if (kind === "negative") await tile.locator(".face").click();
    }
    await page.mouse.move(2, 2);
  },
  label: async (page) => {
    await page.goto(`${server.address}/session/${session}`);
    await page.locator(".preview img").first().waitFor();
    for (let i = 0; i < 9; i++) await page.keyboard.press("ArrowRight");
  },
  keys: async (page) => {
    await SCENES.label(page);
    await page.keyboard.press("?");
  },
  object: async (page) => {
    await page.goto(`${server.address}/session/${session}`);
    await page.locator(".work .tile").first().waitFor();
    const first = last.picks.find(({ object, reason }) => spirals.has(object) && reason !== "random") ?? last.picks[0];
    await page.getByRole("button", { name: `Look at ${first.object} closely` }).click();
    await page.getByRole("button", { name: "Why this score?" }).click();
    await page.locator(".heat").waitFor();
  },
  bands: async (page) => {
    await page.goto(`${server.address}/session/${session}`);
    await page.locator(".work .tile").first().waitFor();
    const first = last.picks.find(({ object }) => spirals.has(object)) ?? last.picks[0];
    await page.getByRole("button", { name: `Look at ${first.object} closely` }).click();
    await page.getByLabel("Band").selectOption("side by side");
    await page.getByLabel("Stretch").selectOption("asinh");
    await page.getByLabel("Limits").selectOption("zscale");
    await page.locator(".frame").hover({ position: { x: 90, y: 60 } });
  },
  results: async (page) => {
    await page.goto(`${server.address}/session/${session}/results`);
    await page.locator(".results .tile[data-object]").first().waitFor();
    await page.getByRole("button", { name: "Choose a cut" }).click();
    await page.getByRole("slider", { name: "Lowest score that is taken" }).fill("0.6");
    await page.waitForTimeout(500);
  },
  map: async (page) => {
    await page.goto(`${server.address}/map/demo?session=${session}`);
    await page.getByLabel("Layout").selectOption("umap");
    await page.waitForTimeout(500);
    const canvas = page.getByRole("img", { name: /^Map of/ });
    await canvas.waitFor({ timeout: 120_000 });
    await page.waitForTimeout(500);
    const box = await canvas.boundingBox();
    if (box === null) return;
    const middle = await highestScores(await canvas.screenshot());
    await page.keyboard.down("Shift");
    const [x, y, r] = [box.x + middle.x, box.y + middle.y, Math.min(box.width, box.height) * 0.12];
    await page.mouse.move(x + r, y);
    await page.mouse.down();
    for (let step = 1; step <= 20; step++)
      await page.mouse.move(x + r * Math.cos(step / 3.2), y + r * Math.sin(step / 3.2));
    await page.mouse.up();
    await page.keyboard.up("Shift");
    await page.waitForTimeout(300);
  },
};
/**
 * The middle (median) of the points with the highest scores, which are drawn in bright yellow, in pixels of the map.
 */
async function highestScores(png: Buffer): Promise<{ x: number; y: number }> {
  const { data, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const found = Array.from({ length: info.width * info.height }, (_, i) => i).filter(
    (i) => data[3 * i] > 190 && data[3 * i + 1] > 190 && data[3 * i + 2] < 120,
  );
  if (found.length === 0) return { x: info.width / 2, y: info.height / 2 };
  const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
  return { x: median(found.map((i) => i % info.width)), y: median(found.map((i) => Math.floor(i / info.width))) };
}

/** The pictures of README and tour. */
const TOUR = ["start", "label", "object", "bands", "results", "map"];

mkdirSync(out, { recursive: true });
const shots = all
  ? Object.keys(SCENES).flatMap((scene) =>
      (["light", "dark"] as const).flatMap((scheme) => [1280, 390].map((width) => ({ scene, scheme, width }))),
    )
  : TOUR.map((scene) => ({ scene, scheme: "dark" as const, width: 1280 }));
for (const { scene, scheme, width } of shots) {
  const context = await browser.newContext({
    viewport: { width, height: 800 },
    colorScheme: scheme,
    hasTouch: width < 600,
  });
  await context.addInitScript(() => localStorage.setItem("skyloop.who", '"ann"'));
  const page = await context.newPage();
  try {
    await SCENES[scene](page);
    await settled(page);
    const png = await page.screenshot();
    const name = all ? `${scene}-${width}-${scheme}.webp` : `${scene}.webp`;
    writeFileSync(join(out, name), await sharp(png).webp({ quality: 72, effort: 6 }).toBuffer());
    process.stdout.write(`${name}\n`);
  } catch (error) {
    process.stderr.write(
      `${scene} ${width} ${scheme}: ${error instanceof Error ? error.message.split("\n")[0] : error}\n`,
    );
    process.exitCode = 1;
  }
  await context.close();
}
await browser.close();
await server.kill();
folder.remove();
