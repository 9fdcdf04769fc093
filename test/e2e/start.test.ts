import { join } from "node:path";
import { expect, it } from "vitest";
import { SILENT } from "../../src/base/progress.ts";
import { writeFeatures } from "../../src/store/features.ts";
import { simulateSurvey } from "../../src/survey/simulate/index.ts";
import { freePort } from "../fixtures/free-port.ts";
import { temporaryFolder } from "../fixtures/surveys.ts";
import { face, openWorld, shown, startServer, tile } from "./harness.ts";

const SMALL = { count: 40, seed: 5, sizePx: 64 };

const world = openWorld();
const open = async () => {
  const page = await world.open("/start/small");
  await page.locator(".tile[data-object]").first().waitFor();
  return page;
};

it("examples are chosen among random objects, or among one of each kind that the features know", async () => {
  const page = await open();
  const random = await shown(page);
  expect(random).toHaveLength(48);
  await page.getByRole("button", { name: "Random: shuffle" }).click();
  await expect.poll(() => shown(page)).not.toEqual(random);
  await page.getByRole("button", { name: "Diverse" }).click();
  await page.getByRole("button", { name: "Diverse: others" }).waitFor();
  // What was shown before stands, greyed, until the answer is there.
  const answered = page.locator(".grid[aria-busy=false]");
  await answered.waitFor();
  const diverse = await shown(page);
  expect(diverse).toHaveLength(48);
  expect(diverse).not.toEqual(random);
  await page.getByRole("button", { name: "Diverse: others" }).click();
  await answered.waitFor();
  await expect.poll(() => shown(page)).not.toEqual(diverse);
});

it("by nearest neighbours of one object", async () => {
  const page = await open();
  const [first] = await shown(page);
  await tile(page, first)
    .getByRole("button", { name: `Look at ${first} closely` })
    .click();
  await page.getByRole("dialog").getByRole("button", { name: "Choose examples among objects like this" }).click();
  await page.getByRole("button", { name: `Like ${first}`, pressed: true }).waitFor();
  const near = await world.ask<{ objects: { object: string }[] }>(
    `/surveys/small/objects/${first}/neighbours?model=toy&k=5`,
  );
  await expect
    .poll(async () => (await shown(page)).slice(0, 6))
    .toEqual([first, ...near.objects.map(({ object }) => object)]);
});

it("by ids and positions, typed or uploaded; what is not there is said", async () => {
  const page = await open();
  const { raDeg, decDeg } = await world.ask<{ raDeg: number; decDeg: number }>(
    `/surveys/small/objects/${world.ids[30]}`,
  );
  await page.getByRole("button", { name: "Ids or positions" }).click();
  await page.getByLabel("Ids or positions, one a line").fill(`${world.ids[3]}\n${raDeg} ${decDeg}\nnobody\n`);
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await expect.poll(() => shown(page)).toEqual([world.ids[3], world.ids[30]]);
  await page.getByText("Not in this survey: nobody").waitFor();

  const list = `id\n${[5, 6, 7].map((n) => world.ids[n]).join("\n")}\n`;
  await page
    .getByLabel("Upload a list")
    .setInputFiles({ name: "list.csv", mimeType: "text/csv", buffer: Buffer.from(list) });
  await expect.poll(() => shown(page)).toEqual([5, 6, 7].map((n) => world.ids[n]));
  await page.getByRole("button", { name: "All positive" }).click();
  await page.getByText("3 positive, 0 negative").waitFor();
});

it("alpha explains itself, with a preview of where it turns", async () => {
  const page = await open();
  const alpha = page.getByRole("slider", { name: /^Alpha/ });
  await page.getByText(/Balance/).waitFor();
  await page.getByText("with up to 8 positive").waitFor();
  await alpha.fill("0.1");
  await page.getByText(/Recall/).waitFor();
  await page.getByText("with up to 2 positive").waitFor();
  await alpha.fill("0.9");
  await page.getByText(/Precision/).waitFor();
  await page.getByText("with up to 11 positive").waitFor();
  await page.getByLabel("Objects a page").selectOption("48");
  await page.getByText("with up to 22 positive").waitFor();
});

