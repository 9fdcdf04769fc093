import { mkdirSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, expect, it } from "vitest";
import { temporaryFolder } from "../../test/fixtures/surveys.ts";
import { SILENT } from "../base/progress.ts";
import { createSurvey } from "../survey/create.ts";
import { openSurvey } from "../survey/folder.ts";
import { cropSmallGalaxies, galaxyShare } from "./choose-crop.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());

/** Pictures of 64 px with a bright disc of the given radius in the middle of dark sky. */
async function pictures(name: string, radiusPx: number): Promise<string> {
  const images = join(folder.path, name);
  mkdirSync(images);
  for (let n = 0; n < 3; n++) {
    const data = Buffer.alloc(64 * 64 * 3);
    for (let p = 0; p < 64 * 64; p++)
      data.fill(Math.hypot((p % 64) - 31.5, Math.floor(p / 64) - 31.5) < radiusPx ? 200 + n : 5, 3 * p, 3 * p + 3);
    await sharp(data, { raw: { width: 64, height: 64, channels: 3 } })
      .png()
      .toFile(join(images, `${n}.png`));
  }
  return images;
}

for (const [name, radiusPx, cropped] of [
  ["small", 6, true],
  ["large", 26, false],
] as const)
  it(`${name} galaxies: models see stamps ${cropped ? "cropped" : "whole"}`, async () => {
    const images = await pictures(name, radiusPx);
    const out = join(folder.path, `${name}-survey`);
    const options = { images, out, command: "test", progress: SILENT };
    expect((await createSurvey({ ...options, adaptiveCrop: cropSmallGalaxies })).adaptiveCrop).toBe(cropped);
    const survey = await openSurvey(out);
    expect(survey.header.adaptiveCrop).toBe(cropped);
    expect(await galaxyShare(survey)).toBeCloseTo(Math.min(1, (2 * radiusPx + 20) / 64), 1);
    survey.close();
  });
