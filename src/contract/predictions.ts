/** What trained heads say of a survey's objects, as the server tells the page. */
import { z } from "zod";

/** Predictions that are kept with a survey. */
export const PredictionSet = z.object({
  name: z.string(),
  column: z.string(),
  model: z.string(),
  classes: z.array(z.string()),
  madeAt: z.string(),
});
export type PredictionSet = z.infer<typeof PredictionSet>;

/** A head that improves pictures, which the server was started with. */
export const ImageHead = z.object({ name: z.string(), task: z.enum(["restore", "reconstruct"]), model: z.string() });
export type ImageHead = z.infer<typeof ImageHead>;

/** GET …/heads: kept predictions of a survey, and heads that improve pictures. */
export const Heads = z.object({ predictions: z.array(PredictionSet), images: z.array(ImageHead) });
export type Heads = z.infer<typeof Heads>;

/** The probability of each class of an object, by one set of predictions. */
export const ObjectPrediction = z.object({
  name: z.string(),
  column: z.string(),
  classes: z.array(z.string()),
  probabilities: z.array(z.number()),
});
export type ObjectPrediction = z.infer<typeof ObjectPrediction>;

/** POST …/predictions/:name: the objects whose most probable class is asked for. */
export const WantedPredictions = z.object({ objects: z.array(z.string()).max(2000) });
/** The most probable class of objects and its probability. */
export const MostProbable = z.array(z.object({ object: z.string(), predicted: z.string(), confidence: z.number() }));
export type MostProbable = z.infer<typeof MostProbable>;
