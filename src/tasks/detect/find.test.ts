import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SILENT } from "../../base/progress.ts";
import { Random } from "../../base/random.ts";
import type { Detection } from "../../contract/detection.ts";
import type { Found } from "../../detect/found.ts";
import { openMasked } from "../../detect/images.ts";
import { TileJournal } from "../../detect/journal.ts";
import { findInImage } from "../../detect/run.ts";
import type { PaddedImages } from "../../models/mask-rcnn/index.ts";
import { writeFitsImage } from "../../survey/fits.ts";
import { writeLabelImages } from "../../survey/label-map.ts";
import type { DetectorDetails } from "./detector.ts";
import { findWithModel, fitImage, type ImageAnswers, tilesFor } from "./find.ts";

const SIZE = 500;
const DETAILS: DetectorDetails = {
  windowsPx: 256,
  channels: 64,
  classes: ["blob"],
  bands: ["g", "r", "z"],
  unit: "nanomaggy",
  pixelScaleArcsec: 0.262,
  largestObjectPx: 20,
  threshold: 0.3,
  validation: {},
};

let folder = "";
const blobs: { x: number; y: number }[] = [];

const card = (key: string, value: string) => `${key.padEnd(8)}= ${value.padStart(20)}`.padEnd(80);
const header = (scale: number, unit: string) => [
  card("CTYPE1", "'RA---TAN'"),
  card("CTYPE2", "'DEC--TAN'"),
  card("CRVAL1", "150"),
  card("CRVAL2", "2"),
  card("CD1_1", String(-scale / 3600)),
  card("CD2_2", String(scale / 3600)),
  card("BUNIT", `'${unit}'`),
  card("BANDS", "'grz'"),
];

/** A dark image with round blobs, far enough apart, and a square without a measurement. */
function drawn(): Float32Array {
  const N = SIZE * SIZE;
  const data = new Float32Array(3 * N);
  for (const { x, y } of blobs)
    for (let row = Math.max(0, y - 8); row < Math.min(SIZE, y + 9); row++)
      for (let column = Math.max(0, x - 8); column < Math.min(SIZE, x + 9); column++)
        for (let c = 0; c < 3; c++)
          data[c * N + row * SIZE + column] += Math.exp(-((column - x) ** 2 + (row - y) ** 2) / (2 * 2.5 ** 2));
  for (let row = 100; row < 140; row++)
    for (let c = 0; c < 3; c++) data.fill(Number.NaN, c * N + row * SIZE + 200, c * N + row * SIZE + 230);
  return data;
}

