/** Objects by what they are like, as the server answers: the unusual first, and those like some examples. */
import { z } from "zod";
import { ObjectId, ObjectRow } from "./api.ts";

const NearObject = z.object({ object: ObjectId, similarity: z.number() });

/** A number in which an object is far from the survey's median, in robust standard deviations. */
export const FarNumber = z.object({
  name: z.string(),
  value: z.number(),
  unit: z.string().optional(),
  sigmas: z.number(),
});
export type FarNumber = z.infer<typeof FarNumber>;

/**
 * GET …/unusual: an object, how unusual it is (0 to 1), its nearest neighbours, and the numbers in which it is far from
 * the survey's median, in robust standard deviations.
 */
export const UnusualObject = ObjectRow.extend({
  score: z.number(),
  near: z.array(NearObject),
  far: z.array(FarNumber),
});
export type UnusualObject = z.infer<typeof UnusualObject>;

/** POST …/similar: examples by id, as a text of positions, or as picture files in base64; and counterexamples. */
export const SimilarRequest = z.object({
  model: z.string().optional(),
  like: z.array(ObjectId).max(500).default([]),
  unlike: z.array(ObjectId).max(500).default([]),
  /** Ids or positions, one a line; each stands for the nearest object within the radius. */
  at: z.string().max(20_000).optional(),
  radiusArcsec: z.number().min(0.1).max(3600).default(5),
  /** JPEG, PNG or WebP. */
  pictures: z.array(z.string().max(24e6)).max(8).default([]),
  k: z.number().int().min(1).max(500).default(24),
});

/** An object that was found, its similarity (mean cosine to the examples less half that to the counterexamples). */
export const SimilarObject = ObjectRow.extend({
  similarity: z.number(),
  /** Objects that are nearly the same (cosine of at least 0.995). */
  duplicates: z.array(ObjectId),
});

/** Examples and counterexamples, by id, position or picture, and how many objects are wanted. */
export type SimilarRequest = z.infer<typeof SimilarRequest>;
/** One of the objects nearest to the examples, with its cosine and its near-duplicates. */
export type SimilarObject = z.infer<typeof SimilarObject>;
