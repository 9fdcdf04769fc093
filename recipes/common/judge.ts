/** What candidates of a folder of detections are by the truth of the fields that they were found in. */
import type { Detection } from "../../src/contract/detection.ts";
import { matchDetections } from "../../src/measure/detection.ts";
import type { readFields } from "../../src/survey/annotations.ts";
import type { DetectionEntry } from "../../src/survey/detections.ts";

const detectionOf = ({ bbox: [x, y, width, height], score }: DetectionEntry): Detection => ({
  x1: x,
  y1: y,
  x2: x + width,
  y2: y + height,
  class: "lens",
  score,
});

/** Whether COCO's rule matches a candidate with a lens at that overlap; those that it leaves out are not in the map. */
export function lensesAmong(
  entries: readonly DetectionEntry[],
  fields: Awaited<ReturnType<typeof readFields>>["fields"],
  overlap = 0.5,
): Map<DetectionEntry, boolean> {
  const entryOf = new Map(entries.map((entry) => [detectionOf(entry), entry]));
  const inField = fields.map(({ id }) => [...entryOf].flatMap(([box, { image }]) => (image === id ? [box] : [])));
  const { matched } = matchDetections(inField, fields, { class: "lens", threshold: overlap });
  return new Map(
    matched
      .filter(({ ignored }) => !ignored)
      .map(({ detection, truth }) => [entryOf.get(detection) as DetectionEntry, truth >= 0]),
  );
}
