import type { Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { SILENT } from "../../src/base/progress.ts";
import { embedSurvey } from "../../src/tasks/embed/embed.ts";
import { openSession, openWorld, tile } from "./harness.ts";

const world = openWorld();
let session = "";
let picks: string[] = [];
beforeAll(async () => {
  await embedSurvey(world.survey, { model: "lvm-nano", progress: SILENT });
  ({ session, picks } = await world.begin("Close", { model: "lvm-nano" }));
});

/** Opens the first object; answers its dialog. */
async function look(page: Page, object = picks[0]) {
  await tile(page, object)
    .getByRole("button", { name: `Look at ${object} closely` })
    .click();
  const dialog = page.getByRole("dialog", { name: object });
  await dialog.getByRole("img", { name: `Pixels of ${object}` }).waitFor();
  await dialog.getByRole("row", { name: /^redshift/ }).waitFor();
  return dialog;
}
/** A number that changes with any pixel of the canvas, and its size. */
const drawn = (page: Page) =>
  page
    .locator(".frame canvas")
    .first()
    .evaluate((element) => {
      const canvas = element as HTMLCanvasElement;
      const { data } = (canvas.getContext("2d") as CanvasRenderingContext2D).getImageData(
        0,
        0,
        canvas.width,
        canvas.height,
      );
      let sum = 0;
      for (let i = 0; i < data.length; i++) sum = (sum * 31 + data[i]) >>> 0;
      return {
        sum,
        width: canvas.width,
        height: canvas.height,
        grey: data.every((value, i) => i % 4 === 3 || value === data[i - (i % 4)]),
      };
    });

describe("the pixels of an object", () => {
  it("in colour, one band alone, side by side; by every stretch, limits and inverted", async () => {
    const page = await openSession(world, session);
    const dialog = await look(page);
    const pictures = new Map<string, number>();
    const note = async (name: string) => {
      await expect
        .poll(async () => new Set([...pictures.values(), (await drawn(page)).sum]).size, { message: name })
        .toBe(pictures.size + 1);
      const picture = await drawn(page);
      pictures.set(name, picture.sum);
      return picture;
    };
    expect(await note("colour")).toMatchObject({ width: 64, height: 64, grey: false });
    for (const stretch of ["asinh", "log", "sqrt", "linear"]) {
      await dialog.getByLabel("Stretch").selectOption(stretch);
      await note(stretch);
    }
    for (const band of ["g", "r", "z"]) {
      await dialog.getByLabel("Band").selectOption(band);
      expect(await note(band)).toMatchObject({ width: 64, grey: true });
    }
    await dialog.getByLabel("Limits").selectOption("zscale");
    await note("zscale");
    await dialog.getByLabel("Limits").selectOption("percentiles");
    await dialog.getByLabel(/^White at/).fill("95");
    await note("percentiles");
    await dialog.getByLabel("Limits").selectOption("values");
    await dialog.getByRole("spinbutton", { name: "White at" }).fill("0.05");
    await note("values");
    await dialog.getByLabel("Invert").check();
    await note("inverted");
    await dialog.getByLabel("Band").selectOption("side by side");
    expect(await note("side by side")).toMatchObject({ width: 192, height: 64 });
  });

  it("value and position stand under the pointer; the wheel zooms where it points, a drag moves", async () => {
    const page = await openSession(world, session);
    const dialog = await look(page);
    const frame = dialog.locator(".frame");
    const box = await frame.boundingBox();
    if (box === null) throw new Error("no frame");
    const { raDeg, decDeg } = await world.ask<{ raDeg: number; decDeg: number }>(`/surveys/small/objects/${picks[0]}`);
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    const text = (await dialog.locator(".under").textContent()) ?? "";
    expect(text).toMatch(/^x 3[12], y 3[12]: g -?[\d.e-]+ {2}r -?[\d.e-]+ {2}z -?[\d.e-]+ nanomaggy/);
    const [, ra, dec] = text.match(/RA ([\d.]+)° Dec (-?[\d.]+)°/)?.map(Number) ?? [];
    expect(Math.abs(ra - raDeg)).toBeLessThan(0.0005);
    expect(Math.abs(dec - decDeg)).toBeLessThan(0.0005);
    // The value is the file's own.
    const pixels = new Float32Array(
      await (await fetch(`${world.address}/api/surveys/small/objects/${picks[0]}/pixels`)).arrayBuffer(),
    );
    const [, x, y, g] = text.match(/^x (\d+), y (\d+): g (\S+)/)?.map(Number) ?? [];
    expect(g).toBeCloseTo(pixels[y * 64 + x], 3);

    await dialog.getByText(/^\d+″$/).waitFor();
    const bar = await dialog.locator(".scale").textContent();
    const under = () => dialog.locator(".under").textContent();
    // The middle of a pixel: a small move stays in it.
    const corner = [box.x + (box.width * 16.5) / 64, box.y + (box.height * 16.5) / 64];
    await page.mouse.move(corner[0], corner[1]);
    const before = await under();
    for (let i = 0; i < 6; i++) await page.mouse.wheel(0, -100);
    await expect.poll(() => dialog.locator(".scale").textContent()).not.toBe(bar);
    await page.mouse.move(corner[0] + 1, corner[1] + 1);
    expect((await under())?.split(":")[0]).toBe(before?.split(":")[0]);
    // A drag takes the pixel along.
    await page.mouse.down();
    await page.mouse.move(corner[0] + 60, corner[1] + 40, { steps: 5 });
    await page.mouse.up();
    expect((await under())?.split(":")[0]).toBe(before?.split(":")[0]);
    await dialog.getByRole("button", { name: "Whole stamp" }).click();
    await page.mouse.move(corner[0], corner[1]);
    expect(await under()).toBe(before);
  });

  it("stands with its catalogue row, its neighbours, links to its place on the sky, and the history of its labels", async () => {
    const page = await openSession(world, session);
    const dialog = await look(page);
    const { links } = await world.ask<{ links: { name: string; url: string }[] }>(`/surveys/small/objects/${picks[0]}`);
    expect(links.length).toBeGreaterThan(5);
    for (const { name, url } of links)
      expect(await dialog.getByRole("link", { name, exact: true }).getAttribute("href")).toBe(url);
    for (const key of ["1", "0"]) await page.keyboard.press(key);
    await dialog.getByText(/me: positive$/).waitFor();
    await dialog.getByText(/me: negative$/).waitFor();
    await dialog.getByRole("button", { name: "Negative", pressed: true }).waitFor();
    await page.keyboard.press("ArrowRight");
    await page.getByRole("dialog", { name: picks[1] }).waitFor();
    // However late one of the answers is, what can be clicked does not move any more.
    await page.route(new RegExp(`/objects/${picks[0]}$`), async (route) => {
      await new Promise((resolve) => setTimeout(resolve, 500));
      await route.continue();
    });
    await page.keyboard.press("ArrowLeft");
    await page.getByRole("dialog", { name: picks[0] }).waitFor();
    const near = dialog.getByRole("button", { name: /similarity/ });
    await expect.poll(() => near.count()).toBe(12);
    const place = await near.first().boundingBox();
    await dialog.getByRole("row", { name: /^redshift/ }).waitFor();
    expect(await near.first().boundingBox()).toEqual(place);
    const name = (await near.first().getAttribute("aria-label"))?.split(",")[0] ?? "";
    await near.first().click();
    await page.getByRole("dialog", { name }).waitFor();
  });

  it("why: the examples that pull its score, the regions that do, and how both are computed", async () => {
    const page = await openSession(world, session);
    const dialog = await look(page);
    await dialog.getByRole("button", { name: "Why this score?" }).click();
    const why = dialog.getByRole("region", { name: "Why this score" });
    await why.waitFor();
    const examples = why.getByRole("button", { name: /labelled (positive|negative), (raises|lowers) the score/ });
    expect(await examples.count()).toBe(8);
    await dialog.getByRole("img", { name: "Regions that raise the score (green) and lower it (magenta)" }).waitFor();
    await why.getByText("How this is computed").click();
    await why.getByText(/kernel regression/).waitFor();
    await why.getByText(/blurred away/).waitFor();
  });
});
