/** Unlabelled objects that stand for what is not looked for, beside what a person has called so. */
import { Random } from "../base/random.ts";
import type { Unlabelled } from "../contract/api.ts";
import type { Example } from "./learn.ts";

/** So many stand for negatives, and from which share of positives among the examples on they are fewer, and none. */
const BACKGROUND = { most: 100, fewer: 0.2, none: 0.4 } as const;

/**
 * How many unlabelled objects are learned from as negatives beside the examples: 100 while nothing is negative, and as
 * long as no more than a fifth of the examples are positive; with more positives fewer, and none from two fifths on. Pages
 * show what is hard to tell, so that answers do not say what most of a survey looks like; but of a kind that is found
 * often many unlabelled objects are, too (docs/results/feedback.md). `always` is 100 whatever the answers say.
 */
export function backgroundCount(examples: readonly Example[], unlabelled: Unlabelled = "fading"): number {
  const { most, fewer, none } = BACKGROUND;
  if (unlabelled === "always") return most;
  const positives = examples.filter(({ positive }) => positive).length;
  if (positives === examples.length) return most;
  const left = (none - positives / examples.length) / (none - fewer);
  return Math.round(most * Math.min(1, Math.max(0, left)));
}

/**
 * Of the rows of `open`, which nobody has labelled, those that stand for negatives beside the examples. The draw is by
 * the search's seed while nothing is negative, and then another one a round.
 */
export function drawBackground(
  { search, round, unlabelled }: { search: number; round: number; unlabelled?: Unlabelled },
  open: ArrayLike<number>,
  examples: readonly Example[],
): Example[] {
  const begins = examples.every(({ positive }) => positive);
  const count = Math.min(backgroundCount(examples, unlabelled), open.length);
  const drawn = new Random(begins ? search : round).fork("background").sample(open.length, count);
  return Array.from(drawn, (i) => ({ row: open[i], positive: false }));
}
