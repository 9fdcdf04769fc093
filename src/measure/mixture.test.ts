import { describe, expect, it } from "vitest";
import {
  type GaussianMixtures,
  mixtureCdf,
  mixtureCrps,
  mixtureMoments,
  mixtureQuantile,
  pickMixtures,
} from "./mixture.ts";
import { regressionScores } from "./regression.ts";

const mixtures = (...objects: [mean: number, sd: number, weight: number][][]): GaussianMixtures => ({
  parts: objects[0].length,
  values: Float64Array.from(objects.flat(2)),
});

/** A skewed one, one with two peaks far apart, one whose last part has no weight. */
const SOME = mixtures(
  [
    [0.1, 0.02, 0.7],
    [0.4, 0.2, 0.2],
    [0.9, 0.3, 0.1],
  ],
  [
    [-1, 0.1, 0.5],
    [1, 0.1, 0.25],
    [1, 0.1, 0.25],
  ],
  [
    [2, 1.5, 0.4],
    [5, 0.5, 0.6],
    [1e6, 1, 0],
  ],
);

/** Integral over x of (F(x) - [x >= truth])^2, the definition: on either side of the truth by the midpoints of cells. */
function crpsBySum(i: number, truth: number, from: number, to: number): number {
  const steps = 20_000;
  const part = (start: number, end: number, below: 0 | 1) => {
    const width = (end - start) / steps;
    let sum = 0;
    for (let k = 0; k < steps; k++) sum += (mixtureCdf(SOME, i, start + (k + 0.5) * width) - below) ** 2 * width;
    return sum;
  };
  return part(from, truth, 0) + part(truth, to, 1);
}

describe("mixtures of normal distributions", () => {
  it("have the CRPS of its definition", () => {
    const differences = [
      [0, 0.1],
      [0, 1.2],
      [1, 0],
      [1, -1],
      [2, 4],
      [2, -3],
    ].map(([i, truth]) => Math.abs(mixtureCrps(SOME, i, truth) - crpsBySum(i, truth, -12, 14)));
    expect(Math.max(...differences)).toBeLessThan(1e-5);
  });

  it("have known quantiles where they are known, and what lies below a quantile is its share", () => {
    // Half of it lies about -1 and half about 1, with nothing between them: the quarters are the peaks.
    expect(Math.abs(mixtureQuantile(SOME, 1, 0.5))).toBeLessThan(0.6);
    expect(mixtureQuantile(SOME, 1, 0.25)).toBeCloseTo(-1, 5);
    expect(mixtureQuantile(SOME, 1, 0.75)).toBeCloseTo(1, 5);
    const one = mixtures([[3, 2, 1]]);
    expect(mixtureQuantile(one, 0, 0.975)).toBeCloseTo(3 + 2 * 1.959964, 5);
    expect(mixtureQuantile(one, 0, 0.16)).toBeCloseTo(3 - 2 * 0.9944579, 5);
    for (const i of [0, 1, 2])
      for (const share of [0.025, 0.05, 0.16, 0.3, 0.84, 0.95, 0.975])
        expect(mixtureCdf(SOME, i, mixtureQuantile(SOME, i, share))).toBeCloseTo(share, 6);
  });

  it("have mean and deviation by hand", () => {
    const { mean, sd } = mixtureMoments(SOME, 2);
    expect(mean).toBeCloseTo(0.4 * 2 + 0.6 * 5, 12);
    expect(sd).toBeCloseTo(Math.sqrt(0.4 * (1.5 ** 2 + 1.8 ** 2) + 0.6 * (0.5 ** 2 + 1.2 ** 2)), 12);
    expect(mixtureMoments(pickMixtures(SOME, [1, 2]), 1)).toEqual({ mean, sd });
  });

  it("of one part are as good as the normal distribution, by CRPS and by where the truth falls", () => {
    const numbers = { truth: [1, 2, 3.5, 6], mean: [1.2, 3, 2, 5], spread: [1, 0.5, 2, 1] };
    const plain = regressionScores(numbers);
    const own = numbers.mean.map((mean, i): [number, number, number][] => [[mean, numbers.spread[i], 1]]);
    const same = regressionScores({ ...numbers, mixtures: mixtures(...own) });
    expect(same.crps).toBeCloseTo(plain.crps, 6);
    expect(same.pit).toEqual(plain.pit);
    // Two peaks where there were one: the truth that lies between them is said worse.
    const apart = own.map(([[mean, sd]]): [number, number, number][] => [
      [mean - 4, sd, 0.5],
      [mean + 4, sd, 0.5],
    ]);
    expect(regressionScores({ ...numbers, mixtures: mixtures(...apart) }).crps).toBeGreaterThan(2 * plain.crps);
  });
});
