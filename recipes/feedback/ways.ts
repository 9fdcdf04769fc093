/** Other ways to learn from a person's answers than one learner alone: each makes what ranks the next page of a hunt. */
import { Random } from "../../src/base/random.ts";
import { floatRows } from "../../src/base/row-matrix.ts";
import type { Ranker, RankerInput, RankerOf } from "../../src/evaluate/hunt.ts";
import { type Example, type FeatureSpace, learn, standardised } from "../../src/loop/learn.ts";
import { logitsOf } from "../../src/loop/learn-prior.ts";
import { ranksOfValues } from "../../src/measure/ranks.ts";
import { eigh, noGrad, op, scope, type Tensor, tensor } from "../../src/torch/index.ts";

const sigmoid = (logit: number) => 1 / (1 + Math.exp(-logit));

/** What is learned from the answers alone: until something is negative, with what stands for negatives. */
export const answersOf = ({ examples, background }: RankerInput): Example[] =>
  examples.every(({ positive }) => positive) ? [...examples, ...background] : examples;

/** The loop's learner on the answers alone. */
export const answersAlone: RankerOf = (given) => learn(given.space, answersOf(given), given.seed);

/** The examples drawn with replacement, each class as often as it was. */
function resampled(examples: Example[], random: Random): Example[] {
  return [true, false].flatMap((positive) => {
    const kind = examples.filter((one) => one.positive === positive);
    return kind.map(() => random.choice(kind));
  });
}

/** How a committee ranks and what it asks. */
export interface CommitteeOptions {
  members: number;
  /** So many standard deviations of the members' logits are added to their mean. */
  bonus: number;
  /** Of a page the share that goes to what the members disagree most about, among the best tenth of the open objects. */
  disputed: number;
}

/** Learners of resampled examples, with other initial weights each; the mean of their logits ranks. */
export function committee({ members, bonus, disputed }: CommitteeOptions): RankerOf {
  return (given) => {
    const { space, seed } = given;
    const examples = answersOf(given);
    const random = new Random(seed).fork("committee");
    const learners = Array.from({ length: members }, (_, i) => {
      const part = resampled(examples, random);
      return learn(space, part, seed * members + i);
    });
    const said = (rows: number[]) => {
      const each = learners.map((learner) => logitsOf(learner.scoreRows(rows)));
      const mean = rows.map((_, i) => each.reduce((sum, one) => sum + one[i], 0) / members);
      const sd = rows.map((_, i) => Math.sqrt(each.reduce((sum, one) => sum + (one[i] - mean[i]) ** 2, 0) / members));
      return { mean, sd };
    };
    return {
      scoreRows(rows) {
        const { mean, sd } = said(rows);
        return Float32Array.from(mean, (logit, i) => sigmoid(logit + bonus * sd[i]));
      },
      asks(open, size) {
        if (disputed === 0) return [];
        const { mean, sd } = said(open);
        const best = [...open.keys()].sort((a, b) => mean[b] - mean[a]).slice(0, Math.ceil(open.length / 10));
        return best
          .sort((a, b) => sd[b] - sd[a])
          .slice(0, Math.round(disputed * size))
          .map((i) => open[i]);
      },
      dispose: () => learners.forEach((learner) => void learner.dispose()),
    };
  };
}

/** Up to which share of positives all count, from which on none do, and whether they are fewer or weigh less between. */
const FADING = {
  "in weight": { all: 0, none: 0.5, weighs: true },
  "in number": { all: 0, none: 0.5, weighs: false },
  sooner: { all: 0.2, none: 0.4, weighs: false },
  later: { all: 0.3, none: 0.45, weighs: false },
} as const;

/** How unlabelled objects stand for negatives after the first page too. */
export interface WeakNegatives {
  count: number;
  /** What one counts beside an answer of the person. */
  weight: number;
  /** The lowest share of the last ranking that they are drawn from; 1: anywhere. */
  lowest: number;
  /**
   * Whether they weigh less or are fewer, the more of what is known is positive (`FADING`): among unlabelled objects of a
   * common kind many are positive.
   */
  fades?: keyof typeof FADING;
}

