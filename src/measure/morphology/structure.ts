/** How light is spread over a galaxy: Gini's coefficient, M20, asymmetry. */

/**
 * Gini's coefficient of absolute pixel values: 0 where all are equal, near 1 where one holds all the light (Lotz et al.
 * 2004, equation 6). Null for fewer than two values or none but 0. `values` are sorted and lose their signs.
 */
export function gini(values: Float32Array): number | null {
  const n = values.length;
  for (let i = 0; i < n; i++) values[i] = Math.abs(values[i]);
  values.sort();
  let [sum, ordered] = [0, 0];
  for (let i = 0; i < n; i++) {
    sum += values[i];
    ordered += (2 * (i + 1) - n - 1) * values[i];
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
  const bright = Array.from(pixels).filter((p) => light[p] > mean);
  bright.sort((a, b) => light[b] - light[a] || a - b);
  let [held, part] = [0, 0];
  for (const p of bright) {
    if (held >= 0.2 * sum) break;
    held += light[p];
    part += moment(p);
  }
  return total > 0 && part > 0 ? Math.log10(part / total) : null;
}

/** Steps of half a pixel that the centre of asymmetry may walk. */
const MOST_STEPS = 24;

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
      const [x0, x1] = [Math.max(0, Math.ceil(cx - half)), Math.min(W - 1, Math.floor(cx + half))];
      for (let u = x0; u <= x1; u++) {
        const turned = twiceX - u;
        // In the middle row each pair would be met twice.
        if (turned < 0 || turned >= W || (opposite === v && turned < u)) continue;
        const [p, q] = [v * W + u, opposite * W + turned];
        if (usable[p] === 0 || usable[q] === 0) continue;
        difference += Math.abs(light[p] - light[q]);
        total += (Math.abs(light[p]) + Math.abs(light[q])) / 2;
        n++;
      }
    }
    return total > 0 ? (difference - (n * 2 * sigma) / Math.sqrt(Math.PI)) / total : Number.POSITIVE_INFINITY;
  };
  let [bestX, bestY] = [Math.round(2 * x), Math.round(2 * y)];
  let best = at(bestX, bestY);
  for (let step = 0; step < MOST_STEPS; step++) {
    let [nextX, nextY, next] = [bestX, bestY, best];
    for (const [dx, dy] of [
      [1, 0],
      [-1, 0],
      [0, 1],
      [0, -1],
    ]) {
      const value = at(bestX + dx, bestY + dy);
      if (value < next) [nextX, nextY, next] = [bestX + dx, bestY + dy, value];
    }
    if (next === best)
      return Number.isFinite(best) ? { value: best, x: bestX / 2, y: bestY / 2, converged: true } : null;
    [bestX, bestY, best] = [nextX, nextY, next];
  }
  return { value: best, x: bestX / 2, y: bestY / 2, converged: false };
}
