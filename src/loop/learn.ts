/** Learning from a person's few examples: an MLP on frozen features (paper, section 5.1: 2048 hidden units). */
import { Random } from "../base/random.ts";
import { floatRows, type RowMatrix } from "../base/row-matrix.ts";
import { Mlp } from "../models/mlp.ts";
import { keep, manualSeed, noGrad, op, opInPlace, scope, type Tensor, tensor } from "../torch/index.ts";

/** Features of a survey [count, dim] and their standardisation. */
export interface FeatureSpace {
  matrix: RowMatrix;
  count: number;
  dim: number;
  mean: Float32Array;
  /** What each column is divided by. */
  sd: Float32Array;
  /** Logits that the objects came with, a detector's: `learnIn` begins with their order. */
  prior?: Float32Array;
}

/** Rows used to estimate mean and deviation; more change nothing that matters. */
const STATISTICS_ROWS = 20_000;

/**
 * Columns that vary nearly as much as the typical one have the weights they came with: all are divided by the typical
 * standard deviation, columns beyond these multiples of it by as much more or less as brings them to the bound. At
 * least a small share of it, so that dead columns do not count.
 */
const KEPT = { least: 0.5, most: 2, dead: 0.01 } as const;

/**
 * Features [count, dim] with mean and standard deviation of each column, estimated from some 20,000 rows of a large
 * survey.
 */
export function featureSpace(features: Float32Array | RowMatrix, dim: number): FeatureSpace {
  const matrix = matrixOf(features, dim);
  const { count } = matrix;
  const step = Math.max(1, Math.floor(count / STATISTICS_ROWS));
  const rows = Math.ceil(count / step);
  const sampled = matrix.gather(Uint32Array.from({ length: rows }, (_, i) => i * step));
  const { mean, variance, typical } = momentsOf(sampled, dim);
  const scaleOf = (sd: number) => sd / Math.min(KEPT.most, Math.max(KEPT.least, sd / typical || 1));
  return {
    matrix,
    count,
    dim,
    mean: Float32Array.from(mean),
    sd: Float32Array.from(variance, (v) => scaleOf(Math.max(Math.sqrt(v), KEPT.dead * typical, 1e-8))),
  };
}

/** Rows so many times as long as is typical do not count for mean and deviation; each pass may uncover others. */
const FAR = { length: 5, passes: 3 } as const;

/** Mean and variance of each column of `sampled` [rows, dim], without rows that are far from all, and the typical deviation. */
function momentsOf(sampled: Float32Array, dim: number) {
  const near = new Uint8Array(sampled.length / dim).fill(1);
  let moments = momentsWhere(sampled, dim, near);
  for (let pass = 0; pass < FAR.passes; pass++) {
    const { mean, variance } = moments;
    let left = 0;
    for (let row = 0; row < near.length; row++) {
      if (near[row] === 0) continue;
      let square = 0;
      for (let d = 0; d < dim; d++)
        if (variance[d] > 0) square += (sampled[row * dim + d] - mean[d]) ** 2 / variance[d] / dim;
      if (square > FAR.length ** 2) {
        near[row] = 0;
        left++;
      }
    }
    const without = left === 0 ? moments : momentsWhere(sampled, dim, near);
    // What is left says nothing: the far rows are all that differs.
    if (left === 0 || without.typical === 0) break;
    moments = without;
  }
  return moments;
}

function momentsWhere(sampled: Float32Array, dim: number, near: Uint8Array) {
  const rows = near.reduce((total, one) => total + one, 0);
  const meanOf = (of: (value: number, d: number) => number) => {
    const out = new Float64Array(dim);
    for (let row = 0; row < near.length; row++)
      if (near[row] === 1) for (let d = 0; d < dim; d++) out[d] += of(sampled[row * dim + d], d);
    return out.map((total) => total / rows);
  };
  const mean = meanOf((value) => value);
  const variance = meanOf((value, d) => (value - mean[d]) ** 2);
  return { mean, variance, typical: Math.sqrt(variance.slice().sort()[Math.floor(dim / 2)]) };
}

/** Numbers [count, dim] as a matrix of rows. */
export const matrixOf = (features: Float32Array | RowMatrix, dim: number): RowMatrix =>
  features instanceof Float32Array ? floatRows(features, dim) : features;

/** A labelled object, by its row. */
export interface Example {
  row: number;
  positive: boolean;
  /** How much it counts beside others, 0 to 1; absent: 1. */
  weight?: number;
}

/** Raised where the same examples come to be learned otherwise: recipes keep what they computed under it. */
export const LEARNER_VERSION = 4;

/** Hidden units of the learner (paper, section 5.1). */
const HIDDEN = 2048;

