/**
 * How well a search goes, from what its rounds showed. Nothing here looks at an object with a learner that saw its
 * label: scores are those of cross-validation. Answered objects are no random sample of the survey (the loop shows what
 * it thinks likely, and is right more often there than elsewhere at the same score). So counts over the survey take the
 * steepness of the curve of probability against score (Platt's) from all objects that were shown, and its level from
 * the random picks alone.
 */
import { setImmediate } from "node:timers/promises";
import { Random } from "../base/random.ts";
import type { RoundSummary } from "../contract/api.ts";
import type { Advice, Assessment, Estimate, Histogram } from "../contract/insight.ts";
import { fitPlatt, offsetFor, type Platt, plattProbability } from "../measure/platt.ts";
import { auroc } from "../measure/ranking.ts";
import { type Example, type FeatureSpace, learn } from "./learn.ts";

const FOLDS = 5;
const RESAMPLES = 200;
/** Scores are counted in so many bins: the sums over a survey then do not depend on its size. */
const BINS = 400;
const CUTS = 60;
/** Fewer answers to shown objects, or fewer than two of a kind, say nothing about the survey. */
const LEAST_SHOWN = 10;
const TOP = 100;
/** With fewer answers of either kind held-out measures say more of these answers' luck than of the ranking. */
const LEAST_HELD_OUT = 15;

/**
 * With fewer random picks answered nothing is said about the survey: what the rule shows is positive too often to stand
 * for it.
 */
const LEAST_RANDOM = 3;

/** An answered object, and how it came before the person: picked by the rule, at random, or the person's own choice. */
export interface Answered extends Example {
  shown: "rule" | "random" | "own";
}

/**
 * Interval that holds 95 % of the resampled values of a share of at most 1. Where every one of `of` answers was right
 * resampling has nothing to vary: then the rule of three bounds it.
 */
function estimate(value: number, resampled: number[], of = Number.POSITIVE_INFINITY): Estimate {
  const sorted = resampled.filter(Number.isFinite).sort((a, b) => a - b);
  const at = (share: number) =>
    sorted.length === 0 ? value : sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  const low = Math.min(value, at(0.025));
  return { value, low: low >= 1 ? 1 - 3 / of : low, high: Math.max(value, at(0.975)) };
}

/**
 * The score of each answered object by a learner that has not seen its label; null with fewer than two of a kind. Stops
 * early when aborted.
 */
export async function heldOutScores(
  space: FeatureSpace,
  answered: Answered[],
  seed: number,
  signal?: AbortSignal,
  rest: () => Promise<unknown> = setImmediate,
): Promise<Float64Array | null> {
  const random = new Random(seed).fork("folds");
  const kinds = [true, false].map((positive) =>
    random.shuffle(Uint32Array.from(answered.flatMap((one, i) => (one.positive === positive ? [i] : [])))),
  );
  const folds = Math.min(FOLDS, ...kinds.map((kind) => kind.length));
  if (folds < 2) return null;
  const foldOf = new Uint8Array(answered.length);
  for (const kind of kinds) for (const [place, i] of kind.entries()) foldOf[i] = place % folds;
  const scores = new Float64Array(answered.length);
  for (let fold = 0; fold < folds; fold++) {
    const learner = learn(
      space,
      answered.filter((_, i) => foldOf[i] !== fold),
      seed + fold,
    );
    const held = Array.from(answered.keys()).filter((i) => foldOf[i] === fold);
    const values = learner.scoreRows(held.map((i) => answered[i].row));
    for (const [k, i] of held.entries()) scores[i] = values[k];
    learner.dispose();
    await rest();
    if (signal?.aborted) return null;
  }
  return scores;
}

/** Objects in each bin of score, of those that are not answered yet. */
function binned(scores: Float32Array, answeredRows: Set<number>): Float64Array {
  const counts = new Float64Array(BINS);
  for (let row = 0; row < scores.length; row++)
    if (!answeredRows.has(row)) counts[Math.min(BINS - 1, Math.floor(scores[row] * BINS))]++;
  return counts;
}

