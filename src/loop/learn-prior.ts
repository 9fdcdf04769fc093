/**
 * Learning that begins with the scores that objects came with, a detector's: a logistic regression on the loop's standardised
 * features and the detector's logit, whose weight starts high and is given up only where labels speak against it. Twenty
 * labels then help a little where the detector is off its own population, and hardly harm where it is right
 * (recipes/rerank.ts).
 */
import { PASS_ROWS } from "../base/row-matrix.ts";
import { cat, noGrad, op, scope, type Tensor, tensor } from "../torch/index.ts";
import { type Example, type FeatureSpace, type Learner, learn, matrixOf, standardised } from "./learn.ts";

/**
 * The weight of the logit before anything is learned and its least; how strongly it is held there, and how strongly the
 * features' weights are held at 0 (features count 1 in all, labels 1 each).
 */
const PRIOR = { weight: 2, least: 0.5, hold: 0.1, ridge: 0.7 } as const;
const NEWTON = { steps: 30, halvings: 12, enough: 1e-9 } as const;

/** A feature space whose objects came with logits. */
export type PriorSpace = FeatureSpace & { prior: Float32Array };

/** The logits of scores, those at 0 and 1 within reach. */
export const logitsOf = (scores: ArrayLike<number>): Float32Array =>
  Float32Array.from(scores, (score) => {
    const kept = Math.min(1 - 1e-4, Math.max(1e-4, score));
    return Math.log(kept / (1 - kept));
  });

/** Learns from the examples as the space says: beginning with what its objects came with, or from the examples alone. */
export const learnIn = (space: FeatureSpace, examples: Example[], seed: number): Learner =>
  hasPrior(space) ? learnFromPrior(space, examples) : learn(space, examples, seed);

const hasPrior = (space: FeatureSpace): space is PriorSpace => space.prior !== undefined;

interface Fit {
  /** Of the standardised features. */
  weights: Float64Array;
  bias: number;
  /** Of the logit. */
  trust: number;
}

/**
 * Learns from the examples; without both classes the order is that of the prior. The same space and examples give the same
 * scores.
 */
function learnFromPrior(space: PriorSpace, examples: readonly Example[]): Learner {
  const positives = examples.filter(({ positive }) => positive).length;
  const none = { weights: new Float64Array(space.dim), bias: 0, trust: 1 };
  if (positives === 0 || positives === examples.length) return learnerOf(space, none);
  const free = regress(space, examples, null);
  return learnerOf(space, free.trust >= PRIOR.least ? free : regress(space, examples, PRIOR.least));
}

/** Regression by Newton's method on [features / sqrt(dim), 1, logit]; `trust` holds the logit's weight where it is given. */
function regress(space: PriorSpace, examples: readonly Example[], trust: number | null): Fit {
  const { dim, prior } = space;
  const n = examples.length;
  const rows = examples.map(({ row }) => row);
  const positives = examples.filter(({ positive }) => positive).length;
  const weights = examples.map(
    ({ positive, weight = 1 }) => (weight * (n / 2)) / (positive ? positives : n - positives),
  );
  const start = new Float64Array(dim + 2);
  start[dim + 1] = trust ?? PRIOR.weight;
  const ridge = new Float64Array(dim + 2).fill(PRIOR.ridge);
  ridge[dim] = 1e-6;
  ridge[dim + 1] = trust === null ? PRIOR.hold : 1e9;
  const found = noGrad(() =>
    scope(() => {
      const logits = tensor(
        Float64Array.from(rows, (row) => prior[row]),
        [n, 1],
      );
      const features = standardised(space, rows).to("float64").div(Math.sqrt(dim));
      const x = cat([features, tensor(new Float64Array(n).fill(1), [n, 1]), logits], 1);
      const y = tensor(
        Float64Array.from(examples, ({ positive }) => (positive ? 1 : 0)),
        [n, 1],
      );
      return newton(x, y, tensor(Float64Array.from(weights), [n, 1]), ridge, start);
    }),
  );
  return {
    weights: found.subarray(0, dim).map((weight) => weight / Math.sqrt(dim)),
    bias: found[dim],
    trust: found[dim + 1],
  };
}

/** Least sum of w log(1 + exp(-+z)) + ridge (t - start)^2 / 2 with z = x t; steps are halved where they lead up. */
function newton(x: Tensor, y: Tensor, w: Tensor, ridge: Float64Array, start: Float64Array): Float64Array {
  const size = start.length;
  const [held, from] = [tensor(ridge, [size, 1]), tensor(start, [size, 1])];
  const valueAt = (t: Tensor) => {
    const z = x.matmul(t);
    const loss = op("softplus", z).sub(y.mul(z)).mul(w).sum().item();
    return loss + 0.5 * t.sub(from).mul(t.sub(from)).mul(held).sum().item();
  };
  let at = from;
  let value = valueAt(at);
  for (let step = 0; step < NEWTON.steps; step++) {
    const p = x.matmul(at).sigmoid();
    const gradient = x.t().matmul(p.sub(y).mul(w)).add(at.sub(from).mul(held));
    const curvature = x
      .t()
      .matmul(x.mul(p.mul(p.neg().add(1)).mul(w)))
      .add(op("diag", held.reshape(-1)));
    const move = op("linalg_solve", curvature, gradient, true);
    let length = 1;
    let next = at.sub(move);
    let there = valueAt(next);
    for (let half = 0; there > value && half < NEWTON.halvings; half++) {
      length /= 2;
      next = at.sub(move.mul(length));
      there = valueAt(next);
    }
    if (!(there < value)) break;
    const gained = value - there;
    [at, value] = [next, there];
    if (gained < NEWTON.enough) break;
  }
  return Float64Array.from(at.reshape(-1).toFloat64Array());
}

const sigmoid = (z: number) => 1 / (1 + Math.exp(-z));

function learnerOf(space: PriorSpace, { weights, bias, trust }: Fit): Learner {
  const { matrix, dim, mean, sd, prior } = space;
  // (x - mean) / sd once for all rows.
  const own = Float32Array.from(weights, (weight, d) => weight / sd[d]);
  const shift = weights.reduce((sum, weight, d) => sum - (weight * mean[d]) / sd[d], bias);
  /** Scores of features [n, dim]; `rowOf` says which of the survey's rows each is, null that it is none. */
  const scoresOf = (block: Float32Array, rowOf: ((i: number) => number) | null) =>
    Float32Array.from({ length: block.length / dim }, (_, i) => {
      let z = shift;
      for (let d = 0; d < dim; d++) z += own[d] * block[i * dim + d];
      // What is no row of the survey came with no score.
      return sigmoid(rowOf === null ? z : z + trust * prior[rowOf(i)]);
    });
  return {
    score(from, to) {
      const out = new Float32Array(to - from);
      for (let at = from; at < to; at += PASS_ROWS) {
        const end = Math.min(to, at + PASS_ROWS);
        out.set(
          scoresOf(matrix.rows(at, end), (i) => at + i),
          at - from,
        );
        matrix.forget(at, end);
      }
      return out;
    },
    scoreRows: (rows, of = matrix) => scoresOf(matrixOf(of, dim).gather(rows), of === matrix ? (i) => rows[i] : null),
    scoreBlock: (block) => scoresOf(block, null),
    kernel(rows) {
      const out = new Float64Array(rows.length ** 2);
      noGrad(() =>
        scope(() => {
          const x = standardised(space, rows);
          x.matmul(x.t()).div(dim).add(1).to("float64").copyTo(out);
        }),
      );
      return out;
    },
    dispose() {},
  };
}
