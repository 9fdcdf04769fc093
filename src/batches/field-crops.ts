/** Crops of fields with what lies in them, in any of eight orientations. */
import type { Random } from "../base/random.ts";
import type { MaskPx, Truth } from "../contract/detection.ts";
import type { Window } from "./field-store.ts";

/** A square of a field: pixels [3, size, size] in [0, 1], and its objects in its own pixels. */
export interface Crop {
  sizePx: number;
  pixels: Float32Array;
  truths: Truth[];
}

/** A field with its objects; `window` gives the pixels [3, height, width] of a part of it. */
export interface DrawnField {
  width: number;
  height: number;
  truths: readonly Truth[];
  window(part: Window): Float32Array;
}

/** An object of which less than this share lies in a crop is not learned from. */
const LEAST_SHARE = 0.6;
/** How often a crop is drawn around an object, where there is one. */
const AROUND_OBJECTS = 0.7;
const DRAWS = 8;

function countBits({ bits }: MaskPx): number {
  let count = 0;
  for (const bit of bits) count += bit;
  return count;
}

/** The part of a mask in a window whose first pixel is (x0, y0), in the window's pixels. */
function cutMask(mask: MaskPx, x0: number, y0: number, sizePx: number): MaskPx {
  const [left, top] = [Math.max(mask.x, x0), Math.max(mask.y, y0)];
  const width = Math.max(0, Math.min(mask.x + mask.width, x0 + sizePx) - left);
  const height = Math.max(0, Math.min(mask.y + mask.height, y0 + sizePx) - top);
  const bits = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const from = (top + y - mask.y) * mask.width + left - mask.x;
    bits.set(mask.bits.subarray(from, from + width), y * width);
  }
  return { x: left - x0, y: top - y0, width, height, bits };
}

/** An object as a window sees it, to be ignored where most of it lies outside; null where nothing lies inside. */
function cutTruth(truth: Truth, x0: number, y0: number, sizePx: number): Truth | null {
  const inside = (value: number, from: number) => Math.min(Math.max(value - from, 0), sizePx);
  const box = {
    x1: inside(truth.x1, x0),
    y1: inside(truth.y1, y0),
    x2: inside(truth.x2, x0),
    y2: inside(truth.y2, y0),
  };
  if (!(box.x2 > box.x1 && box.y2 > box.y1)) return null;
  const mask = truth.mask === undefined ? undefined : cutMask(truth.mask, x0, y0, sizePx);
  const whole =
    truth.mask === undefined ? (truth.x2 - truth.x1) * (truth.y2 - truth.y1) : Math.max(1, countBits(truth.mask));
  const part = mask === undefined ? (box.x2 - box.x1) * (box.y2 - box.y1) : countBits(mask);
  return {
    ...box,
    class: truth.class,
    ignore: truth.ignore || part < LEAST_SHARE * whole,
    ...(truth.rejected ? { rejected: true } : {}),
    ...(mask === undefined ? {} : { mask }),
  };
}

/** The square of a field whose first pixel is (x0, y0); what it shows beyond the field is dark. */
function cropField(field: DrawnField, x0: number, y0: number, sizePx: number): Float32Array {
  const out = new Float32Array(3 * sizePx * sizePx);
  const [x, y] = [Math.max(0, x0), Math.max(0, y0)];
  const width = Math.max(0, Math.min(field.width, x0 + sizePx) - x);
  const height = Math.max(0, Math.min(field.height, y0 + sizePx) - y);
  const part = field.window({ x, y, width, height });
  for (let row = 0; row < 3 * height; row++) {
    const [band, down] = [Math.floor(row / height), row % height];
    out.set(part.subarray(row * width, (row + 1) * width), (band * sizePx + y - y0 + down) * sizePx + x - x0);
  }
  return out;
}

/**
 * A crop drawn at random, more often than not around an object; of a few draws the first that cuts none too short.
 */
export function drawCrop(field: DrawnField, sizePx: number, random: Random): Crop {
  const wanted = field.truths.filter(({ ignore }) => !ignore);
  const start = (length: number) => (length <= sizePx ? 0 : random.int(length - sizePx + 1));
  const around = wanted.length > 0 && random.next() < AROUND_OBJECTS ? random.choice(wanted) : null;
  const near = (low: number, high: number, length: number) => {
    if (length <= sizePx) return 0;
    const room = Math.max(0, sizePx - (high - low));
    const from = Math.round(low - room * random.next());
    return Math.min(Math.max(from, 0), length - sizePx);
  };
  let [x0, y0] = [0, 0];
  let truths: Truth[] = [];
  for (let draw = 0; draw < DRAWS; draw++) {
    [x0, y0] =
      around === null
        ? [start(field.width), start(field.height)]
        : [near(around.x1, around.x2, field.width), near(around.y1, around.y2, field.height)];
    truths = field.truths.flatMap((truth) => cutTruth(truth, x0, y0, sizePx) ?? []);
    if (!truths.some(({ ignore }) => ignore)) break;
  }
  return { sizePx, pixels: cropField(field, x0, y0, sizePx), truths };
}

/** One of the eight orientations of a square: columns and rows exchanged, then mirrored along x and y. */
export interface Orientation {
  swap: boolean;
  flipX: boolean;
  flipY: boolean;
}

/** Any orientation with equal probability. */
export function drawOrientation(random: Random): Orientation {
  const number = random.int(8);
  return { swap: (number & 1) !== 0, flipX: (number & 2) !== 0, flipY: (number & 4) !== 0 };
}

/** A crop turned and mirrored, its objects with it. */
export function orientCrop({ sizePx: S, pixels, truths }: Crop, { swap, flipX, flipY }: Orientation): Crop {
  const out = new Float32Array(pixels.length);
  for (let c = 0; c < 3; c++)
    for (let y = 0; y < S; y++)
      for (let x = 0; x < S; x++) {
        const [a, b] = swap ? [y, x] : [x, y];
        const to = (c * S + (flipY ? S - 1 - b : b)) * S + (flipX ? S - 1 - a : a);
        out[to] = pixels[(c * S + y) * S + x];
      }
  return { sizePx: S, pixels: out, truths: truths.map((truth) => orientTruth(truth, S, { swap, flipX, flipY })) };
}

function orientTruth(truth: Truth, S: number, { swap, flipX, flipY }: Orientation): Truth {
  const [a1, b1, a2, b2] = swap ? [truth.y1, truth.x1, truth.y2, truth.x2] : [truth.x1, truth.y1, truth.x2, truth.y2];
  const box = {
    x1: flipX ? S - a2 : a1,
    x2: flipX ? S - a1 : a2,
    y1: flipY ? S - b2 : b1,
    y2: flipY ? S - b1 : b2,
  };
  if (truth.mask === undefined) return { ...truth, ...box };
  const { x, y, width, height, bits } = truth.mask;
  const [a, b, wide, tall] = swap ? [y, x, height, width] : [x, y, width, height];
  const turned = new Uint8Array(bits.length);
  for (let row = 0; row < tall; row++)
    for (let column = 0; column < wide; column++) {
      const [i, j] = [flipX ? wide - 1 - column : column, flipY ? tall - 1 - row : row];
      turned[row * wide + column] = swap ? bits[i * width + j] : bits[j * width + i];
    }
  const mask = {
    x: flipX ? S - a - wide : a,
    y: flipY ? S - b - tall : b,
    width: wide,
    height: tall,
    bits: turned,
  };
  return { ...truth, ...box, mask };
}
