/**
 * A hunt: a person who begins with a few positives and answers page after page, with the truth hidden until the end. What
 * was shown (chosen, so no quality of the ranking), what was found, and how good the ranking is on objects that nobody
 * labelled.
 */
import { Random } from "../base/random.ts";
import { drawBackground } from "../loop/background.ts";
import { choose, type Mode, ruleMode } from "../loop/choose.ts";
import { type Example, type FeatureSpace, type Learner, learn, standardised } from "../loop/learn.ts";
import { averagePrecision } from "../measure/ranking.ts";

/** An object of a hunt and whether it is what is looked for. */
export interface HuntObject {
  row: number;
  positive: boolean;
}

/** What is searched, and what the ranking is measured on. */
export interface HuntGround {
  space: FeatureSpace;
  pool: HuntObject[];
  heldOut: HuntObject[];
}

/**
 * How pages are chosen: by the loop, always its highest scores, by the mean cosine to the positives known so far
 * (nothing is learned), or at random.
 */
export type HuntStrategy = "loop" | "highest" | "cosine" | "random";

/** How a hunt goes. */
export interface HuntOptions {
  strategy: HuntStrategy;
  /** Positives to begin with; nothing else is known. */
  start: number;
  show: number;
  rounds: number;
  alpha: number;
  /** Share of the answers that are wrong. */
  errors: number;
  seed: number;
  /** When the held-out objects are ranked; where they are not, `aupr` and `atN` are NaN. Default: in every round. */
  measured?: "every" | "last";
}

/** What a ranking of a hunt is made from. */
export interface RankerInput {
  space: FeatureSpace;
  /** What is known: the positives that the hunt began with, and the answers. */
  examples: Example[];
  /** Unlabelled objects that a session would learn from as negatives. */
  background: Example[];
  /** Rows of the pool that nobody has answered. */
  open: number[];
  /** Scores of the last ranking by row of the survey; null before the first. */
  last: Float32Array | null;
  seed: number;
}

/** What ranks the objects of a hunt. */
export interface Ranker extends Pick<Learner, "dispose"> {
  scoreRows(rows: number[]): Float32Array;
  /** Of `open` the rows that come on a page of `size` whatever the rule says; absent: none. */
  asks?(open: number[], size: number): number[];
}

/** Makes what ranks after each page. */
export type RankerOf = (given: RankerInput) => Ranker;

/** The learner of the sessions. */
export const loopRanker: RankerOf = ({ space, examples, background, seed }) =>
  learn(space, [...examples, ...background], seed);

/** One round of a hunt: what its page held by the truth, and the ranking after its answers were learned from. */
export interface HuntRound {
  round: number;
  mode: Mode | "cosine" | "random";
  shown: number;
  /** True ones among the shown. */
  positives: number;
  /** True ones that the person has said yes to so far, beside the examples. */
  found: number;
  /** Average precision on the held-out objects. */
  aupr: number;
  /** Share of true ones among the first N held-out objects, N the number of true ones there. */
  atN: number;
}

/** A hunt: its rounds (round 0 is before the first page), and how many there were to find. */
export interface Hunt {
  toFind: number;
  rounds: HuntRound[];
}

/**
 * The objects in a pool and a held-out part, which has `heldOutShare` of either kind; of the pool's positives only so
 * many are left that they are `share` of it (null: all).
 */
export function huntGround(
  space: FeatureSpace,
  objects: HuntObject[],
  { heldOutShare, share, seed }: { heldOutShare: number; share: number | null; seed: number },
): HuntGround {
  const order = new Random(seed).fork("hunt split").shuffle(objects.slice());
  const [yes, no] = [order.filter(({ positive }) => positive), order.filter(({ positive }) => !positive)];
  const cut = (list: HuntObject[]) => Math.round(list.length * heldOutShare);
  const negatives = no.slice(cut(no));
  const positives = yes.slice(cut(yes));
  const kept = share === null ? positives.length : Math.round((share / (1 - share)) * negatives.length);
  return {
    space,
    pool: [...positives.slice(0, kept), ...negatives],
    heldOut: [...yes.slice(0, cut(yes)), ...no.slice(0, cut(no))],
  };
}

/** Scores of rows, higher for what looks more like the examples. */
export type Scorer = (rows: number[]) => Float32Array;

/** The mean cosine of standardised features to the positive examples. */
function cosineScorer(space: FeatureSpace, examples: Example[]): Scorer {
  const directions = (rows: number[]) => {
    const x = standardised(space, rows);
    const values = x.toFloat32Array();
    x.dispose();
    for (let i = 0; i < rows.length; i++) {
      const row = values.subarray(i * space.dim, (i + 1) * space.dim);
      const norm = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0)) || 1;
      for (let d = 0; d < space.dim; d++) row[d] /= norm;
    }
    return values;
  };
  const known = directions(examples.filter(({ positive }) => positive).map(({ row }) => row));
  const mean = new Float64Array(space.dim);
  for (let at = 0; at < known.length; at++) mean[at % space.dim] += known[at];
  return (rows) => {
    const values = directions(rows);
    return Float32Array.from(rows, (_, i) => {
      let sum = 0;
      for (let d = 0; d < space.dim; d++) sum += values[i * space.dim + d] * mean[d];
      return sum;
    });
  };
}

