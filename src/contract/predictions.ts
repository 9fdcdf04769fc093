/** What trained heads say of a survey's objects, as the server tells the page. */
import { z } from "zod";

/** A column of numbers that a task predicts. */
export const PredictedColumn = z.object({
  name: z.string(),
  unit: z.string().optional(),
  about: z.string().optional(),
  /** IVOA's name of the quantity. */
  ucd: z.string().optional(),
  /** Whole numbers: flags and counts. */
  whole: z.boolean().optional(),
  /** Of flags: what each bit means, in a word or two, the lowest first. */
  bits: z.array(z.string()).optional(),
});
export type PredictedColumn = z.infer<typeof PredictedColumn>;

/** Predictions that are kept with a survey. */
export const PredictionSet = z.object({
  name: z.string(),
  /** The task that they are of. */
  task: z.string(),
  column: z.string(),
  model: z.string(),
  classes: z.array(z.string()),
  columns: z.array(PredictedColumn),
  madeAt: z.string(),
});
export type PredictionSet = z.infer<typeof PredictionSet>;

/** A head that improves pictures, which the server was started with. */
export const ImageHead = z.object({
  name: z.string(),
  task: z.string(),
  /** What the picture is, as the page says it. */
  caption: z.string(),
  model: z.string(),
});
export type ImageHead = z.infer<typeof ImageHead>;

/** GET …/heads: kept predictions of a survey, and heads that improve pictures. */
export const Heads = z.object({ predictions: z.array(PredictionSet), images: z.array(ImageHead) });
export type Heads = z.infer<typeof Heads>;

/**
 * What one set of predictions says of an object: for classes the probability of each; for any task its rows of numbers,
 * one for each of `columns`. A task that predicts lists has as many rows as it found.
 */
export const ObjectPrediction = z.object({
  name: z.string(),
  task: z.string(),
  column: z.string(),
  classes: z.array(z.string()),
  probabilities: z.array(z.number()),
  columns: z.array(PredictedColumn),
  /** Null: there is no such number of this object. */
  rows: z.array(z.array(z.number().nullable())),
});
export type ObjectPrediction = z.infer<typeof ObjectPrediction>;

/** POST …/predictions/:name: the objects whose most probable class is asked for. */
export const WantedPredictions = z.object({ objects: z.array(z.string()).max(2000) });
/** The most probable class of objects and its probability. */
export const MostProbable = z.array(z.object({ object: z.string(), predicted: z.string(), confidence: z.number() }));
export type MostProbable = z.infer<typeof MostProbable>;
