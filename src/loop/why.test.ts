import { describe, expect, it } from "vitest";
import { Random } from "../base/random.ts";
import { logit } from "../measure/platt.ts";
import { featureSpace, learn } from "./learn.ts";
import { blurred, influences } from "./why.ts";

describe("influences", () => {
  it("agree with what happens when an example is left out", () => {
    const random = new Random(7);
    const [count, dim] = [80, 6];
    const matrix = Float32Array.from({ length: count * dim }, (_, i) =>
      random.normal(Math.floor(i / dim) % 2 === 0 && i % dim < 2 ? 2 : 0),
    );
    const space = featureSpace(matrix, dim);
    const examples = Array.from({ length: 12 }, (_, row) => ({ row, positive: row % 2 === 0 }));
    const scoreOf = (list: typeof examples, row: number) => {
      const learner = learn(space, list, 3);
      const [score] = learner.scoreRows([row]);
      learner.dispose();
      return logit(score);
    };
    let agreeing = 0;
    const asked = [40, 41, 42, 43, 44, 45];
    for (const row of asked) {
      const learner = learn(space, examples, 3);
      const pulls = influences(learner, examples, row);
      learner.dispose();
      expect(Math.abs(pulls[0].influence)).toBeCloseTo(1);
      const whole = scoreOf(examples, row);
      const change = pulls.map((pull) => ({
        ...pull,
        change:
          whole -
          scoreOf(
            examples.filter((one) => one.row !== pull.row),
            row,
          ),
      }));
      // Rank correlation of predicted and real effect.
      const rank = (values: number[]) => values.map((value) => values.filter((other) => other < value).length);
      const [a, b] = [rank(change.map(({ influence }) => influence)), rank(change.map((one) => one.change))];
      const n = a.length;
      const rho = 1 - (6 * a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0)) / (n * (n * n - 1));
      if (rho > 0.4) agreeing++;
    }
    expect(agreeing).toBeGreaterThanOrEqual(4);
  });
});

it("an example that hardly counts hardly pulls", () => {
  const random = new Random(7);
  const space = featureSpace(
    Float32Array.from({ length: 60 * 6 }, () => random.normal()),
    6,
  );
  const examples = Array.from({ length: 12 }, (_, row) => ({
    row,
    positive: row % 2 === 0,
    weight: row === 0 ? 1e-4 : 1,
  }));
  const learner = learn(space, examples, 3);
  // Asked about the example itself, which would pull most by far.
  const pulls = influences(learner, examples, 0);
  const whole = influences(
    learner,
    examples.map(({ row, positive }) => ({ row, positive })),
    0,
  );
  learner.dispose();
  expect(whole[0].row).toBe(0);
  expect(Math.abs(pulls.find(({ row }) => row === 0)?.influence ?? 1)).toBeLessThan(0.1);
});

describe("the blur of patches", () => {
  it("keeps a flat image and spreads a point", () => {
    const flat = new Float32Array(3 * 16 * 16).fill(0.4);
    for (const value of blurred(flat, 16)) expect(value).toBeCloseTo(0.4, 5);
    const point = new Float32Array(3 * 16 * 16);
    point[8 * 16 + 8] = 1;
    const soft = blurred(point, 16);
    expect(soft[8 * 16 + 8]).toBeLessThan(0.2);
    expect(soft[8 * 16 + 6]).toBeGreaterThan(0);
    expect(soft[256 + 8 * 16 + 8]).toBe(0);
  });
});
