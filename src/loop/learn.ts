/** Learning from a person's few examples: an MLP on frozen features (paper, section 5.1: 2048 hidden units). */
import { Random } from "../base/random.ts";
import { floatRows, type RowMatrix } from "../base/row-matrix.ts";
import { Mlp } from "../models/mlp.ts";
import { AdamW, bceWithLogits, keep, manualSeed, noGrad, op, scope, type Tensor, tensor } from "../torch/index.ts";

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
  const [sum, square] = [new Float64Array(dim), new Float64Array(dim)];
  const rows = Math.ceil(count / step);
  const sampled = matrix.gather(Uint32Array.from({ length: rows }, (_, i) => i * step));
  for (let at = 0; at < sampled.length; )
    for (let d = 0; d < dim; d++, at++) {
      const value = sampled[at];
      sum[d] += value;
      square[d] += value * value;
    }
  const mean = Float32Array.from(sum, (total) => total / rows);
  const variance = Array.from(square, (total, d) => Math.max(0, total / rows - mean[d] ** 2));
  const typical = Math.sqrt([...variance].sort((a, b) => a - b)[Math.floor(dim / 2)]);
  const scaleOf = (sd: number) => sd / Math.min(KEPT.most, Math.max(KEPT.least, sd / typical || 1));
  return {
    matrix,
    count,
    dim,
    mean,
    sd: Float32Array.from(variance, (v) => scaleOf(Math.max(Math.sqrt(v), KEPT.dead * typical, 1e-8))),
  };
}

/** Numbers [count, dim] as a matrix of rows. */
export const matrixOf = (features: Float32Array | RowMatrix, dim: number): RowMatrix =>
  features instanceof Float32Array ? floatRows(features, dim) : features;

/** A labelled object, by its row. */
export interface Example {
  row: number;
  positive: boolean;
  /** How much it counts beside others of its class, 0 to 1; absent: 1. */
  weight?: number;
}

/**
 * Few examples are learned by heart within a dozen steps, and everything after that is their accidents: steps grow with
 * their number, between bounds (docs/decisions/learner.md).
 */
const LEARN = {
  hidden: 2048,
  steps: { least: 6, most: 60, perExample: 0.075 },
  learningRate: 1e-3,
  /** Columns for which that rate is right; see `learningRateOf`. */
  columns: 128,
  weightDecay: 0.01,
  batchSize: 128,
} as const;

/** Steps of learning from so many examples. */
export function stepsFor(examples: number): number {
  const { least, most, perExample } = LEARN.steps;
  return Math.min(most, Math.max(least, Math.round(perExample * examples)));
}

/**
 * The rate for features of so many columns. AdamW moves each weight by about the rate whatever its gradient, and a hidden
 * unit adds up as many of them as there are columns: with more of these a step would go farther.
 */
const learningRateOf = (columns: number) => LEARN.learningRate * Math.min(1, LEARN.columns / columns);

/**
 * Mean size of the examples' logits after training is brought down to this: a handful of examples is always learned by
 * heart, and scores of 1.000 for half a survey could not be ranked. The order of the scores does not change.
 */
const TYPICAL_LOGIT = 3;

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
   * [n, n]: products of the learner's gradients at each two of n rows (the neural tangent kernel on standardised
   * features): how much a step of learning at one moves the score of the other.
   */
  kernel(rows: ArrayLike<number>): Float64Array;
  dispose(): void;
}

/** Standardised features of some rows, [n, dim]. */
export function standardised(space: FeatureSpace, rows: ArrayLike<number>): Tensor {
  const { matrix, dim, mean, sd } = space;
  const out = matrix.gather(rows);
  for (let at = 0; at < out.length; ) for (let d = 0; d < dim; d++, at++) out[at] = (out[at] - mean[d]) / sd[d];
  return tensor(out, [rows.length, dim]);
}

/**
 * Trains on the examples: standardised features, each class with the same total weight, for `stepsFor` steps. The same
 * space, examples and seed give the same scores, bit for bit, with the same number of threads. Without both classes
 * every score is 0.5.
 */
