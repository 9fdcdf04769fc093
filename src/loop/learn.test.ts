import { describe, expect, it } from "vitest";
import { Random } from "../base/random.ts";
import { Mlp } from "../models/mlp.ts";
import { noGrad, randn, scope, setThreads } from "../torch/index.ts";
import { featureSpace, learn, stepsFor } from "./learn.ts";

setThreads(1);

describe("feature space", () => {
  it("keeps what columns weigh within a factor of two and brings others to it", () => {
    const spreads = [1, 1.5, 0.7, 40, 0.01, 0];
    const random = new Random(2);
    const matrix = Float32Array.from(
      { length: 4000 * spreads.length },
      (_, i) => 7 + spreads[i % spreads.length] * random.normal(),
    );
    const { mean, sd } = featureSpace(matrix, spreads.length);
    for (const value of mean) expect(Math.abs(value - 7)).toBeLessThan(2.5);
    const left = spreads.map((spread, d) => spread / sd[d]);
    // The typical spread is 1.
    for (const [d, expected] of [1, 1.5, 0.7, 2, 0.5, 0].entries()) expect(left[d]).toBeCloseTo(expected, 1);
    expect(Array.from(sd).every((value) => value > 0 && Number.isFinite(value))).toBe(true);
  });
});

describe("learner", () => {
  it("says nothing before it has learned", () => {
    const mlp = new Mlp(6, 32, 1).beginAtZero();
    const said = noGrad(() => scope(() => mlp.forward(randn([9, 6])).toFloat32Array()));
    expect(Math.max(...said.map(Math.abs))).toBeLessThan(1e-6);
    mlp.dispose();
  });
  it("takes more steps for more examples, between bounds", () => {
    expect([2, 10, 100, 300, 5000].map(stepsFor)).toEqual([6, 6, 8, 23, 60]);
  });
  it("ranks what is like the positive examples first, the same for the same seed, and answers 0.5 where one class is missing", () => {
    const random = new Random(3);
    const dim = 8;
    const kinds = Array.from({ length: 400 }, (_, i) => i % 2 === 0);
    const matrix = Float32Array.from(
      { length: 400 * dim },
      (_, i) => random.normal() + (kinds[Math.floor(i / dim)] ? 1.2 : 0),
    );
    const space = featureSpace(matrix, dim);
    const examples = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((row) => ({ row, positive: kinds[row] }));
    const scoresOf = (some: typeof examples) => {
      const learner = learn(space, some, 5);
      const scores = learner.score(0, 400);
      learner.dispose();
      return scores;
    };
    const scores = scoresOf(examples);
    const right = kinds.filter((kind, row) => scores[row] > 0.5 === kind).length;
    expect(right / 400).toBeGreaterThan(0.85);
    expect(scoresOf(examples)).toEqual(scores);
    expect(new Set(scoresOf(examples.filter(({ positive }) => positive)))).toEqual(new Set([0.5]));
  });
  it("does not learn wrong labels harder where columns say the same many times", () => {
    const [count, columns] = [300, 128];
    const kinds = Array.from({ length: count }, (_, row) => row % 2 === 0);
    // Every fifth label is wrong.
    const examples = Array.from({ length: 100 }, (_, row) => ({ row, positive: (row % 5 === 0) !== kinds[row] }));
    const rightOf = (times: number) => {
      const random = new Random(4);
      const once = kinds.map((kind) => Array.from({ length: columns }, () => random.normal() + (kind ? 0.25 : 0)));
      const matrix = Float32Array.from(once.flatMap((row) => Array.from({ length: times }, () => row).flat()));
      const learner = learn(featureSpace(matrix, columns * times), examples, 5);
      const scores = learner.score(0, count);
      learner.dispose();
      return kinds.filter((kind, row) => row >= 100 && scores[row] > 0.5 === kind).length / 200;
    };
    const once = rightOf(1);
    expect(once).toBeGreaterThan(0.7);
    expect(rightOf(8)).toBeGreaterThan(once - 0.03);
  });
});
