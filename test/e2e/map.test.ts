import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { allSaved, openWorld, shown } from "./harness.ts";

const world = openWorld();
const canvas = (page: Page) => page.getByRole("img", { name: /^Map of 150 objects/ });
const drawn = (page: Page) =>
  canvas(page).evaluate((element) => {
    const target = element as HTMLCanvasElement;
    const { data } = (target.getContext("2d") as CanvasRenderingContext2D).getImageData(
      0,
      0,
      target.width,
      target.height,
    );
    let sum = 0;
    for (let i = 0; i < data.length; i++) sum = (sum * 31 + data[i]) >>> 0;
    return sum;
  });
/** Draws around everything. */
async function lasso(page: Page): Promise<void> {
  const box = await canvas(page).boundingBox();
  if (box === null) throw new Error("no map");
  const [left, top, right, bottom] = [box.x + 4, box.y + 60, box.x + box.width - 4, box.y + box.height - 4];
  await page.mouse.move(left, top);
  await page.mouse.down();
  for (const [x, y] of [
    [right, top],
    [right, bottom],
    [left, bottom],
  ])
    await page.mouse.move(x, y, { steps: 6 });
  await page.mouse.up();
}

it("without a session: both layouts, colour by column, zoom, and examples from a lasso", async () => {
  const page = await world.open("/map/small");
  await canvas(page).waitFor({ timeout: 60_000 });
  const components = await drawn(page);
  await page.getByLabel("Layout").selectOption("umap");
  await page.getByText(/Computing the map, once for this survey/).waitFor();
  await canvas(page).waitFor({ timeout: 60_000 });
  const umap = await drawn(page);
  expect(umap).not.toBe(components);
  await page.getByLabel("Colour").selectOption("redshift");
  await expect.poll(() => drawn(page)).not.toBe(umap);
  await page.getByLabel("Colour").selectOption("faceOnSpiral");
  await page.getByText("true", { exact: true }).waitFor();
  const whole = await drawn(page);
  await page.getByRole("button", { name: "Zoom in" }).click();
  await expect.poll(() => drawn(page)).not.toBe(whole);
  await page.getByRole("button", { name: "All", exact: true }).click();
  await expect.poll(() => drawn(page)).toBe(whole);
  await canvas(page).hover();
  await page.mouse.wheel(0, -300);
  await expect.poll(() => drawn(page)).not.toBe(whole);
  await page.getByRole("button", { name: "All", exact: true }).click();
  await page.getByRole("button", { name: "Lasso" }).click();
  await lasso(page);
  await page.getByText(/objects in the lasso; 60 of them shown/).waitFor();
  // The list comes a moment after its title.
  await expect.poll(async () => (await shown(page)).length).toBe(60);
  const some = await shown(page);
  await page.getByRole("button", { name: "Choose examples among these" }).click();
  await page.getByRole("heading", { name: /^New search in/ }).waitFor();
  await expect.poll(() => shown(page)).toEqual(some);
});

it("with a session: coloured by score and label, a lasso labels all in it, undo takes it back, a click looks at one", async () => {
  const { session } = await world.begin("Mapped");
  const page = await world.open(`/map/small?session=${session}`);
  await canvas(page).waitFor({ timeout: 60_000 });
  const byScore = await drawn(page);
  await page.getByLabel("Colour").selectOption("label");
  await expect.poll(() => drawn(page)).not.toBe(byScore);
  const byLabel = await drawn(page);
  await page.keyboard.down("Shift");
  await lasso(page);
  await page.keyboard.up("Shift");
  const text = (await page.getByText(/objects in the lasso/).textContent()) ?? "";
  const count = Number(text.split(" ")[0]);
  expect(count).toBeGreaterThan(120);
  await page.getByRole("button", { name: "All unsure" }).click();
  await expect.poll(async () => (await world.state(session)).unsure).toBe(count);
  await allSaved(page);
  await expect.poll(() => drawn(page)).not.toBe(byLabel);
  await page.getByRole("button", { name: "Undo" }).click();
  await expect.poll(async () => (await world.state(session)).unsure).toBe(0);
  expect((await world.state(session)).positives).toBe(5);
  await page.getByRole("button", { name: /^sim-/ }).first().click();
  await page.getByRole("dialog").locator("canvas").first().waitFor();
});
