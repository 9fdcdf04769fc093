/**
 * What to show next: the alpha rule (paper, section 5.1). P and N are the positives and negatives labelled in the last round.
 * P / N <= alpha: the highest-scored unlabelled objects; P / N > alpha: lower-scored ones. Every case that the paper leaves open is
 * settled here and in docs/decisions/alpha-rule.md.
 */
import { Random } from "../base/random.ts";

export type Mode = "highest" | "lower";

/**
 * Which way the rule points. N = 0 with P > 0 is an infinite ratio (lower, whatever alpha); P = N = 0 (nothing or only "unsure"
 * labelled) tells nothing, and the highest are shown.
 */
export function ruleMode(positives: number, negatives: number, alpha: number): Mode {
  if (positives === 0) return "highest";
  return negatives > 0 && positives / negatives <= alpha ? "highest" : "lower";
}

/**
 * What "lower" means: objects around this quantile of the scores above 0.5, so in the middle of what the model takes for positive; they
 * teach as much as objects of any other score, and more of them are positive than at the first quartile (recipes/choice.ts). With few scores above 0.5 it is the objects nearest 0.5.
 */
export const LOWER_QUANTILE = 0.5;

/** Two objects of one page are near-duplicates when their standardised features have at least this cosine. */
export const DUPLICATE_COSINE = 0.995;

export interface ChooseInput {
  /** Scores of all objects. */
  scores: Float32Array;
  /** Objects that may be shown: neither labelled nor unsure nor shown and skipped. */
  candidates: ArrayLike<number>;
  mode: Mode;
  pageSize: number;
  /** Of the page, so many random picks, drawn from all candidates whatever their score: an unbiased baseline. */
  randomPicks: number;
  seed: number;
  /** Cosine of two objects' features; near-duplicates of what stands on the page already are passed over. */
  similarity?: (a: number, b: number) => number;
}

export interface Chosen {
  row: number;
  reason: "highest" | "lower" | "random";
}

/** The next page, at most `pageSize` objects: the random picks are mixed in at random places. Deterministic in its input. */
export function choose({ scores, candidates, mode, pageSize, randomPicks, seed, similarity }: ChooseInput): { page: Chosen[]; exhausted: boolean } {
  const size = Math.min(pageSize, candidates.length);
  const random = new Random(seed);
  const drawn = random
    .fork("baseline")
    .sample(candidates.length, Math.min(randomPicks, size))
    .map((i) => candidates[i]);
  const taken = new Set(drawn);
  const page: number[] = [];
  const wanted = size - drawn.length;
  const passed: number[] = [];
  for (const row of ordered(scores, candidates, mode, seed, wanted * 8 + drawn.length)) {
    if (page.length === wanted) break;
    if (taken.has(row)) continue;
    const twin = similarity !== undefined && page.some((other) => similarity(row, other) >= DUPLICATE_COSINE);
    (twin ? passed : page).push(row);
  }
  // A pool of nothing but near-duplicates is still shown.
  page.push(...passed.slice(0, wanted - page.length));
  const chosen: Chosen[] = page.map((row) => ({ row, reason: mode }));
  const places = random.fork("places");
  for (const row of drawn) chosen.splice(places.int(chosen.length + 1), 0, { row, reason: "random" });
  return { page: chosen, exhausted: candidates.length <= pageSize };
}

/** The first `limit` candidates in the order the rule shows them; ties by a hash of seed and row, so that file order does not decide. */
function ordered(scores: Float32Array, candidates: ArrayLike<number>, mode: Mode, seed: number, limit: number): number[] {
  const tie = (row: number) => Math.imul(row ^ seed, 0x9e3779b1) >>> 0;
  const by = (key: (row: number) => number) => (a: number, b: number) => key(b) - key(a) || tie(a) - tie(b) || a - b;
  const rows = Array.from(candidates);
  if (mode === "highest")
    return smallest(
      rows,
      by((row) => scores[row]),
      limit,
    );
  const target = lowerTarget(scores, candidates);
  return smallest(
    rows,
    by((row) => -Math.abs(scores[row] - target)),
    limit,
  );
}

/** The score around which "lower" picks lie. */
export function lowerTarget(scores: Float32Array, candidates: ArrayLike<number>): number {
  const above = Array.from(candidates, (row) => scores[row]).filter((score) => score > 0.5);
  if (above.length === 0) return 0.5;
  return Float32Array.from(above).sort()[Math.floor(LOWER_QUANTILE * (above.length - 1))];
}

/** The first `limit` of the sorted rows, without sorting more than needed. */
function smallest(rows: number[], compare: (a: number, b: number) => number, limit: number): number[] {
  if (rows.length <= 4 * limit) return rows.sort(compare).slice(0, limit);
  let kept: number[] = [];
  for (const row of rows) {
    if (kept.length >= limit && compare(row, kept[limit - 1]) >= 0) continue;
    kept.push(row);
    if (kept.length >= 4 * limit) kept = kept.sort(compare).slice(0, limit);
    else if (kept.length <= limit) kept.sort(compare);
  }
  return kept.sort(compare).slice(0, limit);
}
