import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../../test/fixtures/surveys.ts";
import { hashFile } from "../../base/files.ts";
import { SILENT } from "../../base/progress.ts";
import { Random } from "../../base/random.ts";
import { readFields } from "../annotations.ts";
import { readTable } from "../catalogue.ts";
import { readFitsImage } from "../fits.ts";
import { parseWcs } from "../wcs.ts";
import { colourOf, fluxOf, PIXEL_SCALE_ARCSEC } from "./frame.ts";
import { lensLight, outlineOf, plainLight, sigmasOf, starLight } from "./objects.ts";
import { renderScene, type SceneObject } from "./scene.ts";
import { drawLensGalaxy } from "./scene-galaxies.ts";
import { simulateScenes } from "./scenes.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());
const at = (name: string) => join(folder.path, name);
const conditions = { fwhmsArcsec: [1.42, 1.3, 1.2], depths: [24.7, 24.1, 23.2] };
const sumOf = (values: Float32Array, from: number, to: number) =>
  values.subarray(from, to).reduce((sum, value) => sum + value, 0);

describe("objects", () => {
  it("hold their catalogue flux to a hundredth, apart from everything else", () => {
    const colour = colourOf(20, 0.6, 0.4);
    for (const light of [
      plainLight({ x: 40.3, y: 51.8, angle: 1, axisRatio: 0.6, sersicN: 3, radiusArcsec: 0.8, colour }, conditions),
      starLight({ x: 40.3, y: 51.8 }, colour, conditions),
    ]) {
      const N = light.size ** 2;
      for (const [band, flux] of colour.entries())
        expect(sumOf(light.planes, band * N, (band + 1) * N) / flux).toBeCloseTo(1, 2);
    }
    expect(colour[1]).toBe(fluxOf(20));
  });

  it("of lenses: the mask holds 95 % of the lensed light above 1 sigma and the Einstein circle, the box is its extent", () => {
    const sigmas = sigmasOf(conditions);
    for (let i = 0; i < 8; i++) {
      const random = new Random(4).fork(i);
      const galaxy = drawLensGalaxy(random);
      const place = { x: 100, y: 90 };
      const { arcs } = lensLight(galaxy, place, random, conditions);
      const radiusPx = (galaxy.einsteinRadiusArcsec as number) / PIXEL_SCALE_ARCSEC;
      const { mask } = outlineOf(arcs, 200, { bands: [0, 1], sigmas, circle: { ...place, radiusPx } });
      if (mask === null) throw new Error("the lens lies within the field");
      const N = arcs.size ** 2;
      let [held, above] = [0, 0];
      for (let p = 0; p < N; p++) {
        if (arcs.planes[N + p] <= sigmas[1]) continue;
        above += arcs.planes[N + p];
        const [x, y] = [arcs.x0 + (p % arcs.size) - mask.x, arcs.y0 + Math.floor(p / arcs.size) - mask.y];
        if (x >= 0 && y >= 0 && x < mask.width && y < mask.height)
          held += mask.bits[y * mask.width + x] * arcs.planes[N + p];
      }
      expect(held).toBeGreaterThanOrEqual(0.95 * above);
      const bit = (x: number, y: number) => mask.bits[(Math.round(y) - mask.y) * mask.width + Math.round(x) - mask.x];
      for (let turn = 0; turn < 6; turn++)
        expect(bit(place.x + 0.9 * radiusPx * Math.cos(turn), place.y + 0.9 * radiusPx * Math.sin(turn))).toBe(1);
      const row = (y: number) => mask.bits.subarray(y * mask.width, (y + 1) * mask.width);
      const column = (x: number) => mask.bits.filter((_, p) => p % mask.width === x);
      for (const edge of [row(0), row(mask.height - 1), column(0), column(mask.width - 1)]) expect(edge).toContain(1);
    }
  });

  it("are not counted where no pixel stands above 2 sigma, or more than half of the box lies outside", () => {
    const sigmas = sigmasOf(conditions);
    const star = (x: number, magR: number) =>
      outlineOf(starLight({ x, y: 50 }, colourOf(magR, 0, 0), conditions), 100, { bands: [0, 1, 2], sigmas });
    expect(star(50, 20).peak).toBeGreaterThan(20);
    expect(star(50, 27).peak).toBeLessThan(2);
    expect(star(50, 27).mask?.bits).toContain(1);
    expect(star(50, 20).inside).toBe(1);
    expect(star(-2, 20).inside).toBeLessThan(0.5);
    expect(star(-2, 20).mask?.x).toBe(0);
    expect(star(-40, 20).mask).toBeNull();
  });
});

