/**
 * What to show next: the alpha rule (paper, section 5.1). P and N are the positives and negatives labelled in the last
 * round. P / N <= alpha: the highest-scored unlabelled objects; P / N > alpha: lower-scored ones, which here means one
 * of each kind, beside those that an example stands for, among all that the model takes for positive. Every case that
 * the paper leaves open is settled here and in docs/decisions/alpha-rule.md.
 */
import { Random } from "../base/random.ts";
import type { FeatureSpace } from "./learn.ts";
import { cosineOf, DUPLICATE_COSINE, diverseRows } from "./similar.ts";

/**
 * Which scores are shown next: by the alpha rule the highest, or lower ones; on the first page, when no page has been
 * answered and the rule has nothing to go by, some of both.
 */
export type Mode = "highest" | "lower" | "mixed";

/**
 * Which way the rule points. N = 0 with P > 0 is an infinite ratio (lower, whatever alpha); P = N = 0 (nothing or only
 * "unsure" labelled) tells nothing, and the highest are shown.
 */
export function ruleMode(positives: number, negatives: number, alpha: number): "highest" | "lower" {
  if (positives === 0) return "highest";
  return negatives > 0 && positives / negatives <= alpha ? "highest" : "lower";
}

/** Of a mixed page, so large a share has the highest scores (docs/decisions/alpha-rule.md). */
const FIRST_PAGE_HIGHEST = 2 / 3;

/** What a page is chosen from. */
export interface ChooseInput {
  /** Scores of all objects. */
  scores: Float32Array;
  /** Objects that may be shown: neither labelled nor unsure nor shown and skipped. */
  candidates: ArrayLike<number>;
  mode: Mode;
  /** What was learned from: kinds that these objects stand for are not asked for again. */
  examples: readonly { row: number }[];
  pageSize: number;
  /** Of the page, so many random picks, drawn from all candidates whatever their score: an unbiased baseline. */
  randomPicks: number;
  seed: number;
  /** Near-duplicates of what stands on the page already are passed over, and kinds are clusters, in these features. */
  space: FeatureSpace;
  /** Whether near-duplicates may stand on one page. */
  twins?: boolean;
  /** Of a mixed page: the share of the highest. Default: as on first pages. */
  highestShare?: number;
}

/** An object of the next page and why it is shown. */
export interface ChosenObject {
  row: number;
  reason: "highest" | "lower" | "random";
}

/**
 * The next page, at most `pageSize` objects: the random picks are mixed in at random places. Deterministic in its
 * input.
 */
export function choose({
  scores,
  candidates,
  mode,
  examples,
  pageSize,
  randomPicks,
  seed,
  space,
  twins = false,
  highestShare = FIRST_PAGE_HIGHEST,
}: ChooseInput): {
  page: ChosenObject[];
  exhausted: boolean;
} {
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
  const similarity = cosineOf(space);
  const best = (limit: number) => highest(scores, candidates, seed, limit);
  /** Takes from an order until the page has `upTo` objects; returns how many it has then. */
  const takeFrom = (order: number[], upTo: number): number => {
    for (const row of order) {
      if (page.length === upTo) break;
      if (taken.has(row)) continue;
      taken.add(row);
      const twin = !twins && page.some((other) => similarity(row, other) >= DUPLICATE_COSINE);
      (twin ? passed : page).push(row);
    }
    return page.length;
  };
  const many = wanted * 8 + drawn.length;
  const bestOnes =
    mode === "lower" ? 0 : takeFrom(best(many), mode === "mixed" ? Math.ceil(wanted * highestShare) : wanted);
  if (mode !== "highest") {
    const asked = wanted + drawn.length + bestOnes;
    takeFrom(lower(scores, candidates, examples, best, space, asked, random.fork("kinds")), wanted);
  }
  // A pool of nothing but near-duplicates is still shown.
  page.push(...passed.slice(0, wanted - page.length));
  const chosen: ChosenObject[] = page.map((row, i) => ({ row, reason: i < bestOnes ? "highest" : "lower" }));
  const places = random.fork("places");
  for (const row of drawn) chosen.splice(places.int(chosen.length + 1), 0, { row, reason: "random" });
  return { page: chosen, exhausted: candidates.length <= pageSize };
}

/** The `limit` candidates of the highest scores; ties by a hash of seed and row, so that file order does not decide. */
function highest(scores: Float32Array, candidates: ArrayLike<number>, seed: number, limit: number): number[] {
  const tie = (row: number) => Math.imul(row ^ seed, 0x9e3779b1) >>> 0;
  return smallest(candidates, (a, b) => scores[b] - scores[a] || tie(a) - tie(b) || a - b, limit);
}

/** Of more candidates so many, drawn at random, are looked at for kinds: enough for a page, and done in a moment. */
const LOOKED_AT = 2048;
/** Clusterings, of which the closest counts: less luck in what a page teaches. */
const STARTS = 8;

/**
 * What "lower" means: one object of each of `count` kinds that no example stands for, among all that score above a
 * half, the largest kind first (with few of those, among the best 2 `count`); then the others by score. Of the ways
 * tried such a page taught most, with the least luck in it (recipes/choice.ts).
 */
function lower(
  scores: Float32Array,
  candidates: ArrayLike<number>,
  examples: readonly { row: number }[],
  best: (limit: number) => number[],
  space: FeatureSpace,
  count: number,
  random: Random,
): number[] {
  const above: number[] = [];
  for (let i = 0; i < candidates.length; i++) if (scores[candidates[i]] > 0.5) above.push(candidates[i]);
  const rows = above.length >= 2 * count ? above : best(2 * count);
  const known = examples.map(({ row }) => row);
  const kinds = diverseRows(space, count, random, { rows, most: LOOKED_AT, known, starts: STARTS }).map(
    ({ row }) => row,
  );
  const taken = new Set(kinds);
  return [...kinds, ...best(8 * count).filter((row) => !taken.has(row))];
}

/** The first `limit` of the sorted rows, without sorting more than needed. */
function smallest(rows: ArrayLike<number>, compare: (a: number, b: number) => number, limit: number): number[] {
  if (rows.length <= 4 * limit) return Array.from(rows).sort(compare).slice(0, limit);
  let kept: number[] = [];
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i];
    if (kept.length >= limit && compare(row, kept[limit - 1]) >= 0) continue;
    kept.push(row);
    if (kept.length >= 4 * limit) kept = kept.sort(compare).slice(0, limit);
    else if (kept.length <= limit) kept.sort(compare);
  }
  return kept.sort(compare).slice(0, limit);
}
