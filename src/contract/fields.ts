/**
 * The images that a survey of detections was found in: what `fields.json` beside its catalogue says of them, and what the
 * page is told of them and of the candidates in them. Coordinates are pixel edges of the image's file order, as in
 * contract/detection.ts.
 */
import { z } from "zod";

/** As in contract/api.ts, which stands on this file. */
const ObjectId = z.string().min(1).max(200);
const whole = z.number().int().nonnegative();

/**
 * From the file's axes to those of the screen, top row first, north up and east left as nearly as quarters allow: x and y
 * swapped first, then mirrored.
 */
export const FieldTurn = z.object({ swap: z.boolean(), flipX: z.boolean(), flipY: z.boolean() });

/** Four edges of a box, x1 y1 x2 y2; the last two are exclusive. */
export const FieldBox = z
  .tuple([z.number(), z.number(), z.number(), z.number()])
  .refine(([x1, y1, x2, y2]) => x2 > x1 && y2 > y1, "a box has an area: x1 < x2 and y1 < y2");

/** An image of `fields.json`. Its picture lies in `fields/`, in a folder by its place here, as LEVEL-COLUMN-ROW.webp. */
export const FieldImage = z.object({
  /** As the catalogue's column `image` has it. */
  name: z.string(),
  /** Its files, one or one a band, and the bands that were used. */
  paths: z.array(z.string()),
  /** Its mask of bad pixels, where it was searched with one. */
  maskPath: z.string().optional(),
  bands: z.array(z.string()),
  unit: z.string(),
  kind: z.enum(["flux", "colour"]),
  widthPx: whole,
  heightPx: whole,
  pixelScaleArcsec: z.number().nullable(),
  /** Header cards that place it on the sky. */
  cards: z.array(z.tuple([z.string(), z.string(), z.string()])),
  turn: FieldTurn,
  tilePx: whole,
  /** Pictures of full size are level 0, each further level is half as large; so many levels there are. */
  levels: whole,
  stampPx: whole,
});

/** The sky over an image as the page shows it: unit vectors on a grid of `columns` x `rows` points from corner to corner. */
export const FieldSky = z.object({ columns: whole, rows: whole, vectors: z.array(z.number()) });

/** GET …/fields: the images, each with the number of its candidates; sizes are those of the file's axes. */
export const FieldInfo = FieldImage.pick({
  name: true,
  widthPx: true,
  heightPx: true,
  pixelScaleArcsec: true,
  turn: true,
  tilePx: true,
  levels: true,
}).extend({ candidates: whole });

/**
 * A candidate where it was found: box, outline of the mask (closed lines x, y, x, y, …; even-odd), and the first corner of its
 * stamp, which is turned as the image is.
 */
export const Candidate = z.object({
  object: ObjectId,
  field: z.string(),
  box: z.array(z.number()).length(4),
  outline: z.array(z.array(z.number())),
  class: z.string(),
  score: z.number(),
  turn: FieldTurn,
  stamp: z.object({ x: z.number(), y: z.number(), sizePx: whole }),
});

/** GET …/fields/:field: an image with its sky and its candidates, highest score first. */
export const FieldView = FieldInfo.omit({ candidates: true }).extend({
  sky: FieldSky.nullable(),
  candidates: z.array(Candidate),
});

/** POST …/candidates: which objects; the answer leaves out those that were not detected in an image. */
export const AskCandidates = z.object({ objects: z.array(ObjectId).max(2000) });

/** An object that a person drew as a box on an image because the detector had missed it. */
export const DrawnBox = z.object({ field: z.string().min(1).max(200), box: FieldBox });

export type FieldTurn = z.infer<typeof FieldTurn>;
export type FieldImage = z.infer<typeof FieldImage>;
export type FieldSky = z.infer<typeof FieldSky>;
export type FieldInfo = z.infer<typeof FieldInfo>;
export type FieldView = z.infer<typeof FieldView>;
export type Candidate = z.infer<typeof Candidate>;
export type DrawnBox = z.infer<typeof DrawnBox>;
