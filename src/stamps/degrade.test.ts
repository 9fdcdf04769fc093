import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { convolve } from "../../test/fixtures/convolve.ts";
import { Random } from "../base/random.ts";
import { DEGRADE, patchMask, pointSpread } from "./degrade.ts";

const sum = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0);
const shape = { bands: 2, heightPx: 48, widthPx: 40 };
const star = (value = 1) => {
  const image = new Float32Array(2 * 48 * 40);
  for (const band of [0, 1]) image[(band * 48 + 24) * 40 + 19] = value;
  return image;
};

describe("point spread", () => {
  it("has its full width at half maximum and keeps the light", () => {
    for (const fwhmPx of [2, 4.5, 8]) {
      const { size, values } = pointSpread({ fwhmPx, beta: 3 });
      const half = (size - 1) / 2;
      const middle = Array.from(
        { length: half + 1 },
        (_, i) => values[half * size + half + i] / values[half * size + half],
      );
      const after = middle.findIndex((value) => value < 0.5);
      const crossing = after - 1 + (middle[after - 1] - 0.5) / (middle[after - 1] - middle[after]);
      // Averaging over pixels widens a narrow profile a little.
      expect(Math.abs((2 * crossing) / fwhmPx - 1)).toBeLessThan(fwhmPx < 3 ? 0.12 : 0.05);
      expect(sum(convolve(star(), shape, { size, values }))).toBeCloseTo(2, 4);
    }
    expect(() => pointSpread({ fwhmPx: 0, beta: 3 })).toThrow(/BAD_DEGRADATION|width above 0/);
  });

  it("leaves a constant image as it is, up to its edges, and turns a kernel as a convolution does", () => {
    const flat = new Float32Array(2 * 48 * 40).fill(0.3);
    expect(
      Math.max(...convolve(flat, shape, pointSpread({ fwhmPx: 8, beta: 3 })).map((value) => Math.abs(value - 0.3))),
    ).toBeLessThan(1e-6);
    // A kernel with its weight one pixel right of the centre moves the light to the right.
    const moved = convolve(star(), shape, { size: 3, values: Float32Array.from([0, 0, 0, 0, 0, 1, 0, 0, 0]) });
    expect(moved[24 * 40 + 20]).toBe(1);
  });
});

describe("masks", () => {
  it("hide the nearest number of patches to the share, and nothing else", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...DEGRADE.patchesPx),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer(),
        (patchPx, share, seed) => {
          const mask = patchMask(64, 64, patchPx, share, new Random(seed));
          const cells = (64 / patchPx) ** 2;
          expect(sum(mask)).toBe(Math.round(share * cells) * patchPx ** 2);
        },
      ),
      { numRuns: 30 },
    );
  });

  it("fit images that patches do not divide, and refuse shares above 1", () => {
    for (let seed = 0; seed < 30; seed++) {
      const patchPx = DEGRADE.patchesPx[seed % 3];
      const mask = patchMask(50, 70, patchPx, 0.7, new Random(seed));
      const cells = Math.ceil(50 / patchPx) * Math.ceil(70 / patchPx);
      expect(sum(mask)).toBeLessThanOrEqual(Math.round(0.7 * cells) * patchPx ** 2);
      expect(sum(mask)).toBeGreaterThan(0.5 * 50 * 70);
    }
    expect(() => patchMask(8, 8, 4, 1.2, new Random(1))).toThrow(/share from 0 to 1/);
  });
});