/**
 * How far the examples are believed: the noise of a label beside what the network may say of an object, in units of
 * variance (docs/decisions/learner.md).
 */
const RIDGE = 1;

/** What the network may say of all objects alike, in the same units. */
const OFFSET = 0.3;

/** Labels are learned as this and its negative: so small that the network stays where its gradients were taken. */
const TARGET = 0.01;

/** Of more examples so many are learned from: what is solved grows with their number's third power. */
const MOST_EXAMPLES = 4096;

/** An example counts at least so much beside the others of its class. */
const LEAST_WEIGHT = 1e-6;

/** Mean size of the examples' logits: scores of 1.000 for half a survey could not be read, nor scores all near a half. */
const TYPICAL_LOGIT = 3;

/** What is said of the examples on average, as a share of what was to be said, counts as at least this: less is rounding. */
const LEAST_SAID = 0.01;

const BLOCK_ROWS = 4096;

/** A learned scorer; free it with `dispose`. */
export interface Learner {
  /** Probabilities of rows `from` to before `to`. */
  score(from: number, to: number): Float32Array;
  /** Probabilities of the given rows, of the space or of another matrix of the same features. */
  scoreRows(rows: ArrayLike<number>, of?: Float32Array | RowMatrix): Float32Array;
  /** Probabilities of features that are at hand, [n, dim]. */
  scoreBlock(block: Float32Array): Float32Array;
  /**
   * [n, n]: products of the learner's gradients at each two of n rows (its neural tangent kernel): how much a step of
   * learning at one moves the score of the other.
   */
  kernel(rows: ArrayLike<number>): Float64Array;
  /** What is added to the kernel's diagonal in learning, as a share of its mean. */
  readonly ridge: number;
  dispose(): void;
}

/** Standardised features of some rows, [n, dim]. */
export function standardised(space: FeatureSpace, rows: ArrayLike<number>): Tensor {
  const { matrix, dim, mean, sd } = space;
  const out = matrix.gather(rows);
  for (let at = 0; at < out.length; ) for (let d = 0; d < dim; d++, at++) out[at] = (out[at] - mean[d]) / sd[d];
  return tensor(out, [rows.length, dim]);
}

/** What is added to the mean square of a row before the row is divided by its root. */
const LENGTH_FLOOR = 0.25;

/**
 * Standardised features [n, dim] brought near one length, z / sqrt(mean(z^2) + 1/4): what an object is like counts, and
 * hardly how strongly, so that a few extreme objects do not set the boundary (docs/decisions/learner.md). Rows of a single
 * column stay apart, which a plain direction would not leave them.
 */
function levelled(x: Tensor): Tensor {
  return x.div(x.mul(x).mean([1], true).add(LENGTH_FLOOR).sqrt());
}

/**
 * Trains on the examples: levelled features, each class as if it had as many examples as the other. The hidden layer moves from where the
 * network says nothing to the regularised least squares of its linearisation there (one damped Gauss-Newton step; Jacot et
 * al. 2018 for the kernel). The last layer stays: moving it, too, adds only the scatter of its units. The same space,
 * examples and seed give the same scores, bit for bit, with the same number of threads. Without both classes every score
 * is 0.5.
 */
