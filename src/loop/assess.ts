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
import type { Example, FeatureSpace } from "./learn.ts";
import { learnIn } from "./learn-prior.ts";

const FOLDS = 5;
const RESAMPLES = 200;
/** Scores are counted in so many bins: the sums over a survey then do not depend on its size. */
const BINS = 400;
const CUTS = 60;
/** Fewer answers to shown objects, or fewer than two of a kind, say nothing about the survey. */
const LEAST_SHOWN = 10;
const TOP = 100;

/**
 * With fewer random picks answered nothing is said about the survey: what the rule shows is positive too often to stand
 * for it.
 */
const LEAST_RANDOM = 3;

/** An answered object, and how it came before the person: picked by the rule, at random, or the person's own choice. */
export interface Answered extends Example {
  shown: "rule" | "random" | "own";
}

/** A value with the interval that holds 95 % of the resampled ones. */
function estimate(value: number, resampled: number[]): Estimate {
  const sorted = resampled.filter(Number.isFinite).sort((a, b) => a - b);
  const at = (share: number) =>
    sorted.length === 0 ? value : sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return { value, low: Math.min(value, at(0.025)), high: Math.max(value, at(0.975)) };
}

/**
 * The score of each answered object by a learner that has not seen its label; null with fewer than two of a kind. Stops
 * early when aborted. `background` is learned from in every fold.
 */
export async function heldOutScores(
  space: FeatureSpace,
  answered: Answered[],
  seed: number,
  { background = [], signal, rest = setImmediate }: Pick<AssessInput, "background" | "signal" | "rest"> = {},
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
    const learner = learnIn(space, [...answered.filter((_, i) => foldOf[i] !== fold), ...background], seed + fold);
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
  /** What the ranking learned from besides: unlabelled objects that stand for negatives. Default: nothing. */
  background?: readonly Example[];
  seed: number;
  /** The last assessment's top. */
  previousTop: number[] | null;
  signal?: AbortSignal;
  /** Called between its steps; it may take its time. Default: messages get their turn. */
  rest?(): Promise<unknown>;
}

/** Assesses a finished round, or null when it was given up. */
export async function assess(input: AssessInput): Promise<Assessment | null> {
  const { round, space, scores, answered, seed, previousTop, signal } = input;
  const held = await heldOutScores(space, answered, seed, input);
  if (signal?.aborted) return null;
  const positives = answered.filter(({ positive }) => positive).length;
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
  const shown = answered.filter((one) => one.shown !== "own");
  const hits = shown.filter(({ positive }) => positive).length;
  if (held === null || shown.length < LEAST_SHOWN || hits < 2 || shown.length - hits < 2)
    return { ...common, expected: null, cuts: [] };
  if (common.randomPicks < LEAST_RANDOM) return { ...common, expected: null, cuts: [] };
  return { ...common, ...ofSurvey(scores, answered, held, new Random(seed).fork("resample")) };
}

/**
 * The number of positives expected in the whole survey and what lowest scores would select of it, with intervals from
 * `RESAMPLES` draws of the answers. `held` has the held-out score of each answer.
 */
function ofSurvey(
  scores: Float32Array,
  answered: Answered[],
  held: Float64Array,
  random: Random,
): Pick<Assessment, "expected" | "cuts"> {
  const all = Array.from(answered.keys());
  const shown = all.filter((i) => answered[i].shown !== "own");
  const picks = all.filter((i) => answered[i].shown === "random");
  const pickHits = picks.filter((i) => answered[i].positive).length;
  const { counts, known, selected } = countedBins(scores, answered);
  /** `level` is the number of positives that the random picks in `pickPart` are taken to have. */
  const expectation = (part: number[], pickPart: number[], level: number) => {
    const curve = fitPlatt(
      part.map((i) => held[i]),
      part.map((i) => (answered[i].positive ? 1 : 0)),
    );
    const scoresOfPicks = pickPart.map((i) => held[i]);
    return expectedAbove(counts, known, { ...curve, offset: offsetFor(curve.slope, scoresOfPicks, level) });
  };
  // The median of what the picks' number of positives tells of their share (Jeffreys' prior), so that none among few is
  // not taken for a half.
  const best = expectation(shown, picks, (picks.length * (pickHits + 1 / 6)) / (picks.length + 1 / 3));
  const drawn = <T>(list: T[]) => list.map(() => list[random.int(list.length)]);
  const others = Array.from({ length: RESAMPLES }, () => {
    // How many of the picks are positive is known only as well as so few can tell (Jeffreys' prior).
    const share = random.beta(pickHits + 0.5, picks.length - pickHits + 0.5);
    return expectation(drawn(shown), drawn(picks), share * picks.length);
  });
  const estimated = (of: (expected: Float64Array) => number) => estimate(of(best), others.map(of));
  const cuts = Array.from({ length: CUTS }, (_, k) => Math.floor((k * BINS) / CUTS))
    .filter((bin) => selected[bin] > 0)
    .map((bin) => ({
      score: bin / BINS,
      selected: selected[bin],
      purity: estimated((expected) => expected[bin] / selected[bin]),
      completeness: estimated((expected) => expected[bin] / expected[0]),
    }));
  return { expected: estimated((expected) => expected[0]), cuts };
}

/** By bins of score: objects without an answer, answers that were positive, and all objects in a bin and above. */
function countedBins(scores: Float32Array, answered: Answered[]) {
  const counts = binned(scores, new Set(answered.map(({ row }) => row)));
  const [known, answeredIn, selected] = [new Float64Array(BINS), new Float64Array(BINS), new Float64Array(BINS)];
  for (const { row, positive } of answered) {
    const bin = Math.min(BINS - 1, Math.floor(scores[row] * BINS));
    answeredIn[bin]++;
    if (positive) known[bin]++;
  }
  for (let bin = BINS - 1, sum = 0; bin >= 0; bin--) {
    sum += counts[bin] + answeredIn[bin];
    selected[bin] = sum;
  }
  return { counts, known, selected };
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
  if (positives === 0) return { verdict: "go on", reason: "Nothing positive so far; a handful teaches much." };
  if (positives < 5)
    return { verdict: "go on", reason: `Only ${positives} positive so far; a handful more teaches much.` };
  const now = rounds[rounds.length - 1];
  const count = now.positives + now.negatives;
  const unlearned = count === 0 ? "" : ` It has not yet learned from ${count} of them; the next round does.`;
  if (last === undefined) return { verdict: "go on", reason: `The ranking still gains from answers.${unlearned}` };
  const { expected, settled } = last;
  if (expected !== null && positives >= 0.9 * expected.high)
    return {
      verdict: "may stop",
      reason: `You have found ${positives} of an expected ${Math.round(expected.low)} to ${Math.round(expected.high)} in the whole survey.`,
    };
  // The rest of a page that is being answered may hold what it was shown for.
  const isOpen = now.positives + now.negatives + now.unsure < now.shown;
  const answered = rounds.filter((one) => one.round > 0 && one.precision !== null && !(one === now && isOpen));
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
  return { verdict: "go on", reason: `The ranking still gains from answers.${unlearned}${moved}` };
}
