/**
 * Classical ways to fill hidden pixels, the measure for a learned reconstruction. Images are [bands, H, W], masks [H,
 * W] with 1 where hidden.
 */
import { SkyloopError } from "../base/errors.ts";

/** Shape of an image [bands, H, W] and its mask [H, W]: not 0 where pixels are hidden, in every band. */
export interface MaskedShape {
  bands: number;
  heightPx: number;
  widthPx: number;
  mask: Uint8Array;
}

function checkMask(image: Float32Array, { bands, heightPx, widthPx, mask }: MaskedShape): void {
  if (mask.length !== heightPx * widthPx || image.length !== bands * mask.length)
    throw new SkyloopError(
      "BAD_MASK",
      `a mask has one value a pixel: got ${mask.length} values for an image of ${widthPx}x${heightPx}; give one of its size`,
    );
  if (mask.every((value) => value !== 0))
    throw new SkyloopError("BAD_MASK", "the mask hides every pixel; nothing is left to fill from");
}

/**
 * Every hidden pixel takes the values of the nearest known one (Euclidean; of equals the first in row order). Throws
 * BAD_MASK.
 */
export function inpaintNearest(image: Float32Array, masked: MaskedShape): Float32Array {
  checkMask(image, masked);
  const { bands, heightPx: H, widthPx: W, mask } = masked;
  // The nearest known pixel of each column first, then the best column: exact, and quick enough for stamps.
  const above = new Int32Array(H * W);
  for (let x = 0; x < W; x++) {
    let last = -1;
    for (let y = 0; y < H; y++) {
      if (mask[y * W + x] === 0) last = y;
      above[y * W + x] = last;
    }
    last = -1;
    for (let y = H - 1; y >= 0; y--) {
      if (mask[y * W + x] === 0) last = y;
      const up = above[y * W + x];
      if (up < 0 || (last >= 0 && last - y < y - up)) above[y * W + x] = last;
    }
  }
  const out = image.slice();
  for (let y = 0; y < H; y++)
    for (let x = 0; x < W; x++) {
      if (mask[y * W + x] === 0) continue;
      let [best, from] = [Number.POSITIVE_INFINITY, 0];
      for (let column = 0; column < W; column++) {
        const row = above[y * W + column];
        const distance = row < 0 ? Number.POSITIVE_INFINITY : (row - y) ** 2 + (column - x) ** 2;
        const place = row * W + column;
        if (distance < best || (distance === best && place < from)) [best, from] = [distance, place];
      }
      for (let band = 0; band < bands; band++) out[band * H * W + y * W + x] = image[band * H * W + from];
    }
  return out;
}

/** Reach of the biharmonic operator. */
const RADIUS = 2;

/** The Laplacian of a small plane, edges mirrored. */
function laplacian(plane: Float64Array, height: number, width: number): Float64Array {
  const at = (y: number, x: number) =>
    plane[Math.min(height - 1, Math.max(0, y)) * width + Math.min(width - 1, Math.max(0, x))];
  return Float64Array.from({ length: plane.length }, (_, i) => {
    const [y, x] = [Math.floor(i / width), i % width];
    return at(y - 1, x) + at(y + 1, x) + at(y, x - 1) + at(y, x + 1) - 4 * at(y, x);
  });
}

/** Weights of the biharmonic operator at a pixel, cut where the image ends: offsets in x and y with their weight. */
function biharmonicAt(x: number, y: number, W: number, H: number): { dx: number; dy: number; weight: number }[] {
  const [left, right] = [Math.max(0, x - RADIUS), Math.min(W - 1, x + RADIUS)];
  const [top, bottom] = [Math.max(0, y - RADIUS), Math.min(H - 1, y + RADIUS)];
  const [width, height] = [right - left + 1, bottom - top + 1];
  const delta = new Float64Array(width * height);
  delta[(y - top) * width + x - left] = 1;
  const twice = laplacian(laplacian(delta, height, width), height, width);
  return Array.from(twice, (weight, i) => ({
    dx: left + (i % width) - x,
    dy: top + Math.floor(i / width) - y,
    weight,
  })).filter(({ weight }) => weight !== 0);
}

/** Larger systems would take gigabytes and minutes: numbers in the band matrix of one region. */
const LARGEST_SYSTEM = 5e7;

/**
 * Hidden pixels in regions that do not feel one another: no pixel of one lies within the operator's reach of another.
 * Each in row order.
 */