export function learn(space: FeatureSpace, given: Example[], seed: number): Learner {
  const examples = atMost(MOST_EXAMPLES, given, seed);
  const count = examples.length;
  const positives = examples.filter(({ positive }) => positive).length;
  if (positives === 0 || positives === count) return constantLearner(space.dim);
  manualSeed(seed);
  const mlp = new Mlp(space.dim, HIDDEN, 1).beginAtZero();
  const [first, last] = mlp.linears();
  const perLogit = scope(() => {
    const x = levelled(
      standardised(
        space,
        examples.map(({ row }) => row),
      ),
    );
    const pulls = noGrad(() => {
      const kernel = tangentKernel(mlp, x);
      const own = op("diagonal", kernel);
      const ridge = RIDGE * own.mean().item();
      const noise = Float32Array.from(exampleWeights(examples), (weight) => ridge / weight);
      const target = tensor(
        Float64Array.from(examples, ({ positive }) => (positive ? TARGET : -TARGET)),
        [count, 1],
      );
      opInPlace("add_.Tensor", own, tensor(noise, [count]), 1);
      const root = op("linalg_cholesky", kernel.to("float64"));
      return op("cholesky_solve", target, root).to("float32");
    });
    mlp.forward(x).mul(pulls).sum().backward();
    return noGrad(() => {
      const move = (parameter: Tensor, step: number) => parameter.copy_(parameter.add(parameter.grad as Tensor, step));
      move(first.weight, stepOf(mlp));
      move(first.bias as Tensor, stepOf(mlp));
      move(last.bias as Tensor, OFFSET);
      return Math.max(mlp.forward(x).abs().mean().item(), LEAST_SAID * TARGET) / TYPICAL_LOGIT;
    });
  });
  const { matrix, dim } = space;
  const [mean, sd] = scope(() => [space.mean, space.sd].map((each) => keep(tensor(each, [1, dim]))));
  const run = (block: Float32Array, count: number, into: Float32Array) =>
    noGrad(() =>
      scope(() =>
        mlp
          .forward(levelled(tensor(block, [count, dim]).sub(mean).div(sd)))
          .div(perLogit)
          .sigmoid()
          .reshape(-1)
          .copyTo(into),
      ),
    );
  return {
    score(from, to) {
      const out = new Float32Array(to - from);
      for (let at = from; at < to; at += BLOCK_ROWS) {
        const end = Math.min(to, at + BLOCK_ROWS);
        run(matrix.rows(at, end), end - at, out.subarray(at - from, end - from));
        matrix.forget(at, end);
      }
      return out;
    },
    scoreBlock(block) {
      const out = new Float32Array(block.length / dim);
      for (let at = 0; at < out.length; at += BLOCK_ROWS) {
        const end = Math.min(out.length, at + BLOCK_ROWS);
        run(block.subarray(at * dim, end * dim), end - at, out.subarray(at, end));
      }
      return out;
    },
    scoreRows(rows, of = matrix) {
      const out = new Float32Array(rows.length);
      for (let at = 0; at < rows.length; at += BLOCK_ROWS) {
        const length = Math.min(BLOCK_ROWS, rows.length - at);
        const part = Uint32Array.from({ length }, (_, i) => rows[at + i]);
        run(matrixOf(of, dim).gather(part), length, out.subarray(at, at + length));
      }
      return out;
    },
    kernel(rows) {
      const out = new Float64Array(rows.length ** 2);
      noGrad(() =>
        scope(() =>
          tangentKernel(mlp, levelled(standardised(space, rows)))
            .to("float64")
            .copyTo(out),
        ),
      );
      return out;
    },
    ridge: RIDGE,
    dispose() {
      for (const each of [mlp, mean, sd]) each.dispose();
    },
  };
}

/** What each example counts in learning: its weight, as if its class had as many examples as the other. */
export function exampleWeights(examples: readonly Example[]): number[] {
  const positives = examples.filter(({ positive }) => positive).length;
  return examples.map(({ positive, weight = 1 }) => {
    const share = examples.length / 2 / (positive ? positives : examples.length - positives);
    return Math.max(weight * share, LEAST_WEIGHT);
  });
}

/** So many of the examples, drawn at random; of the rarer class all that there is room for. */
function atMost(most: number, examples: Example[], seed: number): Example[] {
  if (examples.length <= most) return examples;
  const order = new Random(seed).shuffle(examples.slice());
  const [wanted, others] = [order.filter(({ positive }) => positive), order.filter(({ positive }) => !positive)];
  const roomBeside = (other: number) => Math.max(most / 2, most - other);
  return [...wanted.slice(0, roomBeside(others.length)), ...others.slice(0, roomBeside(wanted.length))];
}

/** How far the hidden layer moves along a gradient: the kernel's typical value is about 1 then, whatever the widths. */
function stepOf(mlp: Mlp): number {
  return 6 / mlp.linears()[0].weight.shape[1];
}

/**
 * With f(x) = v relu(W x + b) + c the products of gradients are (<x, x'> + 1) times the sum of v_j^2 over the hidden units
 * that both light up, for W and b, and 1 for c, each times its step. `x` is [n, dim], levelled; answers [n, n].
 */
function tangentKernel(mlp: Mlp, x: Tensor): Tensor {
  const [first, last] = mlp.linears();
  const lit = first.forward(x).gt(0).to("float32").mul(last.weight);
  const kernel = x.matmul(x.t());
  // In place: of thousands of examples it is large.
  opInPlace("add_.Scalar", kernel, 1, 1);
  opInPlace("mul_.Tensor", kernel, lit.matmul(lit.t()));
  opInPlace("mul_.Scalar", kernel, stepOf(mlp));
  opInPlace("add_.Scalar", kernel, OFFSET, 1);
  return kernel;
}

function constantLearner(dim: number): Learner {
  return {
    score: (from, to) => new Float32Array(to - from).fill(0.5),
    scoreRows: (rows) => new Float32Array(rows.length).fill(0.5),
    scoreBlock: (block) => new Float32Array(block.length / dim).fill(0.5),
    kernel: (rows) => new Float64Array(rows.length ** 2),
    ridge: RIDGE,
    dispose() {},
  };
}
