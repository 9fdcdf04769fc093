/** A survey kept as pictures (`--keep webp`), from the command line to its features. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, expect, it, vi } from "vitest";
import { temporaryFolder } from "../../test/fixtures/surveys.ts";
import { SILENT } from "../base/progress.ts";
import { buildServer } from "../server/app.ts";
import { renderRgb8 } from "../stamps/render.ts";
import { openFeatures } from "../store/features.ts";
import { createSurvey } from "../survey/create.ts";
import { openSurvey } from "../survey/folder.ts";
import { embedSurvey } from "../tasks/embed/embed.ts";
import { buildProgram } from "./main.ts";

const folder = temporaryFolder();
afterAll(() => {
  vi.restoreAllMocks();
  folder.remove();
});
const at = (name: string) => join(folder.path, name);
const [COUNT, SIZE, MODEL] = [24, 96, "lvm-nano-morphology"];

it("kept as WebP, a survey shows, and is described as, the pictures of the one kept as flux", async () => {
  vi.spyOn(process.stdout, "write").mockReturnValue(true);
  const simulate = (name: string, ...more: string[]) =>
    buildProgram().parseAsync(
      ["survey", "simulate", at(name), "--count", String(COUNT), "--size", String(SIZE), "--seed", "8", ...more],
      { from: "user" },
    );
  await simulate("flux");
  await simulate("webp", "--keep", "webp", "--contact-sheet", at("sheet.png"));
  vi.restoreAllMocks();
  expect((await sharp(at("sheet.png")).metadata()).width).toBeGreaterThan(SIZE);

  // The flux survey's own pictures, without loss, as a survey.
  const [flux, webp] = await Promise.all([openSurvey(at("flux")), openSurvey(at("webp"))]);
  expect([webp.header.kind, webp.header.bands, webp.count, webp.problems]).toEqual([
    "colour",
    ["r", "g", "b"],
    COUNT,
    [],
  ]);
  expect(webp.rows.map(({ id, columns }) => [id, columns])).toEqual(flux.rows.map(({ id, columns }) => [id, columns]));
  mkdirSync(at("pictures"));
  const off: number[] = [];
  const shown: Uint8Array[] = [];
  for (let row = 0; row < COUNT; row++) {
    const rgb = renderRgb8(await flux.readStamp(row));
    shown.push(rgb);
    const raw = { width: SIZE, height: SIZE, channels: 3 } as const;
    await sharp(rgb, { raw })
      .png()
      .toFile(join(at("pictures"), `${flux.row(row).id}.png`));
    const kept = renderRgb8(await webp.readStamp(row));
    off.push(kept.reduce((sum, value, i) => sum + Math.abs(value - rgb[i]), 0) / rgb.length);
  }
  await createSurvey({ out: at("png"), images: at("pictures"), adaptiveCrop: true, command: "test", progress: SILENT });

  const app = await buildServer({ surveys: [at("webp")] });
  const picture = await app.inject(`/api/surveys/webp/objects/${flux.row(3).id}/picture?size=${SIZE}`);
  expect([picture.statusCode, picture.headers["content-type"]]).toEqual([200, "image/webp"]);
  const served = await sharp(picture.rawPayload).removeAlpha().raw().toBuffer();
  const servedOff = served.reduce((sum, value, i) => sum + Math.abs(value - shown[3][i]), 0) / served.length;
  await app.close();

  const rowsOf = async (name: string) => {
    await embedSurvey(at(name), { model: MODEL, progress: SILENT });
    const features = openFeatures(at(name), MODEL);
    return Array.from({ length: COUNT }, (_, row) => Array.from(features.rows(row, row + 1)));
  };
  const [kept, lossless] = [await rowsOf("webp"), await rowsOf("png")];
  const cosine = (a: number[], b: number[]) => {
    const dot = (u: number[], v: number[]) => u.reduce((sum, value, i) => sum + value * v[i], 0);
    return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
  };
  const same = kept.map((row, i) => cosine(row, lossless[i])).sort((a, b) => a - b);
  const nearest = kept.filter((row, i) => lossless.every((other) => cosine(row, other) <= cosine(row, lossless[i])));
  const largest = Math.max(...off);
  console.log(
    `pictures differ by ${largest.toFixed(1)} of 255 at most (mean of a picture); features: cosine ${same[0].toFixed(3)} at least, ${same[COUNT >> 1].toFixed(3)} in the middle; ${nearest.length} of ${COUNT} nearest to their own`,
  );
  // These stamps are small and noisy; of 192 px the least is 0.998.
  expect(same[0]).toBeGreaterThan(0.9);
  expect(same[COUNT >> 1]).toBeGreaterThan(0.97);
  expect(nearest.length).toBe(COUNT);
  // Colours of single pixels, which are noise, are lost; brightness is not.
  expect(largest).toBeLessThan(12);
  expect(servedOff).toBeLessThan(12);
  flux.close();
  webp.close();
});
