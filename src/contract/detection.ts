/**
 * Objects in fields: what a detector found, and what is known to be there. Coordinates are 0-based pixels of the image's
 * file order, and edges, not centres: pixel (x, y) covers [x, x + 1) by [y, y + 1), so x2 and y2 are exclusive and a box
 * holds x2 - x1 pixels across. The middle of a box in the coordinates of `Wcs` is ((x1 + x2 - 1) / 2, (y1 + y2 - 1) / 2).
 */

import type { LabelValue } from "./api.ts";
import type { DrawnBox } from "./fields.ts";

/** An upright box in pixel edges; x2 and y2 are exclusive. */
export interface BoxPx {
  x1: number;
  y1: number;
  x2: number;
  y2: number;
}

/** Which pixels belong to an object: 0 or 1, row by row, of a window of whole pixels of the image. */
export interface MaskPx {
  x: number;
  y: number;
  width: number;
  height: number;
  bits: Uint8Array;
}

/** An object that was found. */
export interface Detection extends BoxPx {
  /** Name of its class. */
  class: string;
  /** From 0 to 1. */
  score: number;
  mask?: MaskPx;
}

/** An object that is there. */
export interface Truth extends BoxPx {
  /** Name of its class. */
  class: string;
  mask?: MaskPx;
  /** Finding it counts neither as right nor as wrong (COCO's iscrowd), and nothing is learned from it. */
  ignore: boolean;
  /** Somebody looked and said that no object of the class is there: background that is always learned from. */
  rejected?: boolean;
  /** What else is known of it (magnitude, Einstein radius, …), by name. */
  values?: Record<string, string | number>;
}

/** An image with everything of the classes that is to be found in it. */
export interface Field {
  id: string;
  /** Image file. */
  path: string;
  width: number;
  height: number;
  truths: Truth[];
  /** What the field was drawn on or cut from; fields of one background are never split between training and test. */
  background: string;
  /** What the background is a picture of, where that is known. */
  backgroundClass?: string;
}

/** What people said of a folder's detections: labels by object, and the boxes that they drew around what was missed. */
export interface Verdicts {
  folder: string;
  labels: Record<string, LabelValue | null>;
  boxes: Record<string, DrawnBox>;
}