export function learn(space: FeatureSpace, examples: Example[], seed: number): Learner {
  const positives = examples.filter(({ positive }) => positive).length;
  if (positives === 0 || positives === examples.length) return constantLearner(space.dim);
  manualSeed(seed);
  const mlp = new Mlp(space.dim, LEARN.hidden, 1).beginAtZero();
  const optimiser = new AdamW(mlp.namedParameters(), { ...LEARN, learningRate: learningRateOf(space.dim) });
  scope(() => {
    const x = standardised(
      space,
      examples.map(({ row }) => row),
    );
    const target = tensor(
      Float32Array.from(examples, ({ positive }) => (positive ? 1 : 0)),
      [examples.length, 1],
    );
    const balance = (positive: boolean) => examples.length / 2 / (positive ? positives : examples.length - positives);
    const weight = tensor(
      Float32Array.from(examples, ({ positive, weight = 1 }) => weight * balance(positive)),
      [examples.length, 1],
    );
    const random = new Random(seed);
    for (let step = 0; step < stepsFor(examples.length); step++) {
      optimiser.zeroGrad();
      scope(() => {
        // Many examples would make each step, and so the first page, slower: a step looks at a part of them.
        const part =
          examples.length <= LEARN.batchSize
            ? null
            : tensor([...random.sample(examples.length, LEARN.batchSize)], [LEARN.batchSize], "int64");
        const of = (all: Tensor) => (part === null ? all : all.indexSelect(0, part));
        bceWithLogits(mlp.forward(of(x)), of(target), of(weight)).backward();
      });
      optimiser.step();
    }
  });
  optimiser.dispose();
  const softening = noGrad(() =>
    scope(() =>
      Math.max(
        1,
        mlp
          .forward(
            standardised(
              space,
              examples.map(({ row }) => row),
            ),
          )
          .abs()
          .mean()
          .item() / TYPICAL_LOGIT,
      ),
    ),
  );
  const folded = foldStandardisation(mlp, space, softening);
  mlp.dispose();
  const { matrix, dim } = space;
  const run = (rows: Float32Array, count: number, into: Float32Array) =>
    noGrad(() => scope(() => folded.score(tensor(rows, [count, dim])).copyTo(into)));
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
        scope(() => tangentKernel(folded.parts, softening, standardised(space, rows), space).to("float64").copyTo(out)),
      );
      return out;
    },
    dispose: folded.dispose,
  };
}

/**
 * With f(x) = v relu(W x + b) + c the products of gradients are <h, h'> for v, 1 for c, and (<x, x'> + 1) times the sum
 * of v_j^2 over the hidden units that both light up for W and b. `x` is [n, dim], standardised; answers [n, n].
 */
function tangentKernel(parts: FoldedParts, softening: number, x: Tensor, { dim, mean, sd }: FeatureSpace): Tensor {
  const hidden = op(
    "linear",
    x.mul(tensor(sd, [1, dim])).add(tensor(mean, [1, dim])),
    parts.weight,
    parts.bias,
  ).relu() as Tensor;
  const lit = hidden.gt(0).to("float32").mul(parts.outWeight.mul(softening));
  const outer = hidden.matmul(hidden.t()).add(1);
  return outer.add(x.matmul(x.t()).add(1).mul(lit.matmul(lit.t())));
}

interface FoldedParts {
  weight: Tensor;
  bias: Tensor;
  outWeight: Tensor;
  outBias: Tensor;
}

/**
 * W (x - mean) / sd + b = (W / sd) x + (b - W mean / sd): scoring then needs no pass over the features of its own.
 * Logits come out divided by `softening`.
 */
function foldStandardisation(mlp: Mlp, { dim, mean, sd }: FeatureSpace, softening: number) {
  const [first, second] = [...mlp.layers.children()].flatMap(([, layer]) =>
    "weight" in layer ? [layer as unknown as { weight: Tensor; bias: Tensor }] : [],
  );
  const parts = noGrad(() =>
    scope(() => {
      const weight = first.weight.div(tensor(sd, [1, dim]));
      return {
        weight,
        bias: first.bias.sub(weight.matmul(tensor(mean, [dim]))),
        outWeight: second.weight.div(softening),
        outBias: second.bias.div(softening),
      };
    }),
  );
  for (const part of Object.values(parts)) keep(part);
  return {
    parts,
    score: (x: Tensor) =>
      op("linear", op("linear", x, parts.weight, parts.bias).relu(), parts.outWeight, parts.outBias)
        .sigmoid()
        .reshape(-1),
    dispose: () => {
      for (const part of Object.values(parts)) part.dispose();
    },
  };
}

function constantLearner(dim: number): Learner {
  return {
    score: (from, to) => new Float32Array(to - from).fill(0.5),
    scoreRows: (rows) => new Float32Array(rows.length).fill(0.5),
    scoreBlock: (block) => new Float32Array(block.length / dim).fill(0.5),
    kernel: (rows) => new Float64Array(rows.length ** 2),
    dispose() {},
  };
}