describe("fields", () => {
  it("hold lenses, what is taken for them, galaxies and stars as they are said to; some hold no lens", () => {
    const scenes = Array.from({ length: 10 }, (_, i) => renderScene(new Random(3).fork(i), 96));
    const lenses = scenes.map(({ objects }) => objects.filter((one) => one.class === "lens"));
    const without = lenses.filter((found) => found.length === 0).length;
    expect(without).toBeGreaterThan(0);
    expect(without).toBeLessThan(8);
    for (const lens of lenses.flat()) {
      expect(lens.einsteinRadiusArcsec).toBeGreaterThanOrEqual(0.7);
      expect(lens.einsteinRadiusArcsec).toBeLessThanOrEqual(2.6);
      expect(lens.sourceMagR).toBeGreaterThanOrEqual(21.8);
      expect(lens.sourceMagR).toBeLessThanOrEqual(24.6);
    }
    const kinds = new Set(scenes.flatMap(({ objects }) => objects.map(({ kind }) => kind)));
    for (const kind of ["lens", "deflector", "faint", "star"]) expect(kinds).toContain(kind);
    expect(scenes.every(({ planes }) => planes.every(Number.isFinite))).toBe(true);
    // A lens's arcs lie on the galaxy in front of it: masks overlap.
    const [lens, front] = ["lens", "deflector"].map(
      (kind) => scenes.flatMap(({ objects }) => objects).find((one) => one.kind === kind) as SceneObject,
    );
    const at = ({ mask }: SceneObject, x: number, y: number) => {
      const [dx, dy] = [x - mask.x, y - mask.y];
      return dx >= 0 && dy >= 0 && dx < mask.width && dy < mask.height ? mask.bits[dy * mask.width + dx] : 0;
    };
    let shared = 0;
    for (let y = 0; y < 96; y++) for (let x = 0; x < 96; x++) shared += at(lens, x, y) & at(front, x, y);
    expect(shared).toBeGreaterThan(0.3 * lens.mask.bits.reduce((sum, bit) => sum + bit, 0));
  });
});

describe("a folder of fields", () => {
  const options = { scenes: 3, seed: 7, sizePx: 96, progress: SILENT, command: "test" };
  beforeAll(async () => {
    await simulateScenes(at("one"), { ...options, workers: 1 });
    await simulateScenes(at("two"), { ...options, workers: 3 });
  });

  it("is the same for the same seed whatever the number of workers", async () => {
    for (const file of ["annotations.json", "truth.parquet", ...[1, 2, 3].map((i) => `images/field-00000${i}.fits`)])
      expect(await hashFile(at(`one/${file}`)), file).toBe(await hashFile(at(`two/${file}`)));
  });

  it("reads back: every object with its mask, values and place on the sky", async () => {
    const { fields, classes, problems } = await readFields(at("one"));
    expect(problems).toEqual([]);
    expect(classes).toEqual(["lens", "galaxy", "star"]);
    expect(fields.map(({ width, height, background }) => [width, height, background])).toEqual(
      [1, 2, 3].map((i) => [96, 96, `field-00000${i}`]),
    );
    const table = await readTable(at("one/truth.parquet"));
    expect(table.rows.length).toBe(fields.flatMap(({ truths }) => truths).length);
    const image = readFitsImage(at("one/images/field-000002.fits"));
    expect([image.planes, image.widthPx, image.heightPx]).toEqual([3, 96, 96]);
    const wcs = parseWcs(image.header);
    for (const [i, row] of table.rows.filter(({ image: name }) => name === "field-000002").entries()) {
      const truth = fields[1].truths[i];
      expect(truth.values?.kind).toBe(row.kind);
      expect(truth.values?.magR).toBeCloseTo(row.magR as number, 4);
      expect(truth.ignore).toBe(row.ignore === 1);
      const { x, y } = wcs?.skyToPixel(row.ra as number, row.dec as number) ?? { x: NaN, y: NaN };
      expect(Math.hypot(x - (row.x as number), y - (row.y as number))).toBeLessThan(1e-6);
      const { mask } = truth;
      expect([truth.x1, truth.y1, truth.x2 - truth.x1, truth.y2 - truth.y1]).toEqual([
        mask?.x,
        mask?.y,
        mask?.width,
        mask?.height,
      ]);
    }
  });

  it("is not written over another", async () => {
    await expect(simulateScenes(at("one"), options)).rejects.toMatchObject({ code: "FIELDS_EXIST" });
    await expect(simulateScenes(at("new"), { ...options, sizePx: 8 })).rejects.toMatchObject({ code: "BAD_OPTION" });
    expect(JSON.parse(readFileSync(at("one/annotations.json"), "utf8")).info.seed).toBe(7);
  });
});