const planes = (sizePx: number, data: Float32Array) => ({ widthPx: sizePx, heightPx: sizePx, planes: 3, data });

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "skyloop-find-"));
  const random = new Random(5);
  blobs.push({ x: 3, y: 470 }, { x: 197, y: 120 });
  for (let row = 0; row < 4; row++)
    for (let column = 0; column < 4; column++)
      blobs.push({ x: 60 + 100 * column + random.int(40), y: 40 + 110 * row + random.int(40) });
  const image = planes(SIZE, drawn());
  writeFitsImage(join(folder, "field.fits"), image, header(0.262, "nanomaggy"));
  writeFitsImage(join(folder, "coarse.fits"), image, header(0.4, "nanomaggy"));
  writeFitsImage(join(folder, "counts.fits"), image, header(0.262, "adu"));
  writeFitsImage(join(folder, "nowhere.fits"), image, [card("BUNIT", "'nanomaggy'"), card("BANDS", "'grz'")]);
  writeFitsImage(join(folder, "g.fits"), { ...image, planes: 1, data: image.data.slice(0, SIZE * SIZE) });
  const flat = new Float32Array(3 * 200 * 200).fill(0.3);
  writeFitsImage(join(folder, "constant.fits"), planes(200, flat), header(0.262, "nanomaggy"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const NEXT = [
  [1, 0],
  [-1, 0],
  [0, 1],
  [0, -1],
];

/** In the place of a network: the box of all that is bright and connected, scored by its brightest pixel. */
const finder = {
  looked: 0,
  detect({ pixels, sizes: [{ width, height }] }: PaddedImages): Detection[][] {
    this.looked++;
    const side = pixels.shape[3];
    const values = pixels.select(0, 0).select(0, 0).toFloat32Array();
    const seen = new Uint8Array(width * height);
    const value = (p: number) => values[Math.floor(p / width) * side + (p % width)];
    const found: Detection[] = [];
    for (let start = 0; start < seen.length; start++) {
      if (seen[start] === 1 || value(start) <= 0.25) continue;
      const queue = [start];
      seen[start] = 1;
      let [x1, y1, x2, y2, score] = [width, height, 0, 0, 0];
      for (const p of queue) {
        const [x, y] = [p % width, Math.floor(p / width)];
        [x1, y1, x2, y2] = [Math.min(x1, x), Math.min(y1, y), Math.max(x2, x + 1), Math.max(y2, y + 1)];
        score = Math.max(score, value(p));
        for (const [dx, dy] of NEXT) {
          const q = (y + dy) * width + x + dx;
          const outside = x + dx < 0 || x + dx >= width || y + dy < 0 || y + dy >= height;
          if (outside || seen[q] === 1 || value(q) <= 0.25) continue;
          seen[q] = 1;
          queue.push(q);
        }
      }
      const bits = new Uint8Array((x2 - x1) * (y2 - y1)).fill(1);
      found.push({
        x1,
        y1,
        x2,
        y2,
        class: "blob",
        score,
        mask: { x: x1, y: y1, width: x2 - x1, height: y2 - y1, bits },
      });
    }
    return [found];
  },
};

async function run(
  name: string,
  tilePx: number,
  answers: ImageAnswers = { rescale: false },
  journal?: TileJournal,
  mask: string | null = null,
) {
  const image = await openMasked(join(folder, name), mask, name === "g.fits" ? null : DETAILS.bands, 64);
  try {
    const fitting = fitImage(image, DETAILS, answers);
    const tiles = tilesFor(DETAILS, fitting, { tilePx });
    const bound = journal && {
      finished: (tile: string) => journal.finished(name, tile),
      add: (tile: string, found: Found[]) => journal.add(name, tile, found),
    };
    const find = findWithModel(finder, DETAILS, fitting, DETAILS.threshold);
    return await findInImage(image, find, { ...tiles, journal: bound }, SILENT);
  } finally {
    image.close();
  }
}

const boxes = (found: Found[]) => found.map(({ x1, y1, x2, y2 }) => [y1, x1, y2, x2].join()).sort();
const near = (found: Found[], blob: { x: number; y: number }) =>
  found.filter(({ x1, y1, x2, y2 }) => Math.hypot((x1 + x2 - 1) / 2 - blob.x, (y1 + y2 - 1) / 2 - blob.y) <= 1);

describe("a detector on images", () => {
  it("finds the same whatever the tiles, each object once; marks are at the border and on missing pixels", async () => {
    const whole = await run("field.fits", 512);
    const tiled = await run("field.fits", 256);
    expect([whole.tiles, tiled.tiles]).toEqual([1, 9]);
    expect(boxes(tiled.found)).toEqual(boxes(whole.found));
    expect(tiled.found).toHaveLength(blobs.length);
    for (const blob of blobs.slice(2)) expect(near(tiled.found, blob)).toMatchObject([{ flag: 0, nanShare: 0 }]);
    expect(tiled.found.filter(({ flag }) => (flag & 2) !== 0)).toHaveLength(1);
    const N = SIZE * SIZE;
    const data = drawn();
    for (const { mask } of tiled.found)
      for (const [i, bit] of (mask?.bits ?? []).entries()) {
        const { x, y, width } = mask as NonNullable<typeof mask>;
        const p = (y + Math.floor(i / width)) * SIZE + x + (i % width);
        if (!Number.isFinite(data[N + p])) expect(bit).toBe(0);
      }
  });

  it("is not shown what a mask says is bad, in whatever tiles", async () => {
    // Over the first whole blob, and half over the second.
    const [hidden, cut] = blobs.slice(2);
    const isBad = (x: number, y: number) =>
      (Math.abs(x - hidden.x) <= 9 && Math.abs(y - hidden.y) <= 9) ||
      (x > cut.x && x < cut.x + 9 && Math.abs(y - cut.y) <= 9);
    const rows = (first: number, last: number) =>
      Int32Array.from({ length: (last - first) * SIZE }, (_, i) =>
        isBad(i % SIZE, first + Math.floor(i / SIZE)) ? 1 : 0,
      );
    const mask = join(folder, "mask.fits");
    writeLabelImages(mask, [{ width: SIZE, height: SIZE, bits: 8, cards: [], rows }]);
    const whole = await run("field.fits", 512, { rescale: false }, undefined, mask);
    const tiled = await run("field.fits", 256, { rescale: false }, undefined, mask);
    expect(boxes(tiled.found)).toEqual(boxes(whole.found));
    expect(tiled.found).toHaveLength(blobs.length - 1);
    expect(near(tiled.found, hidden)).toEqual([]);
    for (const { mask: seen } of tiled.found)
      for (const [i, bit] of (seen?.bits ?? []).entries()) {
        const { x, y, width } = seen as NonNullable<typeof seen>;
        if (isBad(x + (i % width), y + Math.floor(i / width))) expect(bit).toBe(0);
      }
    for (const blob of blobs.slice(4)) expect(near(tiled.found, blob)).toMatchObject([{ flag: 0, nanShare: 0 }]);
  });

  it("goes on after the last whole tile of a run that was killed", async () => {
    const path = join(folder, "tiles.jsonl");
    const first = await run("field.fits", 256, { rescale: false }, new TileJournal(path, "key"));
    const lines = readFileSync(path, "utf8").split("\n");
    // Four tiles were done, and half a line of the fifth was written.
    writeFileSync(path, `${lines.slice(0, 5).join("\n")}\n${lines[5].slice(0, 20)}`);
    // One of the others is dark: the network is not asked.
    const before = finder.looked;
    expect(await run("field.fits", 256, { rescale: false }, new TileJournal(path, "key"))).toEqual(first);
    expect(finder.looked - before).toBe(4);
    expect(await run("field.fits", 256, { rescale: false }, new TileJournal(path, "key"))).toEqual(first);
    expect(finder.looked - before).toBe(4);
    await run("field.fits", 256, { rescale: false }, new TileJournal(path, "another key"));
    expect(finder.looked - before).toBe(12);
  });

  it("finds objects of a coarser image in that image's own pixels when it is to be resampled", async () => {
    const { found } = await run("coarse.fits", 512, { rescale: true });
    for (const blob of blobs.slice(2)) expect(near(found, blob)).toHaveLength(1);
  });

  it("sees nothing in a constant image", async () => {
    expect(await run("constant.fits", 256)).toMatchObject({ found: [], problems: [] });
  });

  it.each([
    ["coarse.fits", { rescale: false }, "BAD_SCALE", /--rescale/],
    ["nowhere.fits", { rescale: false }, "BAD_SCALE", /--pixel-scale/],
    ["counts.fits", { rescale: false }, "BAD_SCALE", /--unit nanomaggy/],
    ["g.fits", { rescale: false }, "BAND_MISSING", /--bands/],
    ["field.fits", { rescale: false, pixelScaleArcsec: -1 }, "BAD_OPTION", /above 0/],
  ])("refuses %s with %j: %s", async (name, answers, code, remedy) => {
    await expect(run(name, 256, answers)).rejects.toMatchObject({ code, message: expect.stringMatching(remedy) });
  });

  it("takes what the user says of an image for true", async () => {
    const said = { rescale: false, pixelScaleArcsec: 0.262, unit: "nanomaggy" };
    for (const name of ["coarse.fits", "nowhere.fits", "counts.fits"])
      expect((await run(name, 512, said)).found).toHaveLength(blobs.length);
  });

  it("cuts tiles that show every object whole, in the image's own pixels", () => {
    const fitting = { factor: 0.5, brightness: 1 };
    const lens = { ...DETAILS, largestObjectPx: 42 };
    expect(tilesFor(lens, fitting, { tilePx: 512 })).toEqual({ tilePx: 1024, overlapPx: 192 });
    // Unless the side is given, tiles begin 512 of the detector's pixels apart.
    expect(tilesFor(lens, fitting, {})).toEqual({ tilePx: 1216, overlapPx: 192 });
    expect(tilesFor(lens, { factor: 1, brightness: 1 }, { overlapPx: 128 })).toEqual({ tilePx: 640, overlapPx: 128 });
    expect(() => tilesFor(lens, fitting, { tilePx: 512, overlapPx: 64 })).toThrow(/--overlap is from 84/);
    expect(() => tilesFor(lens, fitting, { tilePx: 128 })).toThrow(/half a tile/);
  });
});
