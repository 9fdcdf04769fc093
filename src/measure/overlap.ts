/** How far two regions of an image agree: boxes and masks. */
import type { Detection, MaskPx } from "../contract/detection.ts";

/** What has a box (x2, y2 exclusive) and, where it has one, a mask. */
export type Region = Pick<Detection, "x1" | "y1" | "x2" | "y2" | "mask">;

/** Regions are compared by their boxes or by their masks. */
export type OverlapKind = "box" | "mask";

/** Pixels of a region. */
export function areaOf(region: Region, kind: OverlapKind): number {
  const { x1, y1, x2, y2, mask } = region;
  return kind === "box" || mask === undefined ? (x2 - x1) * (y2 - y1) : countBits(mask);
}

const counted = new WeakMap<MaskPx, number>();

function countBits(mask: MaskPx): number {
  let count = counted.get(mask);
  if (count !== undefined) return count;
  count = 0;
  for (let i = 0; i < mask.bits.length; i++) count += mask.bits[i];
  counted.set(mask, count);
  return count;
}

function sharedBox(a: Region, b: Region): number {
  const width = Math.min(a.x2, b.x2) - Math.max(a.x1, b.x1);
  const height = Math.min(a.y2, b.y2) - Math.max(a.y1, b.y1);
  return width > 0 && height > 0 ? width * height : 0;
}

function sharedMask(a: MaskPx, b: MaskPx): number {
  const [x0, x1] = [Math.max(a.x, b.x), Math.min(a.x + a.width, b.x + b.width)];
  const [y0, y1] = [Math.max(a.y, b.y), Math.min(a.y + a.height, b.y + b.height)];
  let count = 0;
  for (let y = y0; y < y1; y++)
    for (let x = x0; x < x1; x++)
      count += a.bits[(y - a.y) * a.width + x - a.x] & b.bits[(y - b.y) * b.width + x - b.x];
  return count;
}

/**
 * Intersection over union of a detection and a truth. Of a truth that is `ignore` any part may be detected: intersection over the
 * detection's area (COCO's rule for crowds). Without masks, masks are the whole boxes.
 */
export function overlapOf(found: Region, truth: Region & { ignore?: boolean }, kind: OverlapKind): number {
  const masks = kind === "mask" && found.mask !== undefined && truth.mask !== undefined;
  const shared = masks ? sharedMask(found.mask as MaskPx, truth.mask as MaskPx) : sharedBox(found, truth);
  if (shared === 0) return 0;
  const own = areaOf(found, kind);
  return shared / (truth.ignore === true ? own : own + areaOf(truth, kind) - shared);
}
