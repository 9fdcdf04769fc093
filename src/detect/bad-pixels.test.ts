import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CLASSICAL_OPTIONS } from "../../test/fixtures/detections.ts";
import { starsAt } from "../../test/fixtures/stars.ts";
import { temporaryFolder } from "../../test/fixtures/surveys.ts";
import { readTable } from "../survey/catalogue.ts";
import { readDetections, readFieldImages } from "../survey/detections.ts";
import { writeFitsImage } from "../survey/fits.ts";
import { writeLabelImages } from "../survey/label-map.ts";
import { detectClassical } from "./classical-run.ts";
import { openMasked } from "./images.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());
const at = (name: string) => join(folder.path, name);
const [W, H] = [300, 200];
/** The first star lies under the mask, the second beside a masked column, the others free. */
const STARS: [number, number][] = [
  [60, 50],
  [150, 60],
  [240, 50],
  [60, 140],
  [240, 140],
];
const isBad = (x: number, y: number) => (Math.abs(x - 60) <= 14 && Math.abs(y - 50) <= 14) || (x >= 152 && x < 162);

function writeMask(name: string, bits: 8 | 32, value: number, width = W): void {
  writeLabelImages(at(name), [
    {
      width,
      height: H,
      bits,
      cards: [],
      rows: (first, last) =>
        Int32Array.from({ length: (last - first) * width }, (_, i) =>
          isBad(i % width, first + Math.floor(i / width)) ? value : 0,
        ),
    },
  ]);
}

beforeAll(() => {
  const data = starsAt(STARS, W, H);
  writeFitsImage(at("a.fits"), { widthPx: W, heightPx: H, planes: 3, data });
  writeFitsImage(at("b.fits"), { widthPx: W, heightPx: H, planes: 3, data });
  writeMask("bits.fits", 32, 1 << 30);
  writeMask("bytes.fits", 8, 1);
  writeMask("wide.fits", 8, 4, W + 1);
  writeFileSync(at("bits.fits.gz"), gzipSync(readFileSync(at("bits.fits"))));
  writeFitsImage(at("float.fits"), { widthPx: W, heightPx: H, planes: 1, data: new Float32Array(W * H) });
  writeFitsImage(at("cube.fits"), { widthPx: W, heightPx: H, planes: 3, data: new Float32Array(3 * W * H) });
  writeFileSync(at("text.fits"), "no FITS");
});

/** What is found in a.fits, and in b.fits without a mask. */
async function found(mask: string, out: string, tiles = {}) {
  const masks = [at(mask), null];
  await detectClassical([at("a.fits"), at("b.fits")], { ...CLASSICAL_OPTIONS, ...tiles, out: at(out), masks });
  const { rows } = await readTable(at(`${out}/catalogue.csv`));
  return (image: string) => rows.filter((row) => row.image === image);
}
const near = (rows: Awaited<ReturnType<Awaited<ReturnType<typeof found>>>>, [x, y]: [number, number]) =>
  rows.filter((row) => Math.hypot(Number(row.x) - x, Number(row.y) - y) < 4);

describe("a mask of bad pixels", () => {
  it("hides what lies under it and nothing else; no mask of an object holds a bad pixel; the box says what is missing", async () => {
    const rows = await found("bits.fits", "masked");
    expect(near(rows("b"), STARS[0])).toHaveLength(1);
    expect(near(rows("a"), STARS[0])).toHaveLength(0);
    for (const star of STARS.slice(2)) expect(near(rows("a"), star)).toMatchObject([{ nan: 0, flag: 0 }]);
    const [beside] = near(rows("a"), STARS[1]);
    // Two columns of its light are left on that side.
    expect(Number(beside.x2)).toBeLessThanOrEqual(152);
    for (const one of readDetections(at("masked"))) {
      if (one.image !== "a") continue;
      const [x, y, width, height] = one.bbox;
      let bad = 0;
      for (let row = y; row < y + height; row++)
        for (let column = x; column < x + width; column++) if (isBad(column, row)) bad++;
      const row = rows("a").find(({ id }) => id === one.id);
      expect(Number(row?.nan)).toBeCloseTo(bad / (width * height), 9);
    }
    expect(readFieldImages(at("masked"))?.map(({ maskPath }) => maskPath)).toEqual([at("bits.fits"), undefined]);
  });

  it.each(["bytes.fits", "bits.fits.gz"])("is the same as %s, and in parts", async (name) => {
    const image = await openMasked(at("a.fits"), at(name), null, 32);
    try {
      const part = await image.read(40, 20, 130, 60);
      expect(part).toHaveLength(3 * 130 * 60);
      for (const [i, value] of part.entries()) {
        const p = i % (130 * 60);
        expect(Number.isNaN(value)).toBe(isBad(40 + (p % 130), 20 + Math.floor(p / 130)));
      }
    } finally {
      image.close();
    }
  });

  it.each([
    ["wide.fits", "WRONG_SHAPE", /301 x 200 px, a 300 x 200/],
    ["float.fits", "MASK_UNFIT", /floating point.*whole numbers/],
    ["cube.fits", "MASK_UNFIT", /3 planes/],
    ["text.fits", "FITS_UNREADABLE", /text\.fits/],
    ["none.fits", "FILE_UNREADABLE", /none\.fits/],
  ])("is refused where it does not fit: %s", async (name, code, message) => {
    await expect(openMasked(at("a.fits"), at(name), null, 32)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  it("is one an image", async () => {
    const run = detectClassical([at("a.fits"), at("b.fits")], {
      ...CLASSICAL_OPTIONS,
      out: at("x"),
      masks: [at("bits.fits")],
    });
    await expect(run).rejects.toMatchObject({ code: "BAD_OPTION", message: expect.stringMatching(/1 masks for 2/) });
    const none = detectClassical([at("a.fits")], { ...CLASSICAL_OPTIONS, out: at("x"), masks: [null] });
    await expect(none).rejects.toMatchObject({ code: "BAD_OPTION", message: expect.stringMatching(/names no file/) });
  });
});