/** Some of the open objects as examples of little weight that say no. */
function weakNegatives({ count, weight, lowest }: WeakNegatives, { open, last, seed }: RankerInput): Example[] {
  const low =
    last === null
      ? open
      : open
          .slice()
          .sort((a, b) => last[a] - last[b] || a - b)
          .slice(0, Math.ceil(lowest * open.length));
  const drawn = new Random(seed).fork("weak negatives").sample(low.length, Math.min(count, low.length));
  return drawn.map((i) => ({ row: low[i], positive: false, weight }));
}

/** The loop's learner with unlabelled objects among the negatives as long as the search lasts. */
export function withWeakNegatives(options: WeakNegatives): RankerOf {
  return (given) => {
    const { space, last, seed } = given;
    const examples = answersOf(given);
    // The first ranking has unlabelled objects for negatives already.
    const share = examples.filter(({ positive }) => positive).length / examples.length;
    const { all: from, none, weighs } = FADING[options.fades ?? "in weight"];
    const left = options.fades === undefined ? 1 : Math.min(1, Math.max(0, (none - share) / (none - from)));
    const [weight, count] = [weighs ? left : 1, weighs ? 1 : left];
    if (last === null || left === 0) return learn(space, examples, seed);
    const faded = { ...options, weight: options.weight * weight, count: Math.round(options.count * count) };
    if (faded.count === 0) return learn(space, examples, seed);
    const all = [...examples, ...weakNegatives(faded, given)];
    const negatives = all.filter(({ positive }) => !positive);
    // Both classes count the same in all, as ever.
    const scale = negatives.length / negatives.reduce((sum, { weight = 1 }) => sum + weight, 0);
    const weighted = all.map((one) => (one.positive ? one : { ...one, weight: (one.weight ?? 1) * scale }));
    return learn(space, weighted, seed);
  };
}

/** The scores in the order of the mean of both ranks: the k-th best has the k-th highest of the first scores. */
export function meanRank(first: Float32Array, second: Float32Array): Float32Array {
  const [one, other] = [ranksOfValues(first), ranksOfValues(second)];
  const order = Uint32Array.from(first.keys()).sort((a, b) => one[a] + other[a] - one[b] - other[b] || a - b);
  const values = first.slice().sort();
  const out = new Float32Array(first.length);
  for (const [place, i] of order.entries()) out[i] = values[place];
  return out;
}

/** Ranks by the mean of the ranks that two ways give; the first one's scores say how many are taken for positive. */
export function together(first: RankerOf, second: RankerOf): RankerOf {
  return (given): Ranker => {
    const [one, other] = [first(given), second(given)];
    return {
      scoreRows: (rows) => meanRank(one.scoreRows(rows), other.scoreRows(rows)),
      dispose() {
        one.dispose();
        other.dispose();
      },
    };
  };
}

/**
 * The learner in a space whose directions count less, the more the answers of one class scatter along them: within-class
 * scatter W of the standardised features, held at the mean of its eigenvalues by a prior of `prior` examples, and features
 * times (W / mean)^(-1/2).
 */
export function weighedFeatures(prior: number): RankerOf {
  return (given) => {
    const { space, last, seed } = given;
    const examples = answersOf(given);
    return learn(last === null ? space : weighed(space, examples, prior), examples, seed);
  };
}

function weighed(space: FeatureSpace, examples: Example[], prior: number): FeatureSpace {
  const { count, dim } = space;
  return noGrad(() =>
    scope(() => {
      const centred = (positive: boolean): Tensor => {
        const rows = examples.filter((one) => one.positive === positive).map(({ row }) => row);
        const x = standardised(space, rows).to("float64");
        return x.sub(x.mean(0, true));
      };
      const [yes, no] = [centred(true), centred(false)];
      const scatter = yes.t().matmul(yes).add(no.t().matmul(no));
      const mean = op("diagonal", scatter).mean().item() / examples.length;
      const held = scatter
        .add(op("diag", tensor(new Float64Array(dim).fill(prior * mean), [dim])))
        .div((examples.length + prior) * mean);
      const [values, vectors] = eigh(held);
      const map = vectors.mul(values.pow(-0.5)).matmul(vectors.t()).to("float32");
      const all = standardised(
        space,
        Uint32Array.from({ length: count }, (_, row) => row),
      ).matmul(map);
      const matrix = floatRows(all.toFloat32Array(), dim);
      return { matrix, count, dim, mean: new Float32Array(dim), sd: new Float32Array(dim).fill(1) };
    }),
  );
}
