import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/fixtures/surveys.ts";
import { SILENT } from "../base/progress.ts";
import { Random } from "../base/random.ts";
import type { Truth } from "../contract/detection.ts";
import { type Crop, drawCrop, drawOrientation, orientCrop } from "./field-crops.ts";
import { FieldStore, type Window } from "./field-store.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());
const [WIDTH, HEIGHT] = [90, 70];

/** An L, so that no orientation of it is another: its pixels alone are bright. */
function drawn(x1: number, y1: number): { pixels: Float32Array; truth: Truth } {
  const [width, height] = [12, 18];
  const bits = new Uint8Array(width * height);
  const pixels = new Float32Array(3 * WIDTH * HEIGHT);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      if (x < 4 || y < 3) {
        bits[y * width + x] = 1;
        for (let c = 0; c < 3; c++) pixels[(c * HEIGHT + y1 + y) * WIDTH + x1 + x] = 0.5 + 0.1 * c;
      }
  const mask = { x: x1, y: y1, width, height, bits };
  return { pixels, truth: { x1, y1, x2: x1 + width, y2: y1 + height, class: "l", ignore: false, mask } };
}

/** The pixels of a crop's only object by its mask, and the bright ones of its picture. */
function bothOf({ sizePx: S, pixels, truths }: Crop): [string[], string[]] {
  const [{ mask }] = truths;
  const inMask: string[] = [];
  for (const [i, bit] of (mask?.bits ?? []).entries())
    if (bit === 1 && mask !== undefined)
      inMask.push(`${mask.x + (i % mask.width)} ${mask.y + Math.floor(i / mask.width)}`);
  const bright = Array.from({ length: S * S }, (_, p) => p).filter((p) => pixels[p] > 0);
  return [inMask.sort(), bright.map((p) => `${p % S} ${Math.floor(p / S)}`).sort()];
}

/** Parts of a field that is in memory. */
const inMemory =
  (pixels: Float32Array, W: number, H: number) =>
  ({ x, y, width, height }: Window): Float32Array =>
    Float32Array.from({ length: 3 * width * height }, (_, i) => {
      const [row, column] = [Math.floor(i / width), i % width];
      const [band, down] = [Math.floor(row / height), row % height];
      return pixels[(band * H + y + down) * W + x + column];
    });

describe("a crop of a field", () => {
  it("holds its objects where their light is, in all orientations", () => {
    const { pixels, truth } = drawn(40, 30);
    const field = { width: WIDTH, height: HEIGHT, truths: [truth], window: inMemory(pixels, WIDTH, HEIGHT) };
    const random = new Random(1);
    const shapes = new Set<string>();
    for (let i = 0; i < 60; i++) {
      const crop = orientCrop(drawCrop(field, 64, random), drawOrientation(random));
      expect(crop.pixels).toHaveLength(3 * 64 * 64);
      if (crop.truths.length === 0) continue;
      const [inMask, bright] = bothOf(crop);
      expect(inMask).toEqual(bright);
      const [{ x1, y1, x2, y2, mask, ignore }] = crop.truths;
      if (ignore || mask === undefined) continue;
      expect([mask.x, mask.y, mask.x + mask.width, mask.y + mask.height]).toEqual([x1, y1, x2, y2]);
      if (mask.bits.length === 12 * 18) shapes.add(`${mask.width} ${mask.bits.join("")}`);
    }
    expect(shapes.size).toBe(8);
  });

  it("learns nothing from an object of which less than 60 % lies in it", () => {
    const { pixels, truth } = drawn(40, 30);
    const random = new Random(2);
    // In a field as narrow as this every crop shows the same part.
    for (const [x1, ignore] of [
      [20, false],
      [-6, true],
    ] as const) {
      const moved = { ...truth, x1, x2: x1 + 12, mask: truth.mask && { ...truth.mask, x: x1 } };
      const crop = drawCrop(
        { width: 64, height: 64, truths: [moved], window: inMemory(pixels.slice(0, 3 * 64 * 64), 64, 64) },
        64,
        random,
      );
      expect(crop.truths).toHaveLength(1);
      expect(crop.truths[0].ignore).toBe(ignore);
      expect(crop.truths[0].x1).toBe(Math.max(0, x1));
    }
  });

  it("is dark beyond a field that is smaller", () => {
    const pixels = new Float32Array(3 * 20 * 30).fill(0.5);
    const crop = drawCrop({ width: 20, height: 30, truths: [], window: inMemory(pixels, 20, 30) }, 64, new Random(3));
    expect(crop.pixels.filter((value) => value > 0)).toHaveLength(3 * 20 * 30);
  });

  it("reads the same from the file of rendered fields, and no more than its part", async () => {
    const random = new Random(4);
    const sizes = [
      { width: 30, height: 20 },
      { width: 41, height: 37 },
    ];
    const whole = sizes.map(({ width, height }) =>
      Float32Array.from({ length: 3 * width * height }, () => random.int(65536) / 65535),
    );
    const store = await FieldStore.open(join(folder.path, "fields.u16"), sizes, async (i) => whole[i], SILENT);
    for (const [i, { width, height }] of sizes.entries()) {
      expect(store.read(i)).toEqual(whole[i]);
      for (const part of [
        { x: 3, y: 5, width: 7, height: 4 },
        { x: width - 1, y: height - 1, width: 1, height: 1 },
        { x: 0, y: 0, width: 0, height: 3 },
      ])
        expect(store.window(i, part)).toEqual(inMemory(whole[i], width, height)(part));
    }
    store.close();
  });
});
