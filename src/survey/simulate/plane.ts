/** Drawing a component: the pixels of a frame in the object's own plane, and its brightness there. */
import type { Colour, Frame, Placement } from "./frame.ts";

/** Points of an object's own plane, in pixels of it: u along the major axis, v across it. */
export interface Points {
  count: number;
  u: Float64Array;
  v: Float64Array;
}

/** The same in polar coordinates: radius, its logarithm, angle, and the angle's cosine and sine. */
export interface PolarPoints extends Points {
  r: Float64Array;
  lnR: Float64Array;
  phi: Float64Array;
  cos: Float64Array;
  sin: Float64Array;
}

/** How far from an object's centre, along x and y, pixels are averaged over POINTS x POINTS points of theirs. */
export const NEAR_PX = 4;
const POINTS = 5;

/**
 * The pixels of a frame (those within `reachPx` of the centre along x and y) in an object's own plane, and the points
 * that pixels near its centre are averaged over.
 */
export class PixelGrid {
  /** First and last column, first and last row. */
  readonly box: [number, number, number, number];
  /** One point a pixel, row by row. */
  readonly pixels: Points;
  /** POINTS x POINTS points of each of the pixels `nearPixels` (numbers among `pixels`). */
  readonly near: Points;
  readonly nearPixels: number[] = [];

  constructor(sizePx: number, { x, y, angle, axisRatio }: Placement, reachPx = Infinity) {
    const [x0, x1] = [Math.max(0, Math.floor(x - reachPx)), Math.min(sizePx - 1, Math.ceil(x + reachPx))];
    const [y0, y1] = [Math.max(0, Math.floor(y - reachPx)), Math.min(sizePx - 1, Math.ceil(y + reachPx))];
    this.box = [x0, x1, y0, y1];
    const cos = Math.cos(angle);
    const sin = Math.sin(angle);
    const count = Math.max(0, x1 - x0 + 1) * Math.max(0, y1 - y0 + 1);
    const u = new Float64Array(count);
    const v = new Float64Array(count);
    for (let p = 0, py = y0; py <= y1; py++)
      for (let px = x0; px <= x1; px++, p++) {
        const dx = px - x;
        const dy = py - y;
        u[p] = dx * cos + dy * sin;
        v[p] = (dy * cos - dx * sin) / axisRatio;
        if (Math.abs(dx) < NEAR_PX && Math.abs(dy) < NEAR_PX) this.nearPixels.push(p);
      }
    this.pixels = { count, u, v };
    const width = x1 - x0 + 1;
    const each = POINTS * POINTS;
    const inside = this.nearPixels.length * each;
    this.near = { count: inside, u: new Float64Array(inside), v: new Float64Array(inside) };
    for (let n = 0; n < inside; n++) {
      const p = this.nearPixels[Math.floor(n / each)];
      const dx = x0 + (p % width) - x + ((n % POINTS) + 0.5) / POINTS - 0.5;
      const dy = y0 + Math.floor(p / width) - y + (Math.floor((n % each) / POINTS) + 0.5) / POINTS - 0.5;
      this.near.u[n] = dx * cos + dy * sin;
      this.near.v[n] = (dy * cos - dx * sin) / axisRatio;
    }
  }
}

/** A whole frame's plane with polar coordinates, worked out once for all that is drawn in it. */
export class PolarGrid extends PixelGrid {
  declare readonly pixels: PolarPoints;
  declare readonly near: PolarPoints;

  constructor(sizePx: number, placement: Placement) {
    super(sizePx, placement);
    Object.assign(this.pixels, polarOf(this.pixels));
    Object.assign(this.near, polarOf(this.near));
  }
}

function polarOf({ count, u, v }: Points): Omit<PolarPoints, keyof Points> {
  const [r, lnR, phi, cos, sin] = Array.from({ length: 5 }, () => new Float64Array(count));
  for (let p = 0; p < count; p++) {
    r[p] = Math.sqrt(u[p] * u[p] + v[p] * v[p]);
    lnR[p] = Math.log(r[p]);
    phi[p] = Math.atan2(v[p], u[p]);
    cos[p] = r[p] > 0 ? u[p] / r[p] : 1;
    sin[p] = r[p] > 0 ? v[p] / r[p] : 0;
  }
  return { r, lnR, phi, cos, sin };
}

/**
 * Writes the brightness at each point. Profiles come as loops, not as functions of one point: a call for each point
 * costs more than most profiles.
 */
export type Fill<P extends Points> = (points: P, into: Float64Array) => void;

/** Brightness over a component's largest that is drawn without its clouds: far below the noise of any picture. */
export const FAINT = 1e-6;

/** Memory that is written and read within one call. */
let scratch = new Float64Array(0);
const scratchOf = (count: number) => {
  if (scratch.length < count) scratch = new Float64Array(count);
  return scratch;
};

/**
 * Adds a component of the given total flux whose brightness is `fill`'s. Pixels near the centre are averaged over 5 x 5
 * points. The sum over the frame is scaled to the flux; nothing is drawn outside the plane's box.
 */
export function addComponent<P extends PixelGrid>(frame: Frame, plane: P, flux: Colour, fill: Fill<P["pixels"]>): void {
  const { sizePx: S, planes } = frame;
  const { pixels, near, nearPixels } = plane;
  const [x0, x1, y0, y1] = plane.box;
  const values = scratchOf(pixels.count + near.count);
  const shape = values.subarray(0, pixels.count);
  fill(pixels, shape);
  if (near.count > 0) {
    const points = values.subarray(pixels.count);
    fill(near, points);
    const each = POINTS * POINTS;
    for (const [n, p] of nearPixels.entries()) {
      let sum = 0;
      for (let i = n * each; i < (n + 1) * each; i++) sum += points[i];
      shape[p] = sum / each;
    }
  }
  let total = 0;
  for (let p = 0; p < pixels.count; p++) total += shape[p];
  if (!(total > 0)) return;
  const width = x1 - x0 + 1;
  for (let band = 0; band < 3; band++) {
    const scale = flux[band] / total;
    for (let py = y0; py <= y1; py++) {
      const from = (py - y0) * width - x0;
      const to = (band * S + py) * S;
      for (let px = x0; px <= x1; px++) planes[to + px] += shape[from + px] * scale;
    }
  }
}

/** A brightness of radius alone. */
export const radial =
  (profile: (r: number) => number): Fill<Points> =>
  ({ count, u, v }, into) => {
    for (let p = 0; p < count; p++) into[p] = profile(Math.sqrt(u[p] * u[p] + v[p] * v[p]));
  };