function regionsOf(mask: Uint8Array, H: number, W: number): number[][] {
  const seen = new Uint8Array(mask.length);
  const regions: number[][] = [];
  for (let start = 0; start < mask.length; start++) {
    if (mask[start] === 0 || seen[start] === 1) continue;
    const region = [start];
    seen[start] = 1;
    for (let next = 0; next < region.length; next++) {
      const [x, y] = [region[next] % W, Math.floor(region[next] / W)];
      for (let dy = -RADIUS; dy <= RADIUS; dy++)
        for (let dx = -RADIUS; dx <= RADIUS; dx++) {
          if (x + dx < 0 || x + dx >= W || y + dy < 0 || y + dy >= H) continue;
          const p = (y + dy) * W + x + dx;
          if (mask[p] === 0 || seen[p] === 1) continue;
          seen[p] = 1;
          region.push(p);
        }
    }
    regions.push(region.sort((a, b) => a - b));
  }
  return regions;
}

/**
 * Hidden pixels by the smoothest surface through the known ones, the solution of the biharmonic equation (Damelin &
 * Hoang 2018), each band clipped to the range of its known pixels: scikit-image's `inpaint_biharmonic`. Regions of more
 * than some ten thousand pixels keep what stands in them. Throws BAD_MASK.
 */
export function inpaintBiharmonic(image: Float32Array, masked: MaskedShape): Float32Array {
  checkMask(image, masked);
  const { bands, heightPx: H, widthPx: W, mask } = masked;
  const out = image.slice();
  const order = new Int32Array(mask.length).fill(-1);
  const weights = new Map<number, ReturnType<typeof biharmonicAt>>();
  const cut = (at: number, length: number) => (at < RADIUS ? at : at > length - 1 - RADIUS ? at - length : RADIUS);
  const weightsAt = (p: number) => {
    const [x, y] = [p % W, Math.floor(p / W)];
    const key = cut(x, W) * 1000 + cut(y, H);
    const found = weights.get(key) ?? biharmonicAt(x, y, W, H);
    weights.set(key, found);
    return found;
  };
  for (const hidden of regionsOf(mask, H, W)) {
    for (const [i, p] of hidden.entries()) order[p] = i;
    let reach = 0;
    for (const [i, p] of hidden.entries())
      for (const { dx, dy } of weightsAt(p)) {
        const column = order[p + dy * W + dx];
        if (column > i) reach = Math.max(reach, column - i);
      }
    const width = 2 * reach + 1;
    if (hidden.length * width > LARGEST_SYSTEM) continue;
    const matrix = new Float64Array(hidden.length * width);
    const right = Array.from({ length: bands }, () => new Float64Array(hidden.length));
    for (const [i, p] of hidden.entries())
      for (const { dx, dy, weight } of weightsAt(p)) {
        const at = p + dy * W + dx;
        if (mask[at] !== 0) matrix[i * width + reach + order[at] - i] += weight;
        else for (let band = 0; band < bands; band++) right[band][i] -= weight * image[band * mask.length + at];
      }
    solveBanded(matrix, hidden.length, reach, right);
    for (let band = 0; band < bands; band++)
      for (const [i, p] of hidden.entries()) out[band * mask.length + p] = right[band][i];
  }
  for (let band = 0; band < bands; band++) {
    const plane = image.subarray(band * mask.length, (band + 1) * mask.length);
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let p = 0; p < mask.length; p++)
      if (mask[p] === 0) [low, high] = [Math.min(low, plane[p]), Math.max(high, plane[p])];
    for (let p = 0; p < mask.length; p++)
      if (mask[p] !== 0) out[band * mask.length + p] = Math.min(high, Math.max(low, out[band * mask.length + p]));
  }
  return out;
}

/**
 * Solves a banded system in place by elimination; row i of `matrix` [n, 2 reach + 1] holds columns i - reach to i +
 * reach. Its diagonal dominates enough to need no pivots. Rows reach no farther right than they or rows before them
 * did, which spares most of the band.
 */
function solveBanded(matrix: Float64Array, n: number, reach: number, right: Float64Array[]): void {
  const width = 2 * reach + 1;
  const ends = new Int32Array(n);
  for (let k = 0; k < n; k++) {
    let end = Math.min(reach, n - 1 - k);
    while (end > 0 && matrix[k * width + reach + end] === 0) end--;
    ends[k] = Math.max(k + end, k > 0 ? ends[k - 1] : 0);
  }
  for (let k = 0; k < n; k++) {
    const pivot = matrix[k * width + reach];
    const top = k * width + reach;
    const columns = ends[k] - k;
    for (let i = k + 1; i <= Math.min(n - 1, k + reach); i++) {
      const from = i * width + reach - (i - k);
      const factor = matrix[from] / pivot;
      if (factor === 0) continue;
      for (let j = 1; j <= columns; j++) matrix[from + j] -= factor * matrix[top + j];
      for (const values of right) values[i] -= factor * values[k];
    }
  }
  for (let k = n - 1; k >= 0; k--)
    for (const values of right) {
      let sum = values[k];
      for (let j = 1; j <= ends[k] - k; j++) sum -= matrix[k * width + reach + j] * values[k + j];
      values[k] = sum / matrix[k * width + reach];
    }
}
