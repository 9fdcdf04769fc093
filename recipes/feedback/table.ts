/** The ways that are compared: which forms and strengths were tried, and which of each was chosen. */
import type { FineTuning } from "./last-stage.ts";
import type { CommitteeOptions, WeakNegatives } from "./ways.ts";

/** How a way learns from the answers. */
export type Learns =
  | { by: "answers" }
  | { by: "loop" }
  | ({ by: "committee" } & CommitteeOptions)
  | ({ by: "weak negatives" } & WeakNegatives)
  | { by: "weighed features"; prior: number }
  | ({ by: "last stage"; withLoop: boolean } & FineTuning);

/** A way, its name in tables and what it does. */
export interface Way {
  name: string;
  means: string;
  learns: Learns;
}

const ANSWERS: Way = {
  name: "answers alone",
  means: "one learner of the answers, unlabelled objects for negatives only until one is negative: the loop as it was",
  learns: { by: "answers" },
};
const LOOP: Way = {
  name: "loop",
  means:
    "the loop as it is: unlabelled objects among the negatives, 100 at first, fewer where more of the answers are positive",
  learns: { by: "loop" },
};

const committeeOf = (name: string, what: string, bonus: number, disputed: number): Way => ({
  name,
  means: `five learners of resampled answers; ${what}`,
  learns: { by: "committee", members: 5, bonus, disputed },
});
const weakOf = (count: number, weight: number, { lowest = 1, fades }: Partial<WeakNegatives> = {}): Way => ({
  name: `weak ${count} at ${weight}${lowest < 1 ? " far down" : ""}${fades === undefined ? "" : ` fading ${fades}`}`,
  means: `${count} unlabelled objects${lowest < 1 ? ` of the lowest ${lowest} of the ranking` : ""} as negatives of weight ${weight}${fades === undefined ? "" : `, fading ${fades} where more is positive`}, drawn after every page`,
  learns: { by: "weak negatives", count, weight, lowest, ...(fades === undefined ? {} : { fades }) },
});
const weighedOf = (prior: number): Way => ({
  name: `weighed ${prior}`,
  means: `features weighed by the answers' scatter within classes, prior ${prior} examples`,
  learns: { by: "weighed features", prior },
});
/** The image and its inner square score; steps see all views. */
const SCORED_BY = [0, 4];
const tunedOf = (steps: number, rate: number, withLoop: boolean): Way => ({
  name: `last stage ${steps} x ${rate}${withLoop ? " and loop" : ""}`,
  means: `last stage and head, ${steps} steps of 32 views at ${rate}, from the released weights${withLoop ? "; mean of ranks with the learner of the answers alone" : ""}`,
  learns: { by: "last stage", withLoop, steps, rate, headRate: 1e-3, batch: 32, scoredBy: SCORED_BY },
});

/** What is compared on the draws for choosing. */
export const CANDIDATES: Way[] = [
  ANSWERS,
  committeeOf("committee", "their mean", 0, 0),
  committeeOf("committee + 1 sd", "their mean and their scatter", 1, 0),
  committeeOf("committee and disputed quarter", "their mean, a quarter of a page by their scatter", 0, 0.25),
  weakOf(100, 0),
  weakOf(100, 0.1),
  weakOf(100, 0.3),
  weakOf(100, 1),
  weakOf(100, 1, { lowest: 0.5 }),
  weakOf(100, 0.3, { fades: "in weight" }),
  weakOf(100, 1, { fades: "in weight" }),
  weakOf(100, 1, { fades: "in number" }),
  weakOf(100, 1, { fades: "sooner" }),
  weakOf(100, 1, { fades: "later" }),
  weakOf(200, 1, { fades: "sooner" }),
  weighedOf(100),
  tunedOf(15, 1e-4, false),
  tunedOf(30, 1e-4, false),
  tunedOf(30, 3e-4, false),
];

/** What is reported on the test draws. */
export const CHOSEN: Way[] = [
  ANSWERS,
  LOOP,
  weakOf(100, 1),
  committeeOf("committee", "their mean", 0, 0),
  weighedOf(100),
  tunedOf(30, 1e-4, false),
  tunedOf(30, 1e-4, true),
];
