/**
 * Learning that begins with the scores that objects came with, a detector's. Two things say where a detector errs: what it
 * says of objects with the same features (its logits, smoothed over them), and the labels, by a logistic regression on the
 * loop's standardised features. Both count the more, the more labels of each kind there are: off the detector's own population
 * they help, and hardly harm where it is right (recipes/rerank.ts).
 */
import { PASS_ROWS } from "../base/row-matrix.ts";
import { cat, noGrad, op, opInPlace, scope, type Tensor, tensor } from "../torch/index.ts";
import { type Example, type FeatureSpace, type Learner, learn, matrixOf, standardised } from "./learn.ts";

/**
 * The weight of the logit before anything is learned and its least; how strongly it and the bias are held where they begin
 * (features count 1 in all, labels 1 each). How strongly the features' weights are held at 0 the labels say: each of
 * `ridges` counts by how well it explains them.
 */
const PRIOR = { weight: 1, least: 0.5, hold: 1, holdBias: 0.05, ridges: [0.1, 0.3, 1, 3, 10] } as const;
/**
 * Share of the smoothed logit beside an object's own, and how strongly smoothing holds the features' weights at 0. Labels
 * of the rarer kind count n / (n + few) as much as they would if there were many.
 */
const SMOOTH = { share: 0.25, ridge: 1 } as const;
const FEW = 2;
/** Ridge of the kernel that explains a score by examples: about what the mean over `PRIOR.ridges` does. */
const EXPLAINING_RIDGE = 0.3;
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

/** The detector's logits as a linear function of standardised features / sqrt(dim), 1. */
interface Smoothed {
  weights: Float64Array;
  /** What the other objects say of each, and so much of it beside its own logit: what labels are learned on top of. */
  beginning: Float32Array;
}

interface Fit {
  /** Of the standardised features / sqrt(dim), then the bias. */
  weights: Float64Array;
  /** How much of what was learned counts. */
  share: number;
}

/**
 * Learns from the examples; without both classes the order is that of the prior. The same space and examples give the same
 * scores.
 */
function learnFromPrior(space: PriorSpace, examples: readonly Example[]): Learner {
  const positives = examples.filter(({ positive }) => positive).length;
  const rarer = Math.min(positives, examples.length - positives);
  const smoothed = smoothedOf(space);
  if (rarer === 0) return learnerOf(space, smoothed, { weights: new Float64Array(space.dim + 1), share: 0 });
  return learnerOf(space, smoothed, { weights: learned(space, smoothed, examples), share: rarer / (rarer + FEW) });
}

const KNOWN = new WeakMap<Float32Array, Smoothed>();

/** Ridge regression of the logits on the features; of each object its own logit is left out, in closed form. */
function smoothedOf(space: PriorSpace): Smoothed {
  const known = KNOWN.get(space.prior);
  if (known !== undefined) return known;
  const { dim, prior } = space;
  const size = dim + 1;
  const pass = (visit: (x: Tensor, at: number, end: number) => void) => {
    for (let at = 0; at < prior.length; at += PASS_ROWS) {
      const end = Math.min(prior.length, at + PASS_ROWS);
      const rows = Uint32Array.from({ length: end - at }, (_, i) => at + i);
      scope(() => visit(inputs(space, rows), at, end));
      space.matrix.forget(at, end);
    }
  };
  const smoothed = noGrad(() =>
    scope(() => {
      const held = new Float64Array(size).fill(SMOOTH.ridge);
      held[dim] = 1e-6;
      const curvature = op("diag", tensor(held, [size]));
      const right = tensor(new Float64Array(size), [size, 1]);
      pass((x, at, end) => {
        opInPlace("add_.Tensor", curvature, x.t().matmul(x), 1);
        opInPlace("add_.Tensor", right, x.t().matmul(logitsIn(prior, at, end)), 1);
      });
      const weights = op("linalg_solve", curvature, right, true);
      const beginning = new Float32Array(prior.length);
      pass((x, at, end) => {
        const said = x.matmul(weights).reshape(-1).toFloat64Array();
        // How much of what is said of an object is its own logit.
        const own = x
          .mul(op("linalg_solve", curvature, x.t(), true).t())
          .sum(1)
          .toFloat64Array();
        for (let i = 0; i < end - at; i++) {
          const others = (said[i] - own[i] * prior[at + i]) / Math.max(1 - own[i], 1e-6);
          beginning[at + i] = (1 - SMOOTH.share) * prior[at + i] + SMOOTH.share * others;
        }
      });
      return { weights: Float64Array.from(weights.reshape(-1).toFloat64Array()), beginning };
    }),
  );
  KNOWN.set(space.prior, smoothed);
  return smoothed;
}

const logitsIn = (prior: Float32Array, at: number, end: number) =>
  tensor(Float64Array.from(prior.subarray(at, end)), [end - at, 1]);

/** [standardised features / sqrt(dim), 1] of rows, [n, dim + 1]. */
function inputs(space: PriorSpace, rows: ArrayLike<number>): Tensor {
  const features = standardised(space, rows).to("float64").div(Math.sqrt(space.dim));
  return cat([features, tensor(new Float64Array(rows.length).fill(1), [rows.length, 1])], 1);
}