/** Positives expected in each bin and above, answered ones counted as what they are. */
function expectedAbove(counts: Float64Array, known: Float64Array, curve: Platt): Float64Array {
  const above = new Float64Array(BINS);
  let sum = 0;
  for (let bin = BINS - 1; bin >= 0; bin--) {
    sum += known[bin] + (counts[bin] === 0 ? 0 : counts[bin] * plattProbability(curve, (bin + 0.5) / BINS));
    above[bin] = sum;
  }
  return above;
}

/** A finished round: scores of all objects, answers so far, and the top of the round before. */
export interface AssessInput {
  round: number;
  space: FeatureSpace;
  /** The finished ranking's scores of all objects. */
  scores: Float32Array;
  answered: Answered[];
  seed: number;
  /** The last assessment's top. */
  previousTop: number[] | null;
  signal?: AbortSignal;
  /** Called between its steps; it may take its time. Default: messages get their turn. */
  rest?(): Promise<unknown>;
}

/** Assesses a finished round, or null when it was given up. */
export async function assess({
  round,
  space,
  scores,
  answered,
  seed,
  previousTop,
  signal,
  rest,
}: AssessInput): Promise<Assessment | null> {
  const held = await heldOutScores(space, answered, seed, signal, rest);
  if (signal?.aborted) return null;
  const truth = answered.map(({ positive }) => (positive ? 1 : 0));
  const positives = truth.reduce<number>((sum, one) => sum + one, 0);
  const random = new Random(seed).fork("resample");
  const top = Array.from(
    Uint32Array.from(scores, (_, row) => row)
      .sort((a, b) => scores[b] - scores[a] || a - b)
      .subarray(0, TOP),
  );
  const stayed = previousTop === null ? null : new Set(previousTop);
  const common = {
    round,
    positives,
    negatives: answered.length - positives,
    top,
    randomPicks: answered.filter((one) => one.shown === "random").length,
    settled: stayed === null ? null : top.filter((row) => stayed.has(row)).length / top.length,
  };
  if (held === null) return { ...common, heldOut: null, expected: null, cuts: [] };
  const drawn = <T>(list: T[]) => list.map(() => list[random.int(list.length)]);
  const all = Array.from(answered.keys());
  const measures = Array.from({ length: RESAMPLES }, () => {
    const part = drawn(all);
    const [s, t] = [part.map((i) => held[i]), part.map((i) => truth[i])];
    return auroc(s, t);
  });
  const heldOut =
    Math.min(positives, common.negatives) < LEAST_HELD_OUT
      ? null
      : {
          folds: Math.min(FOLDS, positives, answered.length - positives),
          auroc: estimate(auroc(held, truth), measures, positives),
        };
  const shown = all.filter((i) => answered[i].shown !== "own");
  const hits = shown.filter((i) => answered[i].positive).length;
  if (shown.length < LEAST_SHOWN || hits < 2 || shown.length - hits < 2 || common.randomPicks < LEAST_RANDOM)
    return { ...common, heldOut, expected: null, cuts: [] };

  const rows = new Set(answered.map(({ row }) => row));
  const counts = binned(scores, rows);
  const [known, answeredIn] = [new Float64Array(BINS), new Float64Array(BINS)];
  for (const { row, positive } of answered) {
    const bin = Math.min(BINS - 1, Math.floor(scores[row] * BINS));
    answeredIn[bin]++;
    if (positive) known[bin]++;
  }
  const picks = all.filter((i) => answered[i].shown === "random");
  const pickHits = picks.filter((i) => answered[i].positive).length;
  /** `level` is the number of positives that the random picks in `pickPart` are taken to have. */
  const expectation = (part: number[], pickPart: number[], level: number) => {
    const curve = fitPlatt(
      part.map((i) => held[i]),
      part.map((i) => truth[i]),
    );
    const scoresOfPicks = pickPart.map((i) => held[i]);
    return expectedAbove(counts, known, { ...curve, offset: offsetFor(curve.slope, scoresOfPicks, level) });
  };
  // The median of what the picks' number of positives tells of their share (Jeffreys' prior), so that none among few is
  // not taken for a half.
  const best = expectation(shown, picks, (picks.length * (pickHits + 1 / 6)) / (picks.length + 1 / 3));
  const others = Array.from({ length: RESAMPLES }, () => {
    // How many of the picks are positive is known only as well as so few can tell (Jeffreys' prior).
    const share = random.beta(pickHits + 0.5, picks.length - pickHits + 0.5);
    return expectation(drawn(shown), drawn(picks), share * picks.length);
  });
  const selected = new Float64Array(BINS);
  for (let bin = BINS - 1, sum = 0; bin >= 0; bin--) {
    sum += counts[bin] + answeredIn[bin];
    selected[bin] = sum;
  }
  const cuts = Array.from({ length: CUTS }, (_, k) => Math.floor((k * BINS) / CUTS))
    .filter((bin) => selected[bin] > 0)
    .map((bin) => ({
      score: bin / BINS,
      selected: selected[bin],
      purity: estimate(
        best[bin] / selected[bin],
        others.map((other) => other[bin] / selected[bin]),
      ),
      completeness: estimate(
        best[bin] / best[0],
        others.map((other) => other[bin] / other[0]),
      ),
    }));
  return {
    ...common,
    heldOut,
    expected: estimate(
      best[0],
      others.map((other) => other[0]),
    ),
    cuts,
  };
}

