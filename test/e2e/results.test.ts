import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { beforeAll, expect, it } from "vitest";
import { allSaved, face, openWorld, shown } from "./harness.ts";

const world = openWorld();
let session = "";
let positives: string[] = [];
beforeAll(async () => {
  const begun = await world.begin("Ranked", { randomPicks: 8, pageSize: 24 });
  session = begun.session;
  await world.answer(session, begun.picks);
  await world.answer(session, await world.nextRound(session, 1));
  await world.nextRound(session, 2);
  await world.assessed(session, 3);
  positives = Object.entries((await world.state(session)).labels).flatMap(([id, { value }]) =>
    value === "positive" ? [id] : [],
  );
});
const open = async () => {
  const page = await world.open(`/session/${session}/results`);
  await page.locator(".tile[data-object]").first().waitFor();
  return page;
};
const total = async (page: Page): Promise<number> =>
  Number((await page.getByText(/^[\d,]+ objects$/).textContent())?.replace(/\D/g, ""));

it("the best come first, and a filter shows those with a label, a score, a column's values or a place on the sky", async () => {
  const page = await open();
  expect(await total(page)).toBe(world.ids.length);
  const best = (await shown(page)).slice(0, 12);
  expect(best.filter((id) => world.spirals.has(id)).length).toBeGreaterThan(8);

  await page.getByRole("combobox", { name: "Label" }).selectOption("positive");
  await expect.poll(() => total(page)).toBe(positives.length);
  expect((await shown(page)).sort()).toEqual([...positives].sort());
  await page.getByRole("combobox", { name: "Label" }).selectOption("");
  await page.getByLabel("Score from").fill("0.2");
  await page.getByLabel("Score to").fill("0.8");
  await expect.poll(() => total(page)).toBeLessThan(world.ids.length);
  await page.getByLabel("Score from").fill("");
  await page.getByLabel("Score to").fill("");

  await page.getByRole("button", { name: "Filter" }).click();
  await page.getByLabel("Column").selectOption("faceOnSpiral");
  await page.getByRole("textbox", { name: "is" }).fill("true");
  await expect.poll(() => total(page)).toBe(world.spirals.size);
  await page.getByLabel("Column").selectOption("redshift");
  await page.getByRole("textbox", { name: "to" }).fill("-1");
  await page.getByText("Nothing in the ranking is like this.").waitFor();
  await page.getByRole("button", { name: "Clear" }).click();
  const { raDeg, decDeg } = await world.ask<{ raDeg: number; decDeg: number }>(
    `/surveys/small/objects/${world.ids[9]}`,
  );
  await page.getByLabel("RA (deg)").fill(String(raDeg));
  await page.getByLabel("Dec (deg)").fill(String(decDeg));
  await page.getByLabel("Radius (deg)").fill("0.0002");
  await expect.poll(() => shown(page)).toEqual([world.ids[9]]);
});

it("a label given in the ranking is saved, seen and undone by key; a tag is filtered by", async () => {
  const page = await open();
  const [, , third] = await shown(page);
  const before = await world.labelOf(session, third);
  await face(page, third).click();
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("u");
  await expect.poll(() => world.labelOf(session, third)).toBe("unsure");
  await page.keyboard.press("ArrowRight");
  await page.getByText(/^4 of /).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.locator(`.tile.unsure[data-object="${third}"]`).waitFor();
  await page.keyboard.press("z");
  await expect.poll(() => world.labelOf(session, third)).toBe(before);
  await world.ask(`/sessions/${session}/labels`, { who: "me", labels: [{ object: third, addTag: "ring" }] });
  await page.getByRole("button", { name: "Filter" }).click();
  await page.getByLabel("Tag").selectOption("ring");
  await expect.poll(() => shown(page)).toEqual([third]);
});

it("a cut is chosen on the curve of purity and completeness, and what it leaves is exported", async () => {
  const page = await open();
  await page.getByRole("button", { name: "Choose a cut" }).click();
  await page.getByRole("img", { name: "Purity and completeness against the lowest score taken" }).waitFor();
  const slider = page.getByRole("slider", { name: "Lowest score that is taken" });
  await slider.focus();
  await slider.fill("0.5");
  await page
    .getByText(/At 0.50: \d+ objects, purity \d+\s%\u2060–\u2060\d+\s%, completeness \d+\s%\u2060–\u2060\d+\s%/)
    .waitFor();
  await expect.poll(() => total(page)).toBeLessThan(world.ids.length);
  const left = await total(page);
  await page.getByText(`Export these ${left} as`).waitFor();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "CSV" }).click(),
  ]);
  const lines = readFileSync(await download.path(), "utf8")
    .trim()
    .split("\n");
  expect(lines).toHaveLength(left + 1);
  for (const line of lines.slice(1)) expect(Number(line.split(",")[3])).toBeGreaterThanOrEqual(0.5);
});