/**
 * Weights of the inputs in units of the logit, so that what is not learned keeps the score it came with: means over `ridges`,
 * each weighted by its evidence (Laplace's approximation; MacKay 1992, Neural Computation 4, 720).
 */
function learned(space: PriorSpace, { beginning }: Smoothed, examples: readonly Example[]): Float64Array {
  const { dim } = space;
  const n = examples.length;
  const rows = examples.map(({ row }) => row);
  const column = (of: (example: Example) => number) =>
    tensor(
      Float64Array.from(examples, (example) => of(example)),
      [n, 1],
    );
  const start = new Float64Array(dim + 2);
  start[dim + 1] = PRIOR.weight;
  const fits = noGrad(() =>
    scope(() => {
      const task = {
        x: cat([inputs(space, rows), column(({ row }) => beginning[row])], 1),
        y: column(({ positive }) => Number(positive)),
        weight: column(({ weight = 1 }) => weight),
      };
      return PRIOR.ridges.map((ridge) => {
        const held = new Float64Array(dim + 2).fill(ridge);
        held[dim] = PRIOR.holdBias;
        held[dim + 1] = PRIOR.hold;
        return scope(() => newton(task, held, start));
      });
    }),
  );
  const best = Math.max(...fits.map(({ evidence }) => evidence));
  const counts = fits.map(({ evidence }) => Math.exp(evidence - best));
  const total = counts.reduce((sum, count) => sum + count, 0);
  const weights = new Float64Array(dim + 1);
  for (const [i, { at }] of fits.entries()) {
    const trust = Math.max(at[dim + 1], PRIOR.least);
    for (let d = 0; d <= dim; d++) weights[d] += ((counts[i] / total) * at[d]) / trust;
  }
  return weights;
}

/** What is learned from: inputs [n, size], 1 or 0 and weights [n, 1]. */
interface Task {
  x: Tensor;
  y: Tensor;
  weight: Tensor;
}

/**
 * The least sum of w log(1 + exp(-+z)) + held (t - start)^2 / 2 with z = x t, by Newton's method, steps halved where they lead up;
 * and the logarithm of its evidence but for a constant.
 */
function newton(
  { x, y, weight: w }: Task,
  held: Float64Array,
  start: Float64Array,
): { at: Float64Array; evidence: number } {
  const size = start.length;
  const [hold, from] = [tensor(held, [size, 1]), tensor(start, [size, 1])];
  const valueAt = (t: Tensor) => {
    const z = x.matmul(t);
    const loss = op("softplus", z).sub(y.mul(z)).mul(w).sum().item();
    return loss + 0.5 * t.sub(from).mul(t.sub(from)).mul(hold).sum().item();
  };
  const curvatureAt = (p: Tensor) =>
    x
      .t()
      .matmul(x.mul(p.mul(p.neg().add(1)).mul(w)))
      .add(op("diag", hold.reshape(-1)));
  let at = from;
  let value = valueAt(at);
  for (let step = 0; step < NEWTON.steps; step++) {
    const p = x.matmul(at).sigmoid();
    const gradient = x.t().matmul(p.sub(y).mul(w)).add(at.sub(from).mul(hold));
    const move = op("linalg_solve", curvatureAt(p), gradient, true);
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
  const volume = op("logdet", curvatureAt(x.matmul(at).sigmoid())).item();
  const evidence = -value + 0.5 * (held.reduce((sum, one) => sum + Math.log(one), 0) - volume);
  return { at: Float64Array.from(at.reshape(-1).toFloat64Array()), evidence };
}

const sigmoid = (z: number) => 1 / (1 + Math.exp(-z));

function learnerOf(space: PriorSpace, smoothed: Smoothed, { weights, share }: Fit): Learner {
  const { matrix, dim, mean, sd, prior } = space;
  /** A linear function of the inputs as one of the features as they are: weights, then what is added. */
  const plain = (of: Float64Array) => {
    const own = Float32Array.from(mean, (_, d) => of[d] / Math.sqrt(dim) / sd[d]);
    return { own, shift: of[dim] - own.reduce((sum, weight, d) => sum + weight * mean[d], 0) };
  };
  const at = ({ own, shift }: ReturnType<typeof plain>, block: Float32Array, i: number) => {
    let z = shift;
    for (let d = 0; d < dim; d++) z += own[d] * block[i * dim + d];
    return z;
  };
  const [taught, said] = [plain(weights), plain(smoothed.weights)];
  /** Scores of features [n, dim]; `rowOf` says which of the survey's rows each is, null that it is none. */
  const scoresOf = (block: Float32Array, rowOf: ((i: number) => number) | null) =>
    Float32Array.from({ length: block.length / dim }, (_, i) => {
      // What is no row of the survey came with no score: what its features say stands for it.
      if (rowOf === null) return sigmoid(at(said, block, i) + share * at(taught, block, i));
      const row = rowOf(i);
      if (share === 0) return sigmoid(prior[row]);
      return sigmoid((1 - share) * prior[row] + share * (smoothed.beginning[row] + at(taught, block, i)));
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
    ridge: EXPLAINING_RIDGE,
    dispose() {},
  };
}
