import { describe, expect, it } from "vitest";
import { Random } from "../base/random.ts";
import { logit } from "../measure/platt.ts";
import { Mlp } from "../models/mlp.ts";
import { noGrad, op, randn, scope, setThreads, type Tensor, tensor } from "../torch/index.ts";
import { featureSpace, learn } from "./learn.ts";

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

it("is not led by one object far from all others", () => {
  const random = new Random(6);
  const [dim, count] = [8, 200];
  const matrix = Float32Array.from(
    { length: count * dim },
    (_, at) => 58_000 + random.normal() + (Math.floor(at / dim) % 2 === 0 ? 1 : 0),
  );
  const plain = featureSpace(matrix.slice(), dim);
  matrix.fill(1e9, 150 * dim, 151 * dim);
  const { mean, sd } = featureSpace(matrix, dim);
  for (let d = 0; d < dim; d++) {
    expect(Math.abs(mean[d] - plain.mean[d])).toBeLessThan(0.05);
    expect(sd[d] / plain.sd[d]).toBeCloseTo(1, 1);
  }
});

describe("learner", () => {
  it("says nothing before it has learned", () => {
    const mlp = new Mlp(6, 32, 1).beginAtZero();
    const said = noGrad(() => scope(() => mlp.forward(randn([9, 6])).toFloat32Array()));
    expect(Math.max(...said.map(Math.abs))).toBeLessThan(1e-6);
    mlp.dispose();
  });
  it("is the regularised least squares of its kernel, in closed form", () => {
    const random = new Random(7);
    const [dim, count, n] = [20, 60, 24];
    const space = featureSpace(
      Float32Array.from({ length: count * dim }, () => random.normal()),
      dim,
    );
    // A third is positive, and some count less.
    const examples = Array.from({ length: n }, (_, row) => ({
      row,
      positive: row % 3 === 0,
      weight: row % 4 === 0 ? 0.3 : 1,
    }));
    const learner = learn(space, examples, 2);
    const kernel = learner.kernel(Uint32Array.from({ length: count }, (_, row) => row));
    const said = Array.from(learner.score(0, count), logit);
    learner.dispose();
    const K = (i: number, j: number) => kernel[i * count + j];
    const noise = (learner.ridge / n) * examples.reduce((sum, { row }) => sum + K(row, row), 0);
    const weightOf = ({ positive, weight }: (typeof examples)[number]) => weight * (positive ? n / 2 / 8 : n / 2 / 16);
    const A = Float64Array.from({ length: n * n }, (_, at) => {
      const [i, j] = [Math.floor(at / n), at % n];
      return K(i, j) + (i === j ? noise / weightOf(examples[i]) : 0);
    });
    const y = Float64Array.from(examples, ({ positive }) => (positive ? 1 : -1));
    const pulls = noGrad(() =>
      scope(() =>
        (op("linalg_solve", tensor(A, [n, n]), tensor(y, [n, 1]), true) as Tensor).reshape(-1).toFloat64Array(),
      ),
    );
    const expected = said.map((_, row) => pulls.reduce((sum, pull, i) => sum + pull * K(row, i), 0));
    const typical = (values: readonly number[]) =>
      values.reduce((sum, value) => sum + Math.abs(value), 0) / values.length;
    const unit = typical(said.slice(0, n)) / typical(expected.slice(0, n));
    expect(typical(said.slice(0, n))).toBeCloseTo(3, 3);
    for (const [row, value] of expected.entries()) expect(Math.abs(said[row] - unit * value)).toBeLessThan(0.05);
  });
  it("learns the order of a single column, and is not led by one extreme example", () => {
    const one = featureSpace(
      Float32Array.from({ length: 41 }, (_, i) => i - 20),
      1,
    );
    const learner = learn(
      one,
      [2, 5, 8, 30, 33, 36].map((row) => ({ row, positive: row > 20 })),
      1,
    );
    const scores = Array.from(learner.score(0, 41));
    learner.dispose();
    for (let i = 9; i < 32; i++) expect(scores[i]).toBeGreaterThan(scores[i - 1]);
    for (const [i, score] of scores.entries()) if (i !== 20) expect(score > 0.5).toBe(i > 20);

    const random = new Random(5);
    const [dim, count] = [40, 400];
    const kinds = Array.from({ length: count }, (_, row) => row % 2 === 0);
    const rightWith = (length: number) => {
      const matrix = Float32Array.from(
        { length: count * dim },
        (_, at) => random.normal() + (kinds[Math.floor(at / dim)] ? 0.5 : 0),
      );
      // The first positive example points the other way, far out.
      for (let d = 0; d < dim; d++) matrix[d] = -length;
      const led = learn(
        featureSpace(matrix, dim),
        Array.from({ length: 20 }, (_, row) => ({ row, positive: kinds[row] })),
        3,
      );
      const said = led.score(0, count);
      led.dispose();
      return kinds.filter((kind, row) => row >= 20 && said[row] > 0.5 === kind).length / (count - 20);
    };
    // Half would be chance.
    const [near, far] = [rightWith(1), rightWith(30)];
    expect(near).toBeGreaterThan(0.7);
    expect(far).toBeGreaterThan(near - 0.1);
  });
  it("says a half where examples tell nothing", () => {
    const flat = featureSpace(new Float32Array(50 * 4).fill(0.1), 4);
    const random = new Random(9);
    const varied = featureSpace(
      Float32Array.from({ length: 50 * 4 }, () => random.normal()),
      4,
    );
    const both = [true, false].map((positive) => ({ row: 3, positive }));
    const unsure = [1, 2, 3, 4].map((row) => ({ row, positive: row % 2 === 0, weight: 0 }));
    for (const [space, examples] of [
      [flat, unsure.map(({ row, positive }) => ({ row, positive }))],
      [varied, both],
      [varied, unsure],
    ] as const) {
      const learner = learn(space, examples.slice(), 1);
      for (const score of learner.score(0, 50)) expect(Math.abs(score - 0.5)).toBeLessThan(0.01);
      learner.dispose();
    }
  });
  it("keeps every example of a rare class when there are more than it learns from", () => {
    const [dim, count] = [3, 6000];
    const random = new Random(8);
    const matrix = Float32Array.from({ length: count * dim }, () => random.normal());
    const rare = [10, 2500, 5990];
    for (const row of rare) matrix.set([4, 4, 4], row * dim);
    const learner = learn(
      featureSpace(matrix, dim),
      Array.from({ length: count }, (_, row) => ({ row, positive: row === 2500 })),
      1,
    );
    const scores = learner.score(0, count);
    learner.dispose();
    for (const row of rare) expect(scores[row]).toBeGreaterThan(0.9);
    expect(scores.filter((score) => score > 0.5).length).toBeLessThan(count / 4);
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