it.each([
  ["Parquet", "PAR1"],
  ["FITS", "SIMPLE  ="],
  ["VOTable", "<?xml"],
])("is exported as %s", async (name, start) => {
  const page = await open();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name, exact: true }).click(),
  ]);
  expect(readFileSync(await download.path(), "latin1").startsWith(start)).toBe(true);
});

it("the report is one file that another person opens without this server: pictures, rounds, and what is expected", async () => {
  const page = await open();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "Report" }).click(),
  ]);
  const html = readFileSync(await download.path(), "utf8");
  const report = await page.context().newPage();
  await report.setContent(html);
  await report.getByRole("heading", { name: "Ranked" }).waitFor();
  expect(await report.getByRole("row").count()).toBeGreaterThanOrEqual(4);
  const pictures = await report
    .locator("img")
    .evaluateAll((all) => all.map((img) => (img as HTMLImageElement).naturalWidth));
  expect(pictures.length).toBeGreaterThan(positives.length);
  expect(Math.min(...pictures)).toBe(96);
});

it("stands beside another session's: where labels differ, and where scores differ most", async () => {
  const other = await world.begin("Compared", { who: "bob" });
  const disputed = positives.find((id) => !other.picks.includes(id)) as string;
  await world.ask(`/sessions/${other.session}/labels`, {
    who: "bob",
    labels: [{ object: disputed, value: "negative" }],
  });
  const page = await open();
  await page.getByRole("button", { name: "Compare" }).click();
  await page.getByRole("combobox", { name: "With" }).selectOption(other.session);
  await page.getByText("Under each picture: rank, score here | score there.").waitFor();
  await page.getByRole("group", { name: "Compare" }).getByLabel("Labels").selectOption("differ");
  await expect.poll(() => shown(page)).toEqual([disputed]);
  await page.getByText("other: negative").waitFor();
  await page.getByRole("group", { name: "Compare" }).getByLabel("Labels").selectOption("");
  await page.getByRole("group", { name: "Compare" }).getByLabel("Order").selectOption("difference");
  await page
    .getByText(/\d\.\d{3} \| \d\.\d{3}/)
    .first()
    .waitFor();
});

it("labels come back from a table after a look at the conflicts, which stay as two opinions; one undo takes the table back", async () => {
  const { session: mine, picks } = await world.begin("Imported");
  const [first, second] = picks;
  await world.ask(`/sessions/${mine}/labels`, { who: "me", labels: [{ object: first, value: "positive" }] });
  const page = await world.open(`/session/${mine}/results`, { who: "carl" });
  await page.getByRole("button", { name: "Import labels" }).click();
  const table = `id,label\n${first},negative\n${second},1\nnobody,1\n`;
  await page
    .getByLabel("Choose a table")
    .setInputFiles({ name: "labels.csv", mimeType: "text/csv", buffer: Buffer.from(table) });
  await page
    .getByText("1 new labels, 0 the same as here, 1 that differ, 1 of objects that are not in this survey.")
    .waitFor();
  await page.getByRole("row", { name: `${first} positive (me) negative` }).waitFor();
  expect(await world.labelOf(mine, second)).toBeNull();
  await page.getByRole("button", { name: "Save 2 labels as carl" }).click();
  await page.getByText("Where they differ both opinions are kept.").waitFor();
  const { conflicts } = await world.state(mine);
  expect(conflicts).toEqual([
    {
      object: first,
      opinions: [
        { who: "me", value: "positive" },
        { who: "carl", value: "negative" },
      ],
    },
  ]);
  await page.getByRole("button", { name: "Back to labelling" }).click();
  await page.getByRole("heading", { name: "Two opinions" }).waitFor();
  await page.locator(`.tile[data-object="${first}"]`).getByText("two opinions").waitFor();
  await page.keyboard.press("z");
  await expect
    .poll(async () => [await world.labelOf(mine, first), await world.labelOf(mine, second)])
    .toEqual(["positive", null]);
  await allSaved(page);
});

it("a new ranking takes the place of the one that is looked at, and nothing is blank meanwhile", async () => {
  const begun = await world.begin("Renewed");
  await world.assessed(begun.session, 1);
  const page = await world.open(`/session/${begun.session}/results`);
  await page.locator(".tile[data-object]").first().waitFor();
  await page.route(/\/ranking\?/, async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 600));
    await route.continue();
  });
  const asked = page.waitForRequest(/\/ranking\?/);
  await world.answer(begun.session, begun.picks);
  await world.nextRound(begun.session, 1);
  await asked;
  expect((await shown(page)).length).toBeGreaterThan(8);
  const { rows } = await world.ask<{ rows: { object: string }[] }>(`/sessions/${begun.session}/ranking?limit=8`);
  await expect.poll(async () => (await shown(page)).slice(0, 8)).toEqual(rows.map(({ object }) => object));
});
