import { execFileSync, spawnSync } from "node:child_process";
import { statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../../test/fixtures/surveys.ts";
import { makeSky, type Sky, stampOf, writeTile } from "../../../test/fixtures/tiles.ts";
import { SILENT } from "../../base/progress.ts";
import { writeFitsImage } from "../../survey/fits.ts";
import { openSurvey } from "../../survey/folder.ts";
import { createFromTiles, type TilesOptions } from "./index.ts";

const PYTHON = "/usr/bin/python3";
const hasAstropy = spawnSync(PYTHON, ["-c", "import astropy"]).status === 0;
const folder = temporaryFolder();
const tiles = join(folder.path, "tiles");
const SIZE = 32;
let sky: Sky;
let names = 0;

/** Pixels of the sky, and what is to be said of the stamp around them. */
const PLACES: Record<string, { x: number; y: number; said: string | null }> = {
  inside: { x: 60.3, y: 71.8, said: null },
  "in the overlap, nearer to b's middle": { x: 114.2, y: 60.1, said: "STITCHED" },
  "over the edge of a and b": { x: 110.4, y: 60.6, said: "STITCHED" },
  "where four tiles meet": { x: 112.7, y: 113.1, said: "STITCHED" },
  "at the sky's own edge": { x: 8.2, y: 60.4, said: "PARTLY_COVERED" },
};

beforeAll(() => {
  sky = makeSky(224, ["g", "r"]);
  // 10 px of overlap between left and right: fewer than half of a stamp; none between below and above.
  writeTile(join(tiles, "a"), "survey-a", sky, [0, 0, 117, 112]);
  writeTile(join(tiles, "b"), "survey-b", sky, [107, 0, 117, 112]);
  writeTile(join(tiles, "c"), "survey-c", sky, [0, 112, 117, 112], "RICE_1");
  writeTile(join(tiles, "d"), "survey-d", sky, [107, 112, 117, 112]);
});
afterAll(() => folder.remove());

function catalogue(rows: [id: string, ra: number, dec: number][]): string {
  const path = join(folder.path, `positions-${++names}.csv`);
  writeFileSync(path, ["id,ra,dec", ...rows.map((row) => row.join(","))].join("\n"));
  return path;
}
const placed = Object.entries(PLACES).map(([id, { x, y }]): [string, number, number] => [id.replaceAll(",", ""), x, y]);
const onSky = () =>
  placed.map(([id, x, y]): [string, number, number] => {
    const { raDeg, decDeg } = sky.wcs.pixelToSky(x, y) as { raDeg: number; decDeg: number };
    return [id, raDeg, decDeg];
  });

const cut = (options: Partial<TilesOptions> & Pick<TilesOptions, "catalogue">) =>
  createFromTiles({
    out: join(folder.path, `survey-${++names}`),
    tiles,
    sizePx: SIZE,
    weights: false,
    maskBits: 0,
    adaptiveCrop: false,
    command: "test",
    progress: SILENT,
    ...options,
  });

describe("survey cut", () => {
  it("cuts the pixels of Cutout2D, over the edges of tiles too, and says what it took from where", async () => {
    const out = join(folder.path, "cut");
    const result = await cut({ out, catalogue: catalogue([...onSky(), ["far", 10, 10]]) });
    expect(result).toMatchObject({ asked: placed.length + 1, tiles: 4, stitched: 3 });
    expect([...result.missing]).toEqual([["NOT_COVERED", 1]]);
    const survey = await openSurvey(out);
    expect(survey.header).toMatchObject({ bands: ["g", "r"], unit: "nanomaggy", count: placed.length });
    for (const [id, x, y] of placed) {
      const { data } = await survey.readStamp(survey.indexOf(id) as number);
      // RICE rounds tile c's pixels to a sixteenth of their noise.
      for (const [b, band] of ["g", "r"].entries())
        expect(
          largest(data.subarray(b * SIZE ** 2, (b + 1) * SIZE ** 2), stampOf(sky, band, x, y, SIZE)),
          `${id} ${band}`,
        ).toBeLessThan(id.startsWith("where") ? 0.05 : 1e-7);
    }
    const codes = (id: string) =>
      survey.problems.filter(({ message }) => message.startsWith(`${id}: `)).map(({ code }) => code);
    for (const [id, { said }] of Object.entries(PLACES))
      expect([id, codes(id.replaceAll(",", ""))]).toEqual([id, said === null ? [] : [said]]);
    const stitched = survey.problems.find(({ message }) => message.startsWith("over"));
    expect(stitched?.message).toMatch(/% of its pixels are from survey-b-image, on the same grid; kept$/);
    const tileOf = (id: string) => survey.row(survey.indexOf(id) as number).columns.tile;
    expect([tileOf("inside"), tileOf("in the overlap nearer to b's middle")]).toEqual([
      "survey-a-image",
      "survey-b-image",
    ]);
    survey.close();
  });

  it.skipIf(!hasAstropy)("is equal to astropy's Cutout2D pixel for pixel", async () => {
    const whole = join(folder.path, "whole");
    writeTile(whole, "sky", sky, [0, 0, 224, 224]);
    const positions = catalogue(onSky());
    const out = join(folder.path, "equal");
    await cut({ out, tiles: whole, catalogue: positions });
    const script = `
import csv, sys, numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import Cutout2D
from astropy.wcs import WCS
for row in csv.DictReader(open("${positions}")):
    for band in "gr":
        hdu = fits.open("${whole}/sky-image-%s.fits" % band)[0]
        at = SkyCoord(float(row["ra"]), float(row["dec"]), unit="deg")
        stamp = Cutout2D(hdu.data, at, ${SIZE}, wcs=WCS(hdu.header), mode="partial", fill_value=np.nan)
        sys.stdout.buffer.write(stamp.data.astype("<f4").tobytes())`;
    const bytes = execFileSync(PYTHON, ["-c", script], { stdio: ["ignore", "pipe", "ignore"] });
    const theirs = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    const survey = await openSurvey(out);
    let compared = 0;
    for (const [i, [id]] of placed.entries()) {
      const { data } = await survey.readStamp(survey.indexOf(id) as number);
      const theirStamp = theirs.subarray(i * data.length, (i + 1) * data.length);
      expect(Array.from(data), id).toEqual(Array.from(theirStamp));
      compared++;
    }
    expect(compared).toBe(placed.length);
    survey.close();
  });

  it("makes pixels NaN that weights and masks leave out, and says where those are missing", async () => {
    const planes = join(folder.path, "planes");
    writeTile(planes, "t", sky, [0, 0, 112, 112]);
    const plane = (of: (x: number, y: number) => number) => ({
      widthPx: 112,
      heightPx: 112,
      planes: 1,
      data: Float32Array.from({ length: 112 ** 2 }, (_, p) => of(p % 112, Math.floor(p / 112))),
    });
    for (const band of ["g", "r"])
      writeFitsImage(
        join(planes, `t-invvar-${band}.fits`),
        plane((x) => (x < 60 ? 0 : 4)),
      );
    writeFitsImage(
      join(planes, "t-maskbits.fits"),
      plane((_, y) => (y < 60 ? 2 : 1)),
    );
    const out = join(folder.path, "masked");
    const positions = catalogue([onSky()[0]]);
    await cut({ out, tiles: planes, catalogue: positions, weights: true, maskBits: 2 });
    const survey = await openSurvey(out);
    const { data } = await survey.readStamp(0);
    const expected = stampOf(sky, "g", PLACES.inside.x, PLACES.inside.y, SIZE);
    const [left, bottom] = [Math.ceil(PLACES.inside.x - SIZE / 2), Math.ceil(PLACES.inside.y - SIZE / 2)];
    for (let p = 0; p < SIZE ** 2; p++) {
      const isOut = left + (p % SIZE) < 60 || bottom + Math.floor(p / SIZE) < 60;
      expect(data[p]).toBe(isOut ? Number.NaN : expected[p]);
    }
    survey.close();
    await expect(cut({ catalogue: positions, weights: true })).rejects.toMatchObject({
      code: "NO_TILES",
      message: expect.stringContaining("no weight map beside it"),
    });
  });

  it("refuses folders without tiles, and names tiles that cannot be used", async () => {
    const positions = catalogue(onSky());
    const none = join(folder.path, "no-coordinates");
    writeTile(none, "x", sky, [0, 0, 112, 112]);
    await expect(cut({ tiles: none, catalogue: positions, bands: ["z"] })).rejects.toMatchObject({
      code: "NO_TILES",
      message: expect.stringContaining("has no band z"),
    });
    writeFitsImage(join(none, "bare-image-g.fits"), {
      widthPx: 20,
      heightPx: 20,
      planes: 1,
      data: new Float32Array(400).fill(1),
    });
    const out = join(folder.path, "named");
    await cut({ out, tiles: none, catalogue: positions });
    const survey = await openSurvey(out);
    expect(survey.problems.filter(({ source }) => source.startsWith("bare")).map(({ code }) => code)).toEqual([
      "NO_COORDINATES",
    ]);
    survey.close();
  });

  it("names a tile whose pixels have another size than those of most, and cuts from the others", async () => {
    const mixed = join(folder.path, "mixed");
    // The first by name, so that it is not the first that counts.
    writeTile(mixed, "another", sky, [0, 0, 60, 60], undefined, 1e-4);
    writeTile(mixed, "survey-a", sky, [0, 0, 117, 112]);
    writeTile(mixed, "survey-b", sky, [107, 0, 117, 112]);
    // One of whose bands only.
    writeTile(mixed, "two", { ...sky, bands: { g: sky.bands.g } }, [0, 112, 112, 112]);
    writeTile(mixed, "two", { ...sky, bands: { r: sky.bands.r } }, [0, 112, 112, 112], undefined, 1e-4);
    const out = join(folder.path, "from-mixed");
    const { raDeg, decDeg } = sky.wcs.pixelToSky(50, 160) as { raDeg: number; decDeg: number };
    const result = await cut({
      out,
      tiles: mixed,
      catalogue: catalogue([onSky()[0], ["on two", raDeg, decDeg]]),
    });
    expect([result.tiles, [...result.missing]]).toEqual([2, [["NOT_COVERED", 1]]]);
    const survey = await openSurvey(out);
    expect(survey.header.pixelScaleArcsec).toBeCloseTo(0.262, 6);
    expect(survey.problems.filter(({ code }) => code === "SCALE_DIFFERS")).toEqual(
      ["another", "two"].map((name) => ({
        source: `${name}-image`,
        code: "SCALE_DIFFERS",
        message: "has 0.3600 arcsec/px, most tiles 0.2620; nothing is cut from it",
        kept: false,
      })),
    );
    const { data } = await survey.readStamp(0);
    const { x, y } = PLACES.inside;
    expect(largest(data.subarray(0, SIZE ** 2), stampOf(sky, "g", x, y, SIZE))).toBeLessThan(1e-7);
    survey.close();
  });

  it("names what a tile that is cut short does not give, and takes the rest", async () => {
    const short = join(folder.path, "cut-short");
    writeTile(short, "survey-a", sky, [0, 0, 117, 112]);
    writeTile(short, "survey-b", sky, [107, 0, 117, 112]);
    const file = join(short, "survey-b-image-g.fits");
    truncateSync(file, statSync(file).size / 2);
    const at = (id: string, x: number, y: number): [string, number, number] => {
      const { raDeg, decDeg } = sky.wcs.pixelToSky(x, y) as { raDeg: number; decDeg: number };
      return [id, raDeg, decDeg];
    };
    const out = join(folder.path, "short");
    const positions = catalogue([at("whole", 50, 50), at("missing", 180, 90)]);
    const { missing } = await cut({ out, tiles: short, catalogue: positions });
    const survey = await openSurvey(out);
    expect([survey.count, survey.row(0).id, missing.get("FITS_UNREADABLE")]).toEqual([1, "whole", 1]);
    expect(survey.problems.find(({ code }) => code === "FITS_UNREADABLE")?.message).toMatch(/^missing: .*cut short/);
    survey.close();
  });
});

/** Largest difference; NaN only where both are. */
function largest(a: Float32Array, b: Float32Array): number {
  let most = 0;
  for (let i = 0; i < b.length; i++) {
    if (Number.isNaN(a[i]) && Number.isNaN(b[i])) continue;
    most = Math.max(most, Number.isNaN(a[i]) || Number.isNaN(b[i]) ? Number.POSITIVE_INFINITY : Math.abs(a[i] - b[i]));
  }
  return most;
}