it("a search starts with what was chosen: page size, random picks, what stands for negatives, alpha", async () => {
  const page = await open();
  await page.getByLabel("What are you looking for?").fill("Chosen");
  await page.getByLabel("Objects a page").selectOption("12");
  await page.getByLabel("of them at random").selectOption("4");
  await page.getByLabel("Unlabelled objects as negatives").selectOption("always");
  await page.getByRole("slider", { name: /^Alpha/ }).fill("0.8");
  const ids = await shown(page);
  await page.getByText("Click at least one object that is it.").waitFor();
  await face(page, ids[0]).click();
  await page.getByText("some that are not (click twice)").waitFor();
  expect(await page.getByRole("button", { name: "Start", exact: true }).isEnabled()).toBe(true);
  await face(page, ids[1]).dblclick();
  await page.getByText("1 positive, 1 negative").waitFor();
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await page.locator(".work .tile").first().waitFor();
  const state = await world.state("chosen");
  expect(state).toMatchObject({ pageSize: 12, randomPicks: 4, unlabelled: "always", alpha: 0.8 });
  expect(state.page?.picks.filter(({ reason }) => reason === "random")).toHaveLength(4);
  expect(await page.locator(".tile .badge").getByText("random").count()).toBe(4);
});

it("shows how far the features are, lets one choose meanwhile, and starts when they are there", async () => {
  const at = temporaryFolder();
  const folder = join(at.path, "unready");
  const { dataHash } = await simulateSurvey(folder, { ...SMALL, keep: "none", progress: SILENT, command: "test" });
  const set = { model: "toy", weightsHash: "w", dataHash, dim: 4, count: SMALL.count, blockRows: 20 };
  const computeBlock = (block: number) => {
    const writer = writeFeatures(folder, set);
    writer.write(
      block,
      Float32Array.from({ length: 20 * set.dim }, (_, i) => Math.sin(i + block)),
    );
    writer.close();
  };
  computeBlock(0);
  const server = await startServer([folder], await freePort());
  const page = await world.browser.newPage();
  try {
    await page.goto(`${server.address}/start/unready`);
    await page.getByText("Features: 20 of 40 objects").waitFor();
    await page.getByLabel("What are you looking for?").fill("spirals");
    await page.locator(".tile .face").first().click();
    const start = page.getByRole("button", { name: "Start", exact: true });
    expect(await start.isDisabled()).toBe(true);
    computeBlock(1);
    await expect.poll(() => start.isEnabled(), { timeout: 10_000 }).toBe(true);
    expect(await page.getByText(/^Features: /).count()).toBe(0);
  } finally {
    await page.close();
    await server.kill();
    at.remove();
  }
});

it("by what is like the examples so far, with how like it is", async () => {
  const page = await open();
  const [first, second] = await shown(page);
  expect(await page.getByRole("button", { name: "Similar", exact: true }).isDisabled()).toBe(true);
  await face(page, first).click();
  await face(page, second).click();
  await face(page, second).click();
  await page.getByRole("button", { name: "Similar", exact: true }).click();
  const { objects } = await world.ask<{ objects: { object: string; similarity: number }[] }>("/surveys/small/similar", {
    model: "toy",
    like: [first],
    unlike: [second],
    k: 48,
  });
  await expect.poll(() => shown(page)).toEqual(objects.map(({ object }) => object));
  await tile(page, objects[0].object).getByText(objects[0].similarity.toFixed(3)).waitFor();
});

it("without an example the unusual come first; an artefact is negative, with the tag that removes its like", async () => {
  const page = await open();
  await page.getByLabel("What are you looking for?").fill("Anything odd");
  await page.getByText("Click at least one object that is it.").waitFor();
  await page.getByRole("button", { name: "Unusual", exact: true }).click();
  const { objects } = await world.ask<{ objects: { object: string; far: { sigmas: number }[] }[] }>(
    "/surveys/small/unusual?model=toy&count=48",
  );
  await expect.poll(() => shown(page)).toEqual(objects.map(({ object }) => object));
  // Looked at closely, each says what is far in it beside its nearest neighbours.
  const odd = objects.find(({ far }) => far.length > 0);
  if (odd === undefined) throw new Error("nothing is far from the others");
  await page.getByRole("button", { name: `Look at ${odd.object} closely` }).click();
  const far = page.getByRole("region", { name: "Far from the others" });
  await far
    .getByText(`${Math.abs(odd.far[0].sigmas).toFixed(0)} standard deviations`)
    .first()
    .waitFor();
  await page
    .getByRole("button", { name: /, similarity 0\.\d+$/ })
    .first()
    .waitFor();
  await page.keyboard.press("Escape");
  await page.getByText("the most unusual objects come first").waitFor();
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await page.locator(".work .tile").first().waitFor();
  const session = page.url().split("/").at(-1) as string;
  const [first] = (await world.ask<{ page: { picks: { object: string }[] } }>(`/sessions/${session}`)).page.picks;
  await page.keyboard.press("a");
  await page.locator(".save.ok").waitFor();
  const { labels } = await world.ask<{ labels: Record<string, { value: string; tags: string[] }> }>(
    `/sessions/${session}`,
  );
  expect(Object.entries(labels).map(([object, { value, tags }]) => [object, value, tags])).toEqual([
    [first.object, "negative", ["artefact"]],
  ]);
});
