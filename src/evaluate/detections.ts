/** Detections of any program, as COCO's results, measured against fields whose objects are known. */
import { existsSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { SkyloopError } from "../base/errors.ts";
import { readJson } from "../base/files.ts";
import type { Detection, Field } from "../contract/detection.ts";
import { type DetectionMeasures, detectionMeasures } from "../measure/detection-measures.ts";
import { type FieldFolder, readFields } from "../survey/annotations.ts";
import { fieldScale } from "../survey/field-scale.ts";
import { maskOfRuns } from "../survey/run-lengths.ts";
import { groundsOf, readBackgroundKinds } from "./grounds.ts";

interface Result {
  image_id: unknown;
  bbox: number[];
  score: number;
  category_id?: unknown;
  class?: string;
  image?: string;
  segmentation?: { counts: unknown };
}

/**
 * Detections of a folder of `skyloop detect`, or of a file of COCO's results, a list a field. Fields are told by the results' `image`
 * where it is there, else by `image_id`, and classes by `class` or `category_id`, the ids in annotations.json. What was found in an
 * image that was left out is left out too. Throws RESULTS_BROKEN, FILE_UNREADABLE.
 */
function readDetections(path: string, { fields, imageIds, classIds }: FieldFolder): Detection[][] {
  const file = existsSync(path) && statSync(path).isDirectory() ? join(path, "detections.json") : path;
  const results = readJson(file);
  const broken = (what: string) =>
    new SkyloopError(
      "RESULTS_BROKEN",
      `${file}: ${what}; COCO's results are a list of image_id, category_id, bbox and score`,
    );
  if (!Array.isArray(results)) throw broken("it is no list");
  const byName = new Map(
    fields.flatMap(
      (field, i) =>
        [
          [field.id, i],
          [basename(field.id), i],
        ] as [string, number][],
    ),
  );
  const placeOf = new Map<Field | null | undefined, number>(fields.map((field, i) => [field, i]));
  const found: Detection[][] = fields.map(() => []);
  for (const [i, result] of (results as Result[]).entries()) {
    const { image, image_id, bbox, score, category_id, segmentation } = result ?? {};
    if (image === undefined && imageIds.get(image_id) === null) continue;
    const at = image === undefined ? placeOf.get(imageIds.get(image_id)) : byName.get(image);
    if (at === undefined) throw broken(`result ${i + 1} is of ${image ?? image_id}, which is none of the fields`);
    if (!Array.isArray(bbox) || bbox.length !== 4 || ![...bbox, score].every((value) => Number.isFinite(value)))
      throw broken(`result ${i + 1} has no box of four numbers with a score`);
    const name = result.class ?? classIds.get(category_id);
    if (name === undefined) throw broken(`result ${i + 1} is of category ${category_id}, which is none of the fields'`);
    const [x, y, w, h] = bbox;
    const mask =
      segmentation === undefined ? null : maskOfRuns(segmentation.counts, fields[at].width, fields[at].height);
    found[at].push({ x1: x, y1: y, x2: x + w, y2: y + h, class: name, score, ...(mask === null ? {} : { mask }) });
  }
  return found;
}

/** Measures of a class, and the mean area of a field; null where the first image does not say how large its pixels are. */
export interface FieldMeasures extends DetectionMeasures {
  fieldSquareArcmin: number | null;
}

/** What is measured: classes (all unless given), the score of purity, whether all are one class; a table of what backgrounds are of. */
export interface EvaluateDetectionsOptions {
  classes?: string[];
  threshold?: number;
  /** Every detection and every object are of one class. */
  anyClass: boolean;
  backgroundLabels?: string;
}

/** Reads both and measures each class that is detected. Throws what `readFields` and `readBackgroundKinds` throw, RESULTS_BROKEN. */
export async function evaluateDetections(
  path: string,
  folder: string,
  { classes, threshold, anyClass, backgroundLabels }: EvaluateDetectionsOptions,
): Promise<FieldMeasures[]> {
  const read = await readFields(folder, { classes, decodeImages: false });
  const everything = classes === undefined ? read : await readFields(folder, { decodeImages: false });
  const backgrounds = backgroundLabels === undefined ? undefined : await readBackgroundKinds(backgroundLabels);
  const { fields, classes: known } = read;
  const found = readDetections(path, read);
  const scale = fieldScale(fields[0]);
  const pixels = fields.reduce((sum, { width, height }) => sum + width * height, 0) / fields.length;
  const fieldSquareArcmin = scale === null ? null : pixels * (scale / 60) ** 2;
  const measured = (name: string, of: Detection[][], judged: Pick<Field, "truths">[]) => ({
    ...detectionMeasures(of, judged, {
      class: name,
      threshold,
      grounds: groundsOf(everything.fields, name, backgrounds),
    }),
    fieldSquareArcmin,
  });
  if (!anyClass) return known.map((name) => measured(name, found, fields));
  const alike = <T extends { class: string }>(list: T[]) => list.map((one) => ({ ...one, class: "any" }));
  const judged = fields.map((field) => ({ truths: alike(field.truths) }));
  return [measured("any", found.map(alike), judged)];
}
