/** How light is spread over a galaxy: Gini's coefficient, M20, asymmetry. */
import { descendingBy } from "./radix.ts";

/**
 * Gini's coefficient of absolute pixel values: 0 where all are equal, near 1 where one holds all the light (Lotz et al.
 * 2004, equation 6). Null for fewer than two values or none but 0.
 */
export function gini(values: Float32Array): number | null {
  const n = values.length;
  const sizes = new Float32Array(n);
  const places = new Int32Array(n);
  for (let i = 0; i < n; i++) {
    sizes[i] = Math.abs(values[i]);
    places[i] = i;
  }
  const order = descendingBy(sizes, places);
  let [sum, ordered] = [0, 0];
  for (let i = 0; i < n; i++) {
    const value = sizes[order[n - 1 - i]];
    sum += value;
    ordered += (2 * (i + 1) - n - 1) * value;
  }
  return n < 2 || sum === 0 ? null : ordered / (sum * (n - 1));
}

/**
 * M20: log10 of the second moment of the brightest pixels that hold a fifth of the light, of that of all (Lotz et al.
 * 2004, equation 8). Moments are about the centre of light, which makes the second one smallest. `pixels` are places in
 * a plane of width `W`. Null where light does not add up to more than 0.
 */
export function m20(light: Float32Array, pixels: ArrayLike<number>, W: number): number | null {
  const n = pixels.length;
  let [sum, sx, sy] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    const x = pixels[i] % W;
    const value = light[pixels[i]];
    sum += value;
    sx += value * x;
    sy += (value * (pixels[i] - x)) / W;
  }
  if (!(sum > 0)) return null;
  const [cx, cy] = [sx / sum, sy / sum];
  const moment = (p: number) => {
    const x = p % W;
    return light[p] * ((x - cx) ** 2 + ((p - x) / W - cy) ** 2);
  };
  let total = 0;
  for (let i = 0; i < n; i++) total += moment(pixels[i]);
  // Only pixels that may be among the brightest are sorted: those above the mean hold most of a galaxy's light.
  const mean = sum / n;
  const [brightness, places] = [new Float32Array(n), new Int32Array(n)];
  let bright = 0;
  for (let i = 0; i < n; i++) {
    if (!(light[pixels[i]] > mean)) continue;
    brightness[bright] = light[pixels[i]];
    places[bright++] = pixels[i];
  }
  let [held, part] = [0, 0];
  for (const p of descendingBy(brightness, places.subarray(0, bright))) {
    if (held >= 0.2 * sum) break;
    held += light[p];
    part += moment(p);
  }
  return total > 0 && part > 0 ? Math.log10(part / total) : null;
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

/**
 * Asymmetry under half a turn: the sum of |I - I turned| over that of |I|, in a circle, less what noise alone adds, 2
 * sigma / sqrt(pi) a pixel; smallest over centres on a grid of half pixels (Conselice, Bershady & Jangren 2000). Pixels
 * that have no counterpart on the plane, or where `usable` is 0 for either, do not count. Null where no light is left.
 */
export function asymmetry(
  light: Float32Array,
  usable: Uint8Array,
  W: number,
  H: number,
  { x, y, radiusPx, sigma }: { x: number; y: number; radiusPx: number; sigma: number },
): Asymmetry | null {
  const at = (twiceX: number, twiceY: number): number => {
    const [cx, cy] = [twiceX / 2, twiceY / 2];
    let [difference, total, n] = [0, 0, 0];
    const [y0, y1] = [Math.max(0, Math.ceil(cy - radiusPx)), Math.min(H - 1, Math.floor(cy))];
    for (let v = y0; v <= y1; v++) {
      const half = Math.sqrt(Math.max(0, radiusPx ** 2 - (v - cy) ** 2));
      const opposite = twiceY - v;
      if (opposite < 0 || opposite >= H) continue;
      // Only where the counterpart is on the plane; in the middle row each pair would be met twice.
      const x0 = Math.max(0, Math.ceil(cx - half), twiceX - W + 1);
      const x1 = Math.min(W - 1, Math.floor(opposite === v ? cx : cx + half), twiceX);
      for (let u = x0, p = v * W + x0, q = opposite * W + twiceX - x0; u <= x1; u++, p++, q--) {
        if (usable[p] === 0 || usable[q] === 0) continue;
        const [here, there] = [light[p], light[q]];
        difference += Math.abs(here - there);
        total += (Math.abs(here) + Math.abs(there)) / 2;
        n++;
      }
    }
    return total > 0 ? (difference - (n * 2 * sigma) / Math.sqrt(Math.PI)) / total : Number.POSITIVE_INFINITY;
  };
  let [bestX, bestY] = [Math.round(2 * x), Math.round(2 * y)];
  let best = at(bestX, bestY);
  let [cameX, cameY] = [0, 0];
  for (let step = 0; step < MOST_STEPS; step++) {
    let [nextX, nextY, next] = [bestX, bestY, best];
    for (const [dx, dy] of WAYS) {
      // Where it came from is worse, which is why it came.
      if (dx === -cameX && dy === -cameY && step > 0) continue;
      const value = at(bestX + dx, bestY + dy);
      if (value < next) [nextX, nextY, next] = [bestX + dx, bestY + dy, value];
    }
    if (next === best)
      return Number.isFinite(best) ? { value: best, x: bestX / 2, y: bestY / 2, converged: true } : null;
    [cameX, cameY] = [nextX - bestX, nextY - bestY];
    [bestX, bestY, best] = [nextX, nextY, next];
  }
  return { value: best, x: bestX / 2, y: bestY / 2, converged: false };
}