const HISTOGRAM_BINS = 40;

/** Objects by score, with the labelled ones beside. */
export function histogramOf(scores: Float32Array, labelled: { row: number; positive: boolean }[]): Histogram {
  const bin = (row: number) => Math.min(HISTOGRAM_BINS - 1, Math.floor(scores[row] * HISTOGRAM_BINS));
  const count = (rows: Iterable<number>) => {
    const out = new Array<number>(HISTOGRAM_BINS).fill(0);
    for (const row of rows) out[bin(row)]++;
    return out;
  };
  const rows = (positive: boolean) => labelled.filter((one) => one.positive === positive).map(({ row }) => row);
  return {
    edges: Array.from({ length: HISTOGRAM_BINS + 1 }, (_, i) => i / HISTOGRAM_BINS),
    all: count(scores.keys()),
    positive: count(rows(true)),
    negative: count(rows(false)),
  };
}

/** Whether it is time to stop, and why. The reasons are tried in this order; the first that holds is given. */
export function advise(rounds: RoundSummary[], assessments: Assessment[], exhausted: boolean): Advice {
  const last = assessments.at(-1);
  const percent = (share: number) => `${Math.round(100 * share)} %`;
  if (exhausted) return { verdict: "may stop", reason: "Every object has been shown." };
  // Of now: the last assessment may be of a round ago.
  const positives = rounds.reduce((sum, round) => sum + round.positives, 0);
  if (positives < 5)
    return { verdict: "go on", reason: `Only ${positives} positives so far; a handful more teaches much.` };
  if (last === undefined) return { verdict: "go on", reason: "The ranking still gains from answers." };
  const { expected, settled } = last;
  if (expected !== null && positives >= 0.9 * expected.high)
    return {
      verdict: "may stop",
      reason: `You have found ${positives} of an expected ${Math.round(expected.low)} to ${Math.round(expected.high)} in the whole survey.`,
    };
  const answered = rounds.filter(({ round, precision }) => round > 0 && precision !== null);
  const two = answered.slice(-2);
  const found = two.reduce((sum, round) => sum + round.positives, 0);
  if (two.length === 2 && found === 0)
    return {
      verdict: "may stop",
      reason: `The last two rounds found nothing in ${two.reduce((sum, round) => sum + round.positives + round.negatives, 0)} answers. Lower alpha looks further down; otherwise little is left.`,
    };
  const steady = assessments.slice(-2).every((one) => one.settled !== null && one.settled >= 0.9);
  if (assessments.length >= 3 && steady && settled !== null)
    return {
      verdict: "may stop",
      reason: `The ranking has settled: ${percent(settled)} of its first ${last.top.length} stayed, two rounds running. More labels change little; choose a cut in the ranking.`,
    };
  const moved =
    settled === null ? "" : ` ${percent(1 - settled)} of the first ${last.top.length} changed with the last round.`;
  return { verdict: "go on", reason: `The ranking still gains from answers.${moved}` };
}
