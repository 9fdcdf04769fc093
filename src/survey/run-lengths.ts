/** Masks as COCO's run lengths: column by column, zeros first, as a list of numbers or in COCO's compressed text. */
import type { MaskPx } from "../contract/detection.ts";

/** The run lengths of a mask in an image of `width` x `height` pixels, as COCO's compressed text. */
export function cocoRuns(mask: MaskPx, width: number, height: number): string {
  return compress(runsOf(mask, width, height));
}

/** The run lengths of a mask in an image: zeros, ones, zeros, … column by column. */
export function runsOf({ x: x0, y: y0, width: W, height: H, bits }: MaskPx, width: number, height: number): number[] {
  const runs: number[] = [];
  // Where the run that is open began, and whether it is of ones.
  let [start, inside] = [0, 0];
  const turn = (at: number) => {
    runs.push(at - start);
    start = at;
    inside = 1 - inside;
  };
  for (let x = Math.max(0, -x0); x < Math.min(W, width - x0); x++) {
    const column = (x0 + x) * height;
    for (let y = Math.max(0, -y0); y < Math.min(H, height - y0); y++)
      if (bits[y * W + x] !== inside) turn(column + y0 + y);
    // Below the mask's window nothing is set.
    if (inside === 1 && y0 + H < height) turn(column + y0 + H);
    // The next column's window begins with zeros unless it reaches from border to border.
    if (inside === 1 && y0 > 0) turn(column + height);
  }
  if (inside === 1) turn(Math.min(width, x0 + W) * height);
  if (start < width * height) runs.push(width * height - start);
  return runs;
}

function compress(runs: number[]): string {
  let text = "";
  for (const [i, run] of runs.entries()) {
    let left = i > 2 ? run - runs[i - 2] : run;
    for (let more = true; more; ) {
      const five = left & 31;
      left >>= 5;
      more = (five & 16) === 0 ? left !== 0 : left !== -1;
      text += String.fromCharCode((five | (more ? 32 : 0)) + 48);
    }
  }
  return text;
}

/** The numbers in COCO's compressed text; null where it is none. */
function expand(text: string): number[] | null {
  const runs: number[] = [];
  for (let at = 0; at < text.length; ) {
    let [value, shift, more] = [0, 0, true];
    while (more) {
      const code = text.charCodeAt(at++) - 48;
      if (!(code >= 0 && code < 64) || shift > 30) return null;
      value |= (code & 31) << shift;
      more = (code & 32) !== 0;
      shift += 5;
      if (!more && (code & 16) !== 0 && shift < 32) value |= -1 << shift;
    }
    if (runs.length > 2) value += runs[runs.length - 2];
    runs.push(value);
  }
  return runs;
}

/**
 * The mask of run lengths (a list, or compressed text) in an image, cut to its extent; null where they are no runs of
 * that image. A mask without pixels has no width.
 */
export function maskOfRuns(counts: unknown, width: number, height: number): MaskPx | null {
  const runs = typeof counts === "string" ? expand(counts) : counts;
  if (!Array.isArray(runs) || !runs.every((run) => Number.isInteger(run) && run >= 0)) return null;
  if (runs.reduce((sum, run) => sum + run, 0) !== width * height) return null;
  const ones: [from: number, to: number][] = [];
  let at = 0;
  for (const [i, run] of (runs as number[]).entries()) {
    if (i % 2 === 1 && run > 0) ones.push([at, at + run]);
    at += run;
  }
  if (ones.length === 0) return EMPTY;
  const columnOf = (i: number) => Math.floor(i / height);
  const [left, right] = [columnOf(ones[0][0]), columnOf((ones.at(-1) as [number, number])[1] - 1) + 1];
  let [top, bottom] = [height, 0];
  for (const [from, to] of ones) {
    const within = columnOf(from) === columnOf(to - 1);
    top = Math.min(top, within ? from % height : 0);
    bottom = Math.max(bottom, within ? ((to - 1) % height) + 1 : height);
  }
  const [W, H] = [right - left, bottom - top];
  const bits = new Uint8Array(W * H);
  for (const [from, to] of ones)
    for (let i = from; i < to; i++) bits[((i % height) - top) * W + columnOf(i) - left] = 1;
  return { x: left, y: top, width: W, height: H, bits };
}

const EMPTY: MaskPx = { x: 0, y: 0, width: 0, height: 0, bits: new Uint8Array(0) };

/** A mask of a whole image [height, width] cut to its extent; without pixels it has no width. */
export function cutMask(bits: Uint8Array, width: number, height: number): MaskPx {
  let [left, top, right, bottom] = [width, height, 0, 0];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      if (bits[y * width + x] === 0) continue;
      left = Math.min(left, x);
      right = Math.max(right, x + 1);
      top = Math.min(top, y);
      bottom = y + 1;
    }
  if (right === 0) return EMPTY;
  const [W, H] = [right - left, bottom - top];
  const cut = new Uint8Array(W * H);
  for (let y = 0; y < H; y++) cut.set(bits.subarray((top + y) * width + left, (top + y) * width + right), y * W);
  return { x: left, y: top, width: W, height: H, bits: cut };
}

/** Whether the middles of pixels lie in polygons (x, y, x, y, …; a pixel's corner is a whole number): even-odd, all joined. */
export function maskOfPolygons(polygons: number[][], width: number, height: number): MaskPx {
  const bits = new Uint8Array(width * height);
  for (const polygon of polygons) {
    const corners = polygon.length / 2;
    for (let y = 0; y < height; y++) {
      const crossings: number[] = [];
      for (let i = 0; i < corners; i++) {
        const [x1, y1] = [polygon[2 * i], polygon[2 * i + 1]];
        const j = (i + 1) % corners;
        const [x2, y2] = [polygon[2 * j], polygon[2 * j + 1]];
        if (y1 <= y + 0.5 !== y2 <= y + 0.5) crossings.push(x1 + ((y + 0.5 - y1) / (y2 - y1)) * (x2 - x1));
      }
      crossings.sort((a, b) => a - b);
      for (let i = 0; i + 1 < crossings.length; i += 2) {
        const first = Math.max(0, Math.ceil(crossings[i] - 0.5));
        for (let x = first; x < width && x + 0.5 < crossings[i + 1]; x++) bits[y * width + x] = 1;
      }
    }
  }
  return cutMask(bits, width, height);
}
