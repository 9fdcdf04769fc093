/**
 * A survey on disk, as every part of the program sees it. A survey is a folder:
 *
 *     survey.json           SurveyHeader
 *     catalogue.parquet     one row an object; the reserved columns below, then the user's own
 *     stamps/0000.pack      stamps one after another, up to 1 GiB a file
 *     problems.json         Problem[]: what could not be taken in, and why
 *     features/<model>/     features.f32 (little-endian [count, dim]) or features.i8 (eight bits), features.json
 *     skyloop.db            SQLite: sessions, label events, rounds, runs
 *
 * A simulated survey may hold no packs: its stamps are drawn from their seed. Else a stamp is stored as it came where that loses nothing (the bytes of a JPEG, PNG or WebP file), else as float32
 * little-endian [bands, height, width], in the survey's unit. Row 0 of the array is the first row of the file: the
 * bottom of the sky for FITS.
 */
import { z } from "zod";

/**
 * How the bytes of a stamp are read: a picture file as it came, raw little-endian float32, or `drawn`: no bytes are
 * kept, the simulator makes the stamp anew when it is asked for.
 */
export const Codec = z.enum(["jpeg", "png", "webp", "f32", "drawn"]);

/** What simulated stamps are made from: with the number of a galaxy it gives the galaxy and every pixel. */
export const Simulation = z.object({
  /** Version of the simulator; another one makes other pixels. */
  simulator: z.number().int(),
  seed: z.number().int(),
  sizePx: z.number().int(),
  /** Share of each class; they add up to 1. */
  shares: z.record(z.string(), z.number()),
  /** Range of half-light radii in arcsec; null where they follow the class and the size of the stamp. */
  radiusArcsec: z.tuple([z.number(), z.number()]).nullable(),
});

/** What pixels are: calibrated flux in a unit, or pictures whose stretch cannot be undone. */
export const PixelKind = z.enum(["flux", "colour"]);
export type PixelKind = z.infer<typeof PixelKind>;

/** Flux surveys hold calibrated pixels in `unit`; colour surveys hold pictures whose stretch cannot be undone. */
export const SurveyHeader = z.object({
  format: z.literal("skyloop-survey"),
  version: z.literal(1),
  title: z.string(),
  createdAt: z.string(),
  command: z.string(),
  seed: z.number().int().nullable(),
  count: z.number().int(),
  kind: PixelKind,
  bands: z.array(z.string()).min(1),
  unit: z.string(),
  pixelScaleArcsec: z.number().nullable(),
  /** Whether stamps are cropped to the galaxy before a model sees them (facts: adaptive crop). */
  adaptiveCrop: z.boolean(),
  /** Folder of images that the survey is of; absent where it is of other things, or older. */
  imagesFolder: z.string().optional(),
  /** Present where stamps are drawn when they are asked for. */
  simulation: Simulation.optional(),
  /** SHA-256 over the packs and the catalogue: names the data in runs. */
  dataHash: z.string(),
  /** Data hashes before images were added or the survey was made again: its labels are still those given then. */
  formerHashes: z.array(z.string()).optional(),
});

/** A file or row that was not taken in, or was with a reservation (`kept`). */
export const Problem = z.object({ source: z.string(), code: z.string(), message: z.string(), kept: z.boolean() });

/** Reserved catalogue columns; `index` is the row number and the row of every feature matrix. */
export const RESERVED_COLUMNS = [
  "id",
  "ra",
  "dec",
  "source",
  "pack",
  "offset",
  "bytes",
  "codec",
  "width",
  "height",
  "quality",
] as const;

/** Where a stamp's bytes stand. */
export interface StampPlace {
  pack: number;
  offset: number;
  bytes: number;
  codec: z.infer<typeof Codec>;
  widthPx: number;
  heightPx: number;
}

/** One row of the catalogue. `quality` is a bit mask (docs/conventions.md). */
export interface CatalogueRow extends StampPlace {
  id: string;
  raDeg: number | null;
  decDeg: number | null;
  source: string;
  quality: number;
  columns: Record<string, string | number | boolean | null>;
}

export type Codec = z.infer<typeof Codec>;
export type Simulation = z.infer<typeof Simulation>;
export type SurveyHeader = z.infer<typeof SurveyHeader>;
export type Problem = z.infer<typeof Problem>;
