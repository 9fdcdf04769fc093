import { describe, expect, it } from "vitest";
import { starsAt } from "../../test/fixtures/stars.ts";
import { findSources } from "./classical.ts";

describe("sources without a trained model", () => {
  const planes = (data: Float32Array, W: number, H: number) => ({ data, bands: 3, heightPx: H, widthPx: W });

  it("are none in a constant image, in one without measurements, and hardly any in noise", () => {
    expect(findSources(planes(new Float32Array(3 * 64 * 64).fill(7), 64, 64))).toEqual([]);
    expect(findSources(planes(new Float32Array(3 * 64 * 64).fill(Number.NaN), 64, 64))).toEqual([]);
    expect(findSources(planes(starsAt([], 200, 200), 200, 200)).length).toBeLessThanOrEqual(3);
  });

  it("hold no pixel without a measurement, and are found beside such", () => {
    const data = starsAt(
      [
        [30, 30],
        [60.4, 40.2],
      ],
      96,
      96,
    );
    for (let band = 0; band < 3; band++)
      for (let y = 0; y < 96; y++) for (let x = 31; x < 50; x++) data[(band * 96 + y) * 96 + x] = Number.NaN;
    const found = findSources(planes(data, 96, 96));
    expect(found.length).toBe(2);
    for (const { mask } of found)
      for (const [p, bit] of mask.bits.entries())
        if (bit === 1)
          expect(Number.isNaN(data[(mask.y + Math.floor(p / mask.width)) * 96 + mask.x + (p % mask.width)])).toBe(
            false,
          );
  });

  it("are parted where two touch, and hold their light", () => {
    const one = findSources(planes(starsAt([[40, 40]], 96, 96, 200), 96, 96));
    expect(one.length).toBe(1);
    expect(one[0].fluxes[1] / ((200 / 20) * 2 * Math.PI * 1.8 ** 2)).toBeCloseTo(1, 1);
    const two = findSources(
      planes(
        starsAt(
          [
            [40, 40],
            [47, 40],
          ],
          96,
          96,
          200,
        ),
        96,
        96,
      ),
    );
    expect(two.length).toBe(2);
  });
});
