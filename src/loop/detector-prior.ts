/** What the objects of a survey of detections came with: the detector's scores. */
import { readDetections } from "../survey/detections.ts";
import type { Survey } from "../survey/folder.ts";
import { logitsOf } from "./learn-prior.ts";

/** The logits of the detector's scores by row; an object that was not detected stands below all that were. Throws DETECTIONS_BROKEN. */
export function detectorLogits({ folder, count, indexOf }: Pick<Survey, "folder" | "count" | "indexOf">): Float32Array {
  const scores = new Float32Array(count);
  for (const { id, score } of readDetections(folder)) {
    const row = indexOf(id);
    if (row !== undefined) scores[row] = score;
  }
  return logitsOf(scores);
}
