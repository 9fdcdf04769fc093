/** Detections of any program, as COCO's results, measured against fields whose objects are known. */
import { existsSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { SkyloopError } from "../base/errors.ts";
import { readJson } from "../base/files.ts";
import type { Detection, Field } from "../contract/detection.ts";
import { type DetectionMeasures, detectionMeasures } from "../measure/detection-measures.ts";
import { readFields } from "../survey/annotations.ts";
import { maskOfRuns } from "../survey/run-lengths.ts";

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
 * where it is there, else by `image_id`, the number of the field from 1. Throws RESULTS_BROKEN, FILE_UNREADABLE.
 */
function readDetections(path: string, fields: Field[], classes: string[]): Detection[][] {
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
  const found: Detection[][] = fields.map(() => []);
  for (const [i, result] of (results as Result[]).entries()) {
    const { image, image_id, bbox, score, category_id, segmentation } = result ?? {};
    const at = image === undefined ? Number(image_id) - 1 : byName.get(image);
    if (at === undefined || fields[at] === undefined)
      throw broken(`result ${i + 1} is of ${image ?? image_id}, which is none of the fields`);
    if (!Array.isArray(bbox) || bbox.length !== 4 || ![...bbox, score].every((value) => Number.isFinite(value)))
      throw broken(`result ${i + 1} has no box of four numbers with a score`);
    const name = result.class ?? classes[Number(category_id) - 1];
    if (name === undefined) throw broken(`result ${i + 1} is of category ${category_id}, which is none of the fields'`);
    const [x, y, w, h] = bbox;
    const mask =
      segmentation === undefined ? null : maskOfRuns(segmentation.counts, fields[at].width, fields[at].height);
    found[at].push({ x1: x, y1: y, x2: x + w, y2: y + h, class: name, score, ...(mask === null ? {} : { mask }) });
  }
  return found;
}

/** Reads both and measures each class that is detected. `anyClass`: every detection and every object are of one class. */
export async function evaluateDetections(
  path: string,
  folder: string,
  { classes, threshold, anyClass }: { classes?: string[]; threshold?: number; anyClass: boolean },
): Promise<DetectionMeasures[]> {
  const { fields, classes: known } = await readFields(folder, { classes, decodeImages: false });
  const found = readDetections(path, fields, known);
  if (!anyClass) return known.map((name) => detectionMeasures(found, fields, { class: name, threshold }));
  const alike = <T extends { class: string }>(list: T[]) => list.map((one) => ({ ...one, class: "any" }));
  const judged = fields.map((field) => ({ truths: alike(field.truths) }));
  return [detectionMeasures(found.map(alike), judged, { class: "any", threshold })];
}
