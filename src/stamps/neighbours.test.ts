import { describe, expect, it } from "vitest";
import { Random } from "../base/random.ts";
import { neighbourMask, segment } from "./neighbours.ts";

const S = 64;
const shape = { bands: 2, heightPx: S, widthPx: S };

/** Round galaxies (x, y, light, width) on noise, in two bands. */
function scene(galaxies: [number, number, number, number][], seed = 1): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: 2 * S * S }, (_, i) => {
    const [x, y] = [i % S, Math.floor(i / S) % S];
    const light = galaxies.reduce(
      (sum, [gx, gy, peak, width]) => sum + peak * Math.exp(-((x - gx) ** 2 + (y - gy) ** 2) / (2 * width ** 2)),
      0,
    );
    return 0.1 + light + random.normal(0, 0.01);
  });
}

describe("neighbours", () => {
  it("are what is not the central galaxy, also where the two overlap", () => {
    const image = scene([
      [31, 32, 1, 4],
      [45, 32, 0.8, 3],
      [8, 9, 0.5, 2],
    ]);
    const mask = neighbourMask(image, shape);
    const at = (x: number, y: number) => mask[y * S + x];
    expect([at(45, 32), at(8, 9), at(48, 32)]).toEqual([1, 1, 1]);
    expect([at(31, 32), at(28, 30), at(31, 40), at(60, 60)]).toEqual([0, 0, 0, 0]);
  });

  it("are none where a galaxy stands alone, and noise is no galaxy", () => {
    expect(neighbourMask(scene([[32, 31, 1, 5]]), shape).every((value) => value === 0)).toBe(true);
    expect(segment(scene([], 4), shape).every((region) => region === 0)).toBe(true);
  });

  it("are told from knots of one galaxy by the depth of the saddle", () => {
    const knots = scene([
      [29, 32, 1, 3.5],
      [35, 32, 0.9, 3.5],
    ]);
    expect(Math.max(...segment(knots, shape))).toBe(1);
  });

  it("are found beside pixels without a measurement", () => {
    const image = scene([
      [31, 32, 1, 4],
      [50, 50, 1, 3],
    ]);
    image.fill(Number.NaN, 0, 3 * S);
    expect(neighbourMask(image, shape)[50 * S + 50]).toBe(1);
  });
});
