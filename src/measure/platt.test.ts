import { describe, expect, it } from "vitest";
import { Random } from "../base/random.ts";
import { fitPlatt, logit, plattProbability } from "./platt.ts";

describe("Platt's curve", () => {
  it("finds the curve that answers were drawn from", () => {
    const random = new Random(1);
    const scores = Float64Array.from({ length: 20_000 }, () => random.next());
    const answers = scores.map((score) =>
      random.next() < plattProbability({ slope: 1.7, offset: -1.2 }, score) ? 1 : 0,
    );
    const { slope, offset } = fitPlatt(scores, answers);
    expect(slope).toBeCloseTo(1.7, 1);
    expect(offset).toBeCloseTo(-1.2, 1);
  });
  it("stays finite for separated answers, and never falls with the score", () => {
    const separated = fitPlatt([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1]);
    expect(plattProbability(separated, 0.95)).toBeGreaterThan(0.6);
    expect(plattProbability(separated, 0.95)).toBeLessThan(1);
    const inverted = fitPlatt([0.1, 0.2, 0.8, 0.9], [1, 1, 0, 0]);
    expect(inverted.slope).toBeGreaterThanOrEqual(0);
    expect(Number.isFinite(inverted.offset)).toBe(true);
  });
  it("has a logit that is symmetric and bounded", () => {
    expect(logit(0.5)).toBeCloseTo(0);
    expect(logit(0)).toBeCloseTo(-logit(1));
  });
});
