import { describe, expect, it } from "vitest";
import { Random } from "../base/random.ts";
import { fitStretch, LEVELS, stretched } from "../tasks/parameters/intervals.ts";
import { angleOf, componentsOf, turnBetween } from "../tasks/parameters/targets.ts";
import { ranksOfValues } from "./ranks.ts";
import { coverageOf, regressionScores } from "./regression.ts";

describe("measures of predicted numbers", () => {
  it("agree with their formulas on four numbers", () => {
    const scores = regressionScores({ truth: [1, 2, 3, 6], mean: [1, 3, 2, 5], spread: [1, 1, 1, 1] });
    expect(scores.n).toBe(4);
    // Residuals 0, -1, 1, 1.
    expect(scores.bias).toBeCloseTo(-0.25, 10);
    expect(scores.rmse).toBeCloseTo(Math.sqrt(3 / 4), 10);
    expect(scores.nmad).toBeCloseTo(1.4826 * 0.5, 10);
    expect(scores.r2).toBeCloseTo(1 - 3 / 14, 10);
    // Ranks 0, 1, 2, 3 and 0, 2, 1, 3.
    expect(scores.spearman).toBeCloseTo(0.8, 10);
    expect(scores.beyond15Percent).toBe(0.5);
    // CRPS of a standard normal at 0 and at 1 (scipy, properscoring).
    expect(scores.crps).toBeCloseTo((0.2336949 + 3 * 0.6024414) / 4, 5);
    expect(scores.pit.reduce((a, b) => a + b, 0)).toBe(4);
  });
  it("rank ties alike", () => {
    expect([...ranksOfValues([5, 1, 5, 0])]).toEqual([2.5, 1, 2.5, 0]);
  });
  it("count coverage over all and by thirds of the width", () => {
    const { all, thirds, meanWidth } = coverageOf(0.9, [0, 5, 1, 1, 1, 9], [1, 1, 2, 2, 3, 3]);
    expect(all).toBeCloseTo(4 / 6, 10);
    expect(thirds).toEqual([0.5, 1, 0.5]);
    expect(meanWidth).toBe(4);
  });
});

describe("intervals", () => {
  it("hold as often as they say on new objects, in each third, although the spreads that were said are wrong", () => {
    const random = new Random(5);
    const draw = (n: number) => {
      const spread = Array.from({ length: n }, () => random.uniform(0.5, 4));
      // Three times too small where they are wide, half too large where they are narrow.
      return { spread, residual: spread.map((s) => random.normal(0, s > 2 ? 3 * s : 0.7 * s)) };
    };
    const calibration = draw(3000);
    const stretch = fitStretch(calibration.residual, calibration.spread);
    const test = draw(6000);
    for (const [k, level] of LEVELS.entries()) {
      const half = test.spread.map((s) => stretched(stretch as NonNullable<typeof stretch>, s, k)[0]);
      const { all, thirds } = coverageOf(level, test.residual, half);
      expect(Math.abs(all - level)).toBeLessThan(0.02);
      for (const third of thirds) expect(Math.abs(third - level)).toBeLessThan(0.05);
    }
  });
  it("promise nothing on fewer than 50 held-out objects", () => {
    expect(fitStretch(new Array(49).fill(1), new Array(49).fill(1))).toBeNull();
    expect(fitStretch(new Array(50).fill(1), new Array(50).fill(1))).not.toBeNull();
  });
});

describe("angles that are the same after half a turn", () => {
  it("go to two components and back, and wrap", () => {
    for (const angle of [0, 10, 89, 90, 135, 179]) expect(angleOf(...componentsOf(angle))).toBeCloseTo(angle, 9);
    expect(turnBetween(1, 179)).toBeCloseTo(2, 9);
    expect(turnBetween(179, 1)).toBeCloseTo(-2, 9);
    expect(turnBetween(100, 10)).toBeCloseTo(-90, 9);
  });
});
