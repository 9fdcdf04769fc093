import { mkdirSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/fixtures/surveys.ts";
import { SILENT } from "../base/progress.ts";
import { Random } from "../base/random.ts";
import { readFields } from "../survey/annotations.ts";
import { readFitsImage, writeFitsImage } from "../survey/fits.ts";
import { renderLenses } from "../survey/simulate/scene.ts";
import { simulateScenes } from "../survey/simulate/scenes.ts";
import { fieldPixels } from "./field-pixels.ts";
import { lensPainter } from "./paint-lenses.ts";
import { legacyFlux, renderLegacy } from "./render.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());
const at = (name: string) => join(folder.path, name);
const S = 96;
const bands = ["g", "r", "z"];
const UNIT = "BUNIT   = 'nanomaggy'".padEnd(80);
const random = new Random(2);
const sky = Float32Array.from({ length: 3 * S * S }, () => random.normal(0.004, 0.002));

describe("the Legacy Surveys' rendering", () => {
  it("is undone where no channel is 0 or 1", () => {
    const rgb = renderLegacy({ data: sky, widthPx: S, heightPx: S, bands });
    const back = legacyFlux(rgb);
    let worst = 0;
    for (let p = 0; p < S * S; p++) {
      const channels = [rgb[p], rgb[S * S + p], rgb[2 * S * S + p]];
      if (channels.some((value) => value <= 0 || value >= 1)) continue;
      for (let band = 0; band < 3; band++)
        worst = Math.max(worst, Math.abs(back[band * S * S + p] - sky[band * S * S + p]));
    }
    expect(worst).toBeLessThan(1e-6);
  });
});

describe("lenses on images of the real sky", () => {
  beforeAll(async () => {
    mkdirSync(at("flux"));
    mkdirSync(at("pictures"));
    writeFitsImage(at("flux/a.fits"), { widthPx: S, heightPx: S, planes: 3, data: sky }, [UNIT]);
    const rgb = renderLegacy({ data: sky, widthPx: S, heightPx: S, bands });
    const bytes = Buffer.from(
      Array.from({ length: 3 * S * S }, (_, i) => Math.round(255 * rgb[(i % 3) * S * S + Math.floor(i / 3)])),
    );
    for (const name of ["a", "b", "c"])
      await sharp(bytes, { raw: { width: S, height: S, channels: 3 } })
        .png()
        .toFile(at(`pictures/${name}.png`));
  });
  const options = { scenes: 3, seed: 4, sizePx: 64, workers: 1, progress: SILENT, command: "test" };
  const painter = (name: string, range: [number, number] | null = null) =>
    lensPainter({ folder: at(name), seed: 4, sizePx: 64, range });

  it("add their flux, and nothing else: a field without lenses holds the background's pixels", async () => {
    await simulateScenes(at("on-flux"), { ...options, onto: painter("flux") });
    const { fields, problems } = await readFields(at("on-flux"));
    expect(problems).toEqual([]);
    expect(fields.every(({ background }) => background === "a.fits")).toBe(true);
    const total = sky.reduce((sum, value) => sum + value, 0) / (S * S);
    for (const [i, { path, truths }] of fields.entries()) {
      expect(truths.every((truth) => truth.class === "lens")).toBe(true);
      const light = renderLenses(new Random(4).fork(`scene ${i}`), 64, 20).planes;
      const sum =
        readFitsImage(path).data.reduce((all, value) => all + value, 0) - light.reduce((all, value) => all + value, 0);
      expect(sum / (64 * 64)).toBeCloseTo(total, 3);
    }
    expect(fields.some(({ truths }) => truths.length > 0)).toBe(true);
  });

  it("on pictures: rendered as the background is, pixels without new light untouched", async () => {
    await simulateScenes(at("on-pictures"), { ...options, onto: painter("pictures", [2, 3]) });
    const { fields } = await readFields(at("on-pictures"));
    expect(new Set(fields.map(({ background }) => background))).toEqual(new Set(["b.png", "c.png"]));
    const values = (pixels: Float32Array) => [...pixels].sort((a, b) => a - b);
    const whole = values(await fieldPixels({ path: at("pictures/b.png") }));
    const highest = whole[whole.length - 1];
    for (const [i, field] of fields.entries()) {
      const light = renderLenses(new Random(4).fork(`scene ${i}`), 64, 20).planes;
      const pixels = await fieldPixels(field);
      let brighter = 0;
      for (let p = 0; p < 64 * 64; p++) {
        const lit = [0, 1, 2].some((band) => light[band * 4096 + p] !== 0);
        for (let c = 0; c < 3; c++)
          if (pixels[c * 4096 + p] > highest) {
            brighter++;
            expect(lit).toBe(true);
          }
      }
      expect(brighter > 0).toBe(light.some((value) => value > 0.1));
    }
  });

  it("of folders without images, too small ones and other bands are refused", async () => {
    expect(() => painter("nowhere")).toThrow(/no folder/);
    expect(() => painter("pictures", [7, 9])).toThrow(/none from 7 to 9/);
    mkdirSync(at("small"));
    writeFitsImage(at("small/a.fits"), { widthPx: 32, heightPx: 32, planes: 3, data: new Float32Array(3 * 32 * 32) }, [
      UNIT,
    ]);
    await expect(simulateScenes(at("s"), { ...options, onto: painter("small") })).rejects.toMatchObject({
      code: "WRONG_SHAPE",
    });
    mkdirSync(at("one"));
    writeFitsImage(at("one/a.fits"), { widthPx: S, heightPx: S, planes: 1, data: sky.subarray(0, S * S) });
    await expect(simulateScenes(at("o"), { ...options, onto: painter("one") })).rejects.toMatchObject({
      code: "BAND_MISSING",
    });
  });
});