function measured(score: Scorer, heldOut: HuntObject[]): { aupr: number; atN: number } {
  const scores = score(heldOut.map(({ row }) => row));
  const labels = heldOut.map(({ positive }) => (positive ? 1 : 0));
  const total = labels.reduce<number>((sum, label) => sum + label, 0);
  const first = Array.from(scores.keys()).sort((a, b) => scores[b] - scores[a] || a - b);
  const hits = first.slice(0, total).reduce((sum, i) => sum + labels[i], 0);
  return { aupr: averagePrecision(scores, labels), atN: hits / total };
}

/**
 * Scores of `rest` from some positives: learned, with the negatives or, where there are none, unlabelled objects of the
 * rest in their place; or the mean cosine.
 */
export function rankingFrom(
  space: FeatureSpace,
  given: { positive: number[]; negative: number[]; rest: number[]; way: "learn" | "cosine"; seed: number },
): Float32Array {
  const { positive, negative, rest, way, seed } = given;
  const examples: Example[] = [
    ...positive.map((row) => ({ row, positive: true })),
    ...negative.map((row) => ({ row, positive: false })),
  ];
  if (way === "cosine") return cosineScorer(space, examples)(rest);
  const background = negative.length > 0 ? [] : drawBackground({ search: seed, round: seed }, rest, examples);
  const learner = learn(space, [...examples, ...background], seed);
  try {
    return learner.scoreRows(rest);
  } finally {
    learner.dispose();
  }
}

/**
 * Hunts once. The same ground and options give the same hunt. `atEnd` may ask for scores of any rows by the last ranking;
 * `rankerOf` makes what ranks where something is learned, the loop's learner unless given.
 */
export function hunt(
  { space, pool, heldOut }: HuntGround,
  options: HuntOptions,
  atEnd: (score: Scorer) => void = () => {},
  rankerOf: RankerOf = loopRanker,
): Hunt {
  const { strategy, start, show, rounds, alpha, errors, seed, measured: when = "every" } = options;
  const random = new Random(seed);
  const [truth, answersOf] = [new Map(pool.map(({ row, positive }) => [row, positive])), random.fork("answers")];
  const wanted = pool.filter(({ positive }) => positive).map(({ row }) => row);
  const examples: Example[] = random
    .fork("start")
    .sample(wanted.length, Math.min(start, wanted.length))
    .map((i) => ({ row: wanted[i], positive: true }));
  const done: HuntRound[] = [];
  let page: number[] = [];
  let [last, found]: [HuntRound["mode"], number] = ["mixed", 0];
  let lastScores: Float32Array | null = null;
  for (let round = 0; ; round++) {
    const known = new Set(examples.map(({ row }) => row));
    const open = pool.map(({ row }) => row).filter((row) => !known.has(row));
    const learnSeed = seed * 1000 + round;
    const background = drawBackground({ search: seed, round: learnSeed }, open, examples);
    const given = { space, examples, background, open, last: lastScores, seed: learnSeed };
    const ranker = strategy === "cosine" ? null : rankerOf(given);
    const score: Scorer = ranker === null ? cosineScorer(space, examples) : (rows) => ranker.scoreRows(rows);
    const positives = page.filter((row) => truth.get(row)).length;
    const isLast = round === rounds || open.length === 0;
    const quality = isLast || when === "every" ? measured(score, heldOut) : { aupr: Number.NaN, atN: Number.NaN };
    done.push({ round, mode: last, shown: page.length, positives, found, ...quality });
    if (isLast) {
      atEnd(score);
      ranker?.dispose();
      return { toFind: wanted.length - Math.min(start, wanted.length), rounds: done };
    }
    const scores = new Float32Array(space.count);
    for (const [i, value] of score(open).entries()) scores[open[i]] = value;
    lastScores = scores;
    const asked = new Set(ranker?.asks?.(open, show) ?? []);
    ranker?.dispose();
    const answered = examples.slice(-page.length);
    const yes = answered.filter(({ positive }) => positive).length;
    const rule: Mode = round === 0 ? "mixed" : ruleMode(yes, answered.length - yes, alpha);
    const mode: Mode = strategy === "loop" ? rule : "highest";
    last = strategy === "loop" || strategy === "highest" ? mode : strategy;
    const chosen = choose({
      scores,
      candidates: open.filter((row) => !asked.has(row)),
      mode,
      examples: [...examples, ...Array.from(asked, (row) => ({ row }))],
      pageSize: show - asked.size,
      randomPicks: strategy === "random" ? show : 0,
      seed: seed * 1000 + round + 1,
      space,
    });
    page = [...asked, ...chosen.page.map(({ row }) => row)];
    for (const row of page) {
      const positive = (truth.get(row) === true) !== answersOf.next() < errors;
      if (positive && truth.get(row) === true) found++;
      examples.push({ row, positive });
    }
  }
}
