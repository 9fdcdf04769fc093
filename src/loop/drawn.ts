/** Objects that people drew because a detector had missed them, as rows of an export. */
import type { TableRow } from "../survey/catalogue.ts";
import { readFieldImages, wcsOf } from "../survey/detections.ts";
import type { RankingRequest } from "./ranking.ts";

/**
 * The objects that a session's people drew: no score and no rank, but labels, a place, and of the catalogue's columns those that
 * say where a detection lies. Filters of labels and tags hold for them; what asks for a score, a column, a place on the sky or
 * another session leaves them out. Throws DETECTIONS_BROKEN.
 */
export function drawnRows(
  { folder }: { folder: string },
  { boxes, labels, filter, answers }: Pick<RankingRequest, "boxes" | "labels" | "filter" | "answers">,
): TableRow[] {
  const { label, tag, minScore, maxScore, column, radius, compare } = filter;
  if ([minScore, maxScore, column, radius, compare].some((asked) => asked !== undefined)) return [];
  const drawn = Object.entries(boxes);
  if (drawn.length === 0) return [];
  const fields = new Map((readFieldImages(folder) ?? []).map((field) => [field.name, wcsOf(field)]));
  return drawn.flatMap(([id, { field, box }]): TableRow[] => {
    const own = labels[id];
    if (label !== undefined && (own?.value ?? "none") !== label) return [];
    if (tag !== undefined && own?.tags.includes(tag) !== true) return [];
    const [x1, y1, x2, y2] = box;
    const [x, y] = [(x1 + x2 - 1) / 2, (y1 + y2 - 1) / 2];
    const sky = fields.get(field)?.pixelToSky(x, y) ?? null;
    const given = { label: own?.value ?? "", tags: own?.tags.join(";") ?? "", round: own?.round ?? null };
    const people = { who: own?.who ?? "", time: own?.at ?? "" };
    const opinions = { answers: answers?.[id]?.said ?? "", agreed: answers?.[id]?.agreed ?? "", reason: "drawn" };
    const place = { ra: sky?.raDeg ?? null, dec: sky?.decDeg ?? null, image: field, file: field, x, y, x1, y1, x2, y2 };
    return [{ id, ...given, ...people, ...opinions, ...place }];
  });
}
