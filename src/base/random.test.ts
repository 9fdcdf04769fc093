import { describe, expect, it } from "vitest";
import { Random } from "./random.ts";

const moments = (values: number[]) => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return [mean, values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length];
};

describe("random numbers", () => {
  it.each([0.5, 1, 4.2])("gamma with shape %f has that mean and variance", (shape) => {
    const random = new Random(1);
    const [mean, variance] = moments(Array.from({ length: 40_000 }, () => random.gamma(shape)));
    expect(mean / shape).toBeCloseTo(1, 1);
    expect(variance / shape).toBeCloseTo(1, 1);
  });
  it("beta has the mean and variance of its formula", () => {
    const random = new Random(2);
    const [a, b] = [2.5, 7.5];
    const [mean, variance] = moments(Array.from({ length: 40_000 }, () => random.beta(a, b)));
    expect(mean).toBeCloseTo(a / (a + b), 2);
    expect(variance).toBeCloseTo((a * b) / ((a + b) ** 2 * (a + b + 1)), 3);
  });
});
