import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { allSaved, face, openWorld, shown } from "./harness.ts";

const world = openWorld();

/** Chooses examples in the grid by clicking: once for a spiral, twice for others. */
async function chooseExamples(page: Page): Promise<void> {
  const chosen = { positive: 0, negative: 0 };
  for (let shuffle = 0; shuffle < 8 && (chosen.positive < 3 || chosen.negative < 3); shuffle++) {
    const ids = await shown(page);
    for (const id of ids) {
      const kind = world.truth(id);
      if (chosen[kind] >= 3) continue;
      await face(page, id).click();
      if (kind === "negative") await face(page, id).click();
      chosen[kind]++;
    }
    await page.getByRole("button", { name: "Random: shuffle" }).click();
    await expect.poll(() => shown(page)).not.toEqual(ids);
  }
}

it("a whole session: name it, examples, labels, next round, reload, ranking, export", async () => {
  const page = await world.open("/");
  await page.getByRole("button", { name: "New search" }).click();
  await page.getByLabel("What are you looking for?").fill("Face-on spirals");
  await page.locator(".tile").first().waitFor();
  await chooseExamples(page);
  await page.getByText("3 positive, 3 negative").waitFor();
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await page.locator(".work .tile").first().waitFor();
  const session = new URL(page.url()).pathname.split("/")[2];
  expect(await page.title()).toBe("Face-on spirals · Skyloop");

  const ids = await shown(page);
  for (const id of ids.slice(0, 6)) {
    await face(page, id).click();
    if (!world.spirals.has(id)) await face(page, id).click();
  }
  await allSaved(page);
  const { labels } = await world.state(session);
  for (const id of ids.slice(0, 6)) expect(labels[id].value).toBe(world.truth(id));
  await page.getByRole("button", { name: "Rest negative" }).click();
  await allSaved(page);
  await page.getByRole("button", { name: "Next round" }).click();
  await page.getByText(/^round 2/).waitFor();
  expect(await page.getByRole("row", { name: /^start/ }).count()).toBe(1);

  await page.reload();
  await page.getByText(/^round 2/).waitFor();
  await page.getByRole("button", { name: "Ranking and export" }).click();
  await page.locator(".results .tile[data-object]").first().waitFor();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "CSV" }).click(),
  ]);
  const lines = readFileSync(await download.path(), "utf8")
    .trim()
    .split("\n");
  expect(lines).toHaveLength(world.ids.length + 1);
  const exported = new Map(lines.slice(1).map((line) => [line.split(",")[0], line.split(",")[4]]));
  for (const id of ids.slice(0, 6)) expect(exported.get(id)).toBe(world.truth(id));

  await page.getByRole("link", { name: "Skyloop" }).click();
  await page.getByRole("link", { name: "Face-on spirals", exact: true }).waitFor();
});
