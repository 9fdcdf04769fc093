/** One COCO annotation: the truth that it tells, or what is wrong with it. */
import type { Field, MaskPx, Truth } from "../contract/detection.ts";
import { maskOfPolygons, maskOfRuns } from "./run-lengths.ts";

type Entry = Record<string, unknown>;

/** Why an annotation cannot be used, with a code of docs/errors.md. */
export interface Fault {
  code: string;
  message: string;
}

/** The truth of an annotation, its box cut to the image; or its fault. */
export function truthOf(entry: Entry, name: string, { width, height }: Pick<Field, "width" | "height">): Truth | Fault {
  const numbers = coordinatesOf(entry);
  if (numbers === null)
    return { code: "ANNOTATION_BROKEN", message: "it has neither a bbox of four numbers nor a segmentation" };
  if (!numbers.every((value) => typeof value === "number" && Number.isFinite(value)))
    return { code: "COORDINATE_NOT_FINITE", message: "a coordinate is NaN, infinite or no number" };
  const { segmentation, attributes } = entry;
  if (Array.isArray(segmentation) && segmentation.some(isShort))
    return { code: "POLYGON_SHORT", message: "a polygon has fewer than 3 corners, or an odd number of coordinates" };
  const mask = maskIn(segmentation, width, height);
  if (mask === null)
    return { code: "RUNS_BROKEN", message: `its run lengths are not those of an image of ${width} x ${height} px` };
  const [x, y, w, h] = (entry.bbox as number[] | undefined) ?? boxOf(mask);
  const said = `its box at (${x}, ${y}), ${w} x ${h} px,`;
  if (!(w > 0 && h > 0)) return { code: "BOX_EMPTY", message: `${said} has no area` };
  if (x >= width || y >= height || x + w <= 0 || y + h <= 0)
    return { code: "BOX_OUTSIDE", message: `${said} lies outside the image of ${width} x ${height} px` };
  return {
    x1: Math.max(0, x),
    y1: Math.max(0, y),
    x2: Math.min(width, x + w),
    y2: Math.min(height, y + h),
    class: name,
    ignore: isSet(entry.iscrowd) || isSet(entry.ignore),
    ...(mask === undefined || mask.width === 0 ? {} : { mask }),
    ...(typeof attributes === "object" && attributes !== null ? { values: plainValues(attributes) } : {}),
  };
}

const isSet = (flag: unknown) => flag === 1 || flag === true;
const isShort = (polygon: unknown) => !Array.isArray(polygon) || polygon.length < 6 || polygon.length % 2 === 1;
const isRuns = (segmentation: unknown): segmentation is { counts: unknown } =>
  typeof segmentation === "object" && segmentation !== null && "counts" in segmentation;

/** All coordinates of the box and the polygons; null where there is neither box nor outline. */
function coordinatesOf({ bbox, segmentation }: Entry): unknown[] | null {
  const polygons = Array.isArray(segmentation) ? segmentation.flat() : [];
  if (bbox !== undefined) return Array.isArray(bbox) && bbox.length === 4 ? [...bbox, ...polygons] : null;
  return polygons.length > 0 || isRuns(segmentation) ? polygons : null;
}

/** Undefined where there is no outline, null where run lengths are of another image. */
function maskIn(segmentation: unknown, width: number, height: number): MaskPx | null | undefined {
  if (isRuns(segmentation)) return maskOfRuns(segmentation.counts, width, height);
  return Array.isArray(segmentation) && segmentation.length > 0
    ? maskOfPolygons(segmentation as number[][], width, height)
    : undefined;
}

const boxOf = (mask: MaskPx | undefined) =>
  mask === undefined ? [0, 0, 0, 0] : [mask.x, mask.y, mask.width, mask.height];

const plainValues = (attributes: object) =>
  Object.fromEntries(
    Object.entries(attributes).filter(([, value]) => typeof value === "number" || typeof value === "string"),
  ) as Record<string, string | number>;
