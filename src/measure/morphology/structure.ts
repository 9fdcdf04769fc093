/** How light is spread over a galaxy: Gini's coefficient, M20, asymmetry. */
import { descendingBy } from "./radix.ts";
import { reused } from "./scratch.ts";

const sizeMemory = reused((n) => new Float32Array(n));
const placeMemory = reused((n) => new Int32Array(n));

/** Pixels by the size of their light, largest first. Without `pixels` all of them. */
export function brightestFirst(light: Float32Array, pixels?: ArrayLike<number>): Int32Array {
  const n = pixels?.length ?? light.length;
  const sizes = sizeMemory(n);
  const places = placeMemory(n);
  for (let i = 0; i < n; i++) {
    const p = pixels === undefined ? i : pixels[i];
    sizes[i] = Math.abs(light[p]);
    places[i] = p;
  }
  return descendingBy(sizes, places);
}

/**
 * Gini's coefficient of absolute pixel values: 0 where all are equal, near 1 where one holds all the light (Lotz et al.
 * 2004, equation 6). `order` are the pixels that count, as `brightestFirst` has them. Null for fewer than two values or
 * none but 0.
 */
export function gini(light: Float32Array, order: Int32Array = brightestFirst(light)): number | null {
  const n = order.length;
  let sum = 0;
  let ordered = 0;
  for (let i = 0; i < n; i++) {
    const value = Math.abs(light[order[n - 1 - i]]);
    sum += value;
    ordered += (2 * (i + 1) - n - 1) * value;
  }
  return n < 2 || sum === 0 ? null : ordered / (sum * (n - 1));
}

/**
 * M20: log10 of the second moment of the brightest pixels that hold a fifth of the light, of that of all (Lotz et al.
 * 2004, equation 8). Moments are about the centre of light, which makes the second one smallest. `pixels` are places in
 * a plane of width `W`, `order` the same as `brightestFirst` has them. Null where light does not add up to more than 0.
 */
export function m20(
  light: Float32Array,
  pixels: ArrayLike<number>,
  W: number,
  order: Int32Array = brightestFirst(light, pixels),
): number | null {
  const n = pixels.length;
  let sum = 0;
  let sx = 0;
  let sy = 0;
  for (let i = 0; i < n; i++) {
    const p = pixels[i];
    const y = Math.floor(p / W);
    sum += light[p];
    sx += light[p] * (p - y * W);
    sy += light[p] * y;
  }
  if (!(sum > 0)) return null;
  const [cx, cy] = [sx / sum, sy / sum];
  let total = 0;
  for (let i = 0; i < n; i++) total += moment(light, pixels[i], W, cx, cy);
  let held = 0;
  let part = 0;
  for (let i = 0; i < n && held < 0.2 * sum; i++) {
    if (!(light[order[i]] > 0)) continue;
    held += light[order[i]];
    part += moment(light, order[i], W, cx, cy);
  }
  return total > 0 && part > 0 ? Math.log10(part / total) : null;
}

/** Light of a pixel by its squared distance from (cx, cy). */
function moment(light: Float32Array, p: number, W: number, cx: number, cy: number): number {
  const y = Math.floor(p / W);
  return light[p] * ((p - y * W - cx) ** 2 + (y - cy) ** 2);
}

/** Steps of half a pixel that the centre of asymmetry may walk. */
const MOST_STEPS = 24;

const WAYS = [
  [1, 0],
  [-1, 0],
  [0, 1],
  [0, -1],
] as const;

/** Asymmetry and where its centre was found. */
export interface Asymmetry {
  value: number;
  x: number;
  y: number;
  /** The centre came to rest. */
  converged: boolean;
}

/** How a plane is turned. */
interface Turning {
  W: number;
  H: number;
  radiusPx: number;
  /** What noise alone adds to a pair of pixels. */
  noise: number;
}

/** Asymmetry about the centre (twiceX / 2, twiceY / 2), each pair of pixels met once; infinite without light. */
function asymmetryAt(light: Float32Array, { W, H, radiusPx, noise }: Turning, twiceX: number, twiceY: number): number {
  const cx = twiceX / 2;
  const cy = twiceY / 2;
  let difference = 0;
  let total = 0;
  let n = 0;
  const y1 = Math.min(H - 1, Math.floor(cy), twiceY);
  for (let v = Math.max(0, Math.ceil(cy - radiusPx), twiceY - H + 1); v <= y1; v++) {
    const half = Math.sqrt(Math.max(0, radiusPx ** 2 - (v - cy) ** 2));
    const opposite = twiceY - v;
    // Only where the counterpart is on the plane; in the middle row each pair would be met twice.
    const x0 = Math.max(0, Math.ceil(cx - half), twiceX - W + 1);
    const x1 = Math.min(W - 1, Math.floor(opposite === v ? cx : cx + half), twiceX);
    for (let u = x0, p = v * W + x0, q = opposite * W + twiceX - x0; u <= x1; u++, p++, q--) {
      const here = light[p];
      const there = light[q];
      const apart = Math.abs(here - there);
      if (Number.isNaN(apart)) continue;
      difference += apart;
      total += Math.abs(here) + Math.abs(there);
      n++;
    }
  }
  return total > 0 ? (2 * (difference - n * noise)) / total : Number.POSITIVE_INFINITY;
}

/**
 * Asymmetry under half a turn: the sum of |I - I turned| over that of |I|, in a circle, less what noise alone adds, 2
 * sigma / sqrt(pi) a pixel; smallest over centres on a grid of half pixels (Conselice, Bershady & Jangren 2000). Pixels
 * that have no counterpart on the plane, or where `light` is NaN for either, do not count. Null where no light is left.
 */
export function asymmetry(
  light: Float32Array,
  W: number,
  H: number,
  { x, y, radiusPx, sigma }: { x: number; y: number; radiusPx: number; sigma: number },
): Asymmetry | null {
  const turning = { W, H, radiusPx, noise: (2 * sigma) / Math.sqrt(Math.PI) };
  // Neighbours of one centre are neighbours of the next.
  const known = new Map<number, number>();
  const at = (twiceX: number, twiceY: number): number => {
    const place = twiceY * 65536 + twiceX;
    let value = known.get(place);
    if (value === undefined) {
      value = asymmetryAt(light, turning, twiceX, twiceY);
      known.set(place, value);
    }
    return value;
  };
  let [bestX, bestY] = [Math.round(2 * x), Math.round(2 * y)];
  let best = at(bestX, bestY);
  for (let step = 0; step < MOST_STEPS; step++) {
    let [nextX, nextY, next] = [bestX, bestY, best];
    for (const [dx, dy] of WAYS) {
      const value = at(bestX + dx, bestY + dy);
      if (value < next) [nextX, nextY, next] = [bestX + dx, bestY + dy, value];
    }
    if (next === best)
      return Number.isFinite(best) ? { value: best, x: bestX / 2, y: bestY / 2, converged: true } : null;
    [bestX, bestY, best] = [nextX, nextY, next];
  }
  return { value: best, x: bestX / 2, y: bestY / 2, converged: false };
}
