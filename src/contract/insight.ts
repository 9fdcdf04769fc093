/**
 * What the page shows of how well a search goes, why an object is recommended, and where objects lie. Checked where it
 * enters, as in api.ts.
 */
import { z } from "zod";
import { LabelValue, ObjectId, SessionId } from "./api.ts";

/** A number with its 95 % interval. */
export const Estimate = z.object({ value: z.number(), low: z.number(), high: z.number() });

/**
 * What is selected by a lowest score: how many objects, which share of them is expected to be positive, and which share
 * of all positives they are.
 */
export const Cut = z.object({
  score: z.number(),
  selected: z.number().int(),
  purity: Estimate,
  completeness: Estimate,
});

/** What a finished round tells about the search. */
export const Assessment = z.object({
  round: z.number().int(),
  positives: z.number().int(),
  negatives: z.number().int(),
  /**
   * Positives expected in the whole survey. Null with too few answers to objects that the loop showed, or to random
   * picks.
   */
  expected: Estimate.nullable(),
  cuts: z.array(Cut),
  /**
   * Answered random picks: they give `expected` and `cuts` their level. With fewer than eight their intervals are wide,
   * and the values alone mean little.
   */
  randomPicks: z.number().int(),
  /** Share of the last ranking's top that is still in this one's; null in the first. */
  settled: z.number().nullable(),
  /** The ranking's top, to compare the next one with. */
  top: z.array(z.number().int()),
});

/** Whether to label another round or to stop, with the reason as a sentence. */
export const Advice = z.object({ verdict: z.enum(["go on", "may stop"]), reason: z.string() });

/** Scores of the whole survey in bins: n + 1 `edges` from 0 to 1, and n counts of all objects and of those labelled. */
export const Histogram = z.object({
  edges: z.array(z.number()),
  all: z.array(z.number()),
  positive: z.array(z.number()),
  negative: z.array(z.number()),
});

/** GET /api/sessions/:session/learning. */
export const Learning = z.object({ histogram: Histogram.nullable(), assessments: z.array(Assessment), advice: Advice });

/**
 * GET /api/sessions/:session/purity: what verdicts on a detector's candidates say of its scores. Null for a session that does not check
 * candidates.
 */
export const ScorePurity = z.object({
  candidates: z.number().int(),
  /** Candidates with a yes or a no, and how many of these are a yes. */
  looked: z.number().int(),
  positives: z.number().int(),
  /** By score in [from, to): candidates, those looked at, those of them that are real, and Wilson's 95 % interval of that share. */
  bins: z.array(
    z.object({
      from: z.number(),
      to: z.number(),
      candidates: z.number().int(),
      tries: z.number().int(),
      hits: z.number().int(),
      low: z.number(),
      high: z.number(),
    }),
  ),
  /** The probability that a score stands for, at scores from 0 to 1; null where `lacks` says why there is none. */
  curve: z.array(z.object({ score: z.number(), probability: z.number() })).nullable(),
  lacks: z.string().nullable(),
  /** The least score that was looked at: the curve below is drawn out from above. */
  leastLooked: z.number().nullable(),
});

/** Why an object has its score. */
export const Why = z.object({
  score: z.number(),
  /** Labelled examples whose labels raise (positive) or lower (negative) the score most, in shares of the largest. */
  examples: z.array(z.object({ object: ObjectId, label: LabelValue, influence: z.number() })),
  /**
   * Change of the score's logit when a patch is blurred away, [size, size], first row as the model sees it; null
   * without the model's weights.
   */
  heat: z
    .object({
      size: z.number().int(),
      values: z.array(z.number()),
      /** The square of the stamp that the model sees, in its pixels, first row as stored. */
      box: z.object({ x0: z.number(), y0: z.number(), sizePx: z.number() }),
    })
    .nullable(),
  how: z.string(),
});

/** Which objects of a ranking, in which order. As in an address: numbers are read from text. */
export const RankingFilter = z.object({
  label: z.union([LabelValue, z.literal("none")]).optional(),
  minScore: z.coerce.number().optional(),
  maxScore: z.coerce.number().optional(),
  tag: z.string().optional(),
  /** A catalogue column, with the least and the greatest value, or the value (as text). */
  column: z.string().optional(),
  least: z.coerce.number().optional(),
  greatest: z.coerce.number().optional(),
  equals: z.string().optional(),
  /** A cone on the sky, degrees. */
  ra: z.coerce.number().optional(),
  dec: z.coerce.number().optional(),
  radius: z.coerce.number().positive().optional(),
  /** Another session on the same survey, whose score and label are put beside. */
  compare: SessionId.optional(),
  /** With `compare`: only objects whose labels differ, or agree; both sessions must have answered. */
  agreement: z.enum(["differ", "agree"]).optional(),
  /** "highest" and "smallest" values of `column` first; objects without a value are left out. */
  order: z.enum(["score", "lowest", "id", "difference", "highest", "smallest"]).default("score"),
});

/**
 * What the next round would show first by either side of the alpha rule, from the last ranking; which side it is
 * follows from the answers and alpha.
 */
export const Preview = z.object({
  round: z.number().int(),
  positives: z.number().int(),
  negatives: z.number().int(),
  highest: z.array(ObjectId),
  lower: z.array(ObjectId),
});

/** Objects found for typed or uploaded ids and coordinates, and the lines that found none. */
export const Lookup = z.object({
  text: z.string().max(20e6),
  radiusArcsec: z.number().min(0.1).max(3600).default(5),
});

/** Bytes of the largest table that is taken in: an export of a million objects, as JSON. */
export const LARGEST_TABLE = 150e6;

/**
 * Other programs of this machine (TOPCAT, Aladin, DS9) by SAMP: whether the server may (`allowed`), whether a hub runs, who is there,
 * and the object that one of them pointed at last; `count` grows with each.
 */
export const SampState = z.object({
  allowed: z.boolean(),
  hub: z.boolean(),
  connected: z.boolean(),
  peers: z.array(z.object({ id: z.string(), name: z.string(), tables: z.boolean(), positions: z.boolean() })),
  selected: z.object({ survey: z.string(), object: ObjectId, count: z.number().int() }).nullable(),
});

/** Labels from a table, to look at (`apply` false) or to save. */
export const ImportLabels = z.object({
  who: z.string().trim().min(1).max(80),
  text: z.string().max(LARGEST_TABLE),
  apply: z.boolean().default(false),
});
/**
 * What a table of labels would change or has changed, counted by object; `unknown` are ids that the survey does not have.
 */
export const Imported = z.object({
  fresh: z.number().int(),
  same: z.number().int(),
  conflicts: z.array(z.object({ object: ObjectId, here: LabelValue, who: z.string(), imported: LabelValue })),
  unknown: z.array(z.string()),
  saved: z.boolean(),
});

export type Estimate = z.infer<typeof Estimate>;
export type Cut = z.infer<typeof Cut>;
export type Assessment = z.infer<typeof Assessment>;
export type Advice = z.infer<typeof Advice>;
export type Histogram = z.infer<typeof Histogram>;
export type Learning = z.infer<typeof Learning>;
export type ScorePurity = z.infer<typeof ScorePurity>;
export type Why = z.infer<typeof Why>;
export type Imported = z.infer<typeof Imported>;
export type SampState = z.infer<typeof SampState>;
export type RankingFilter = z.infer<typeof RankingFilter>;
export type Preview = z.infer<typeof Preview>;
