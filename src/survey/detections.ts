/** A survey of detections: the images that its objects were found in, and where in them. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { messageOf, SkyloopError } from "../base/errors.ts";
import type { MaskPx } from "../contract/detection.ts";
import { type Candidate, FieldImage, type FieldSky } from "../contract/fields.ts";
import type { Survey } from "./folder.ts";
import { maskOutline } from "./outline.ts";
import { maskOfRuns } from "./run-lengths.ts";
import { parseWcs, type Wcs } from "./wcs.ts";

/** File that tells of the images; a survey folder without it is none of detections. */
export const FIELDS_FILE = "fields.json";
/** Folder of the images' pictures, one below it for each, named by its place from 1. */
const FIELDS_FOLDER = "fields";

/** Name of an image's folder of pictures. */
export const fieldFolder = (place: number): string => join(FIELDS_FOLDER, String(place + 1).padStart(4, "0"));

/** Names one tile of an image's picture. */
export const fieldTile = (level: number, column: number, row: number): string => `${level}-${column}-${row}.webp`;

const Entry = z.object({
  id: z.string(),
  image: z.string(),
  class: z.string(),
  score: z.number(),
  bbox: z.tuple([z.number(), z.number(), z.number(), z.number()]),
  segmentation: z.object({ size: z.array(z.number()), counts: z.string() }).optional(),
});

/** A detection as its folder keeps it. */
export type DetectionEntry = z.infer<typeof Entry>;

const broken = (path: string, why: string) =>
  new SkyloopError("DETECTIONS_BROKEN", `${path} is not as \`skyloop detect\` writes it (${why}); run it again`);

function readList<T>(path: string, shape: z.ZodType<T>): T[] {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw broken(path, messageOf(cause));
  }
  const parsed = z.array(shape).safeParse(content);
  if (parsed.success) return parsed.data;
  throw broken(path, `${parsed.error.issues[0].path.join(".")}: ${parsed.error.issues[0].message}`);
}

/** The images of a survey of detections; null where the folder is none. Throws DETECTIONS_BROKEN. */
export function readFieldImages(folder: string): FieldImage[] | null {
  const path = join(folder, FIELDS_FILE);
  return existsSync(path) ? readList(path, FieldImage) : null;
}

/** What was found in a folder of detections, highest score first. Throws DETECTIONS_BROKEN. */
export function readDetections(folder: string): DetectionEntry[] {
  return readList(join(folder, "detections.json"), Entry);
}

/** The mask of a detection, where it has one. */
export function maskOf({ segmentation }: Pick<DetectionEntry, "segmentation">): MaskPx | null {
  if (segmentation === undefined) return null;
  const [height, width] = segmentation.size;
  return maskOfRuns(segmentation.counts, width, height);
}

/** The coordinates of an image on the sky; null where it has none. */
export function wcsOf({ cards }: Pick<FieldImage, "cards">): Wcs | null {
  try {
    return parseWcs(cards);
  } catch {
    return null;
  }
}

/** A detection as the page draws it; null where the survey has no such object. */
export function candidateOf(survey: Survey, field: FieldImage, entry: DetectionEntry): Candidate | null {
  const row = survey.indexOf(entry.id);
  if (row === undefined) return null;
  const [x, y, width, height] = entry.bbox;
  const mask = maskOf(entry);
  const { columns, widthPx: sizePx } = survey.row(row);
  const corner = (centre: unknown) => Math.round(Number(centre) - (sizePx - 1) / 2);
  return {
    object: entry.id,
    field: field.name,
    box: [x, y, x + width, y + height],
    outline: mask === null ? [] : maskOutline(mask),
    class: entry.class,
    score: entry.score,
    turn: field.turn,
    stamp: { x: corner(columns.x), y: corner(columns.y), sizePx },
  };
}

/** Points of the sky along a side of an image: what lies between them follows to far below a pixel. */
const SKY_POINTS = 33;

/**
 * The sky over an image on a grid of points in the file's axes, as unit vectors, so that whoever has no projections of their own
 * can look positions up; null where it has none, or none somewhere on the grid.
 */
export function skyGrid(field: Pick<FieldImage, "cards" | "widthPx" | "heightPx">): FieldSky | null {
  const wcs = wcsOf(field);
  if (wcs === null) return null;
  const vectors: number[] = [];
  for (let j = 0; j < SKY_POINTS; j++)
    for (let i = 0; i < SKY_POINTS; i++) {
      // Corner to corner: edges, which lie half a pixel beyond the centres of the first and last pixels.
      const at = (k: number, length: number) => (k / (SKY_POINTS - 1)) * length - 0.5;
      const sky = wcs.pixelToSky(at(i, field.widthPx), at(j, field.heightPx));
      if (sky === null) return null;
      const [ra, dec] = [(sky.raDeg * Math.PI) / 180, (sky.decDeg * Math.PI) / 180];
      vectors.push(Math.cos(dec) * Math.cos(ra), Math.cos(dec) * Math.sin(ra), Math.sin(dec));
    }
  return { columns: SKY_POINTS, rows: SKY_POINTS, vectors };
}
