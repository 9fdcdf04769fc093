/**
 * What of an image is not its central galaxy: segmentation by brightness, parted where light has a saddle between two
 * peaks.
 */
import type { PlaneShape } from "./degrade.ts";

/** How objects beside the central galaxy are told from the sky and from each other. */
export interface NeighbourOptions {
  /** Pixels brighter than the sky by this many sigma belong to something. */
  threshold: number;
  /** Two peaks are two objects where the saddle between them lies below this share of the lower one, above the sky. */
  saddle: number;
  /** Smaller regions are noise. */
  leastPx: number;
  /** Pixels added around a neighbour, for its faint edge. */
  growPx: number;
}

/** Settings that `predict reconstruct --neighbours` uses. */
const DEFAULT_NEIGHBOURS: NeighbourOptions = { threshold: 3, saddle: 0.7, leastPx: 12, growPx: 5 };

/**
 * Brightness over all bands, each in units of its own noise, smoothed over 3 x 3 pixels; sky level and noise of the
 * result.
 */
function detectionImage(
  image: Float32Array,
  { bands, heightPx: H, widthPx: W }: PlaneShape,
): { light: Float32Array; sky: number; sigma: number } {
  const N = H * W;
  const sum = new Float64Array(N);
  for (let band = 0; band < bands; band++) {
    const plane = image.subarray(band * N, (band + 1) * N);
    const { sigma } = skyOf(plane);
    for (let p = 0; p < N; p++) sum[p] += Number.isFinite(plane[p]) ? plane[p] / (sigma || 1) : 0;
  }
  const light = new Float32Array(N);
  const weights = [1, 2, 1];
  for (let y = 0; y < H; y++)
    for (let x = 0; x < W; x++) {
      let [value, total] = [0, 0];
      for (let dy = -1; dy <= 1; dy++)
        for (let dx = -1; dx <= 1; dx++) {
          if (y + dy < 0 || y + dy >= H || x + dx < 0 || x + dx >= W) continue;
          const weight = weights[dy + 1] * weights[dx + 1];
          value += weight * sum[(y + dy) * W + x + dx];
          total += weight;
        }
      light[y * W + x] = value / total;
    }
  return { light, ...skyOf(light) };
}

/**
 * Sky and its noise: median and 1.4826 times the median deviation, of the pixels that are left after clipping bright
 * ones at 3 sigma, five times.
 */
function skyOf(plane: Float32Array): { sky: number; sigma: number } {
  let values = Float64Array.from(plane.filter(Number.isFinite)).sort();
  let [sky, sigma] = [0, 0];
  for (let round = 0; round < 5 && values.length > 0; round++) {
    sky = values[values.length >> 1];
    const deviations = values.map((value) => Math.abs(value - sky)).sort();
    sigma = 1.4826 * deviations[deviations.length >> 1];
    values = values.filter((value) => value < sky + 3 * sigma || sigma === 0);
  }
  return { sky, sigma };
}

const OFFSETS = [-1, 0, 1].flatMap((dy) => [-1, 0, 1].flatMap((dx) => (dx === 0 && dy === 0 ? [] : [{ dx, dy }])));

/**
 * The regions of an image, [H, W]: 0 for sky, 1, 2, … for objects, brightest peak first. Pixels are taken from the
 * brightest down; each joins the region of a brighter neighbour, and regions that meet at a saddle which is high enough
 * become one (a watershed with merging).
 */
export function segment(
  image: Float32Array,
  shape: PlaneShape,
  options: NeighbourOptions = DEFAULT_NEIGHBOURS,
): Int32Array {
  const { heightPx: H, widthPx: W } = shape;
  const { light, sky, sigma } = detectionImage(image, shape);
  const limit = sky + options.threshold * (sigma || 1e-12);
  const order = Array.from(light.keys())
    .filter((p) => light[p] > limit)
    .sort((a, b) => light[b] - light[a]);
  const regionOf = new Int32Array(H * W).fill(-1);
  const peaks: number[] = [];
  const parent: number[] = [];
  const root = (region: number): number => {
    let found = region;
    while (parent[found] !== found) found = parent[found];
    return found;
  };
  for (const p of order) {
    const [x, y] = [p % W, Math.floor(p / W)];
    const around = new Set<number>();
    for (const { dx, dy } of OFFSETS) {
      if (x + dx < 0 || x + dx >= W || y + dy < 0 || y + dy >= H) continue;
      const region = regionOf[(y + dy) * W + x + dx];
      if (region >= 0) around.add(root(region));
    }
    if (around.size === 0) {
      regionOf[p] = peaks.length;
      parent.push(peaks.length);
      peaks.push(light[p]);
      continue;
    }
    // Lower numbers have brighter peaks, since peaks come from the brightest down.
    const [first, ...others] = [...around].sort((a, b) => a - b);
    regionOf[p] = first;
    for (const other of others) if (light[p] - sky > options.saddle * (peaks[other] - sky)) parent[other] = first;
  }
  const sizes = new Map<number, number>();
  for (const p of order) sizes.set(root(regionOf[p]), (sizes.get(root(regionOf[p])) ?? 0) + 1);
  const kept = [...sizes].filter(([, size]) => size >= options.leastPx).map(([region]) => region);
  const number = new Map(kept.sort((a, b) => a - b).map((region, i) => [region, i + 1]));
  return regionOf.map((region) => (region < 0 ? 0 : (number.get(root(region)) ?? 0)));
}

/**
 * A mask [H, W], 1 on objects that are not the central one, grown by `growPx` but never onto the central one. The
 * central one is the region nearest to the middle of the image. Images are [bands, H, W]; NaN is sky.
 */
export function neighbourMask(
  image: Float32Array,
  shape: PlaneShape,
  options: NeighbourOptions = DEFAULT_NEIGHBOURS,
): Uint8Array {
  const { heightPx: H, widthPx: W } = shape;
  const regions = segment(image, shape, options);
  const [centreX, centreY] = [(W - 1) / 2, (H - 1) / 2];
  let [central, nearest] = [0, Number.POSITIVE_INFINITY];
  for (const [p, region] of regions.entries()) {
    const distance = Math.hypot((p % W) - centreX, Math.floor(p / W) - centreY);
    if (region > 0 && distance < nearest) [central, nearest] = [region, distance];
  }
  let mask = Uint8Array.from(regions, (region) => (region > 0 && region !== central ? 1 : 0));
  for (let round = 0; round < options.growPx; round++)
    mask = mask.map((value, p) => {
      if (value === 1 || regions[p] === central) return value;
      const [x, y] = [p % W, Math.floor(p / W)];
      const touches = OFFSETS.some(
        ({ dx, dy }) => x + dx >= 0 && x + dx < W && y + dy >= 0 && y + dy < H && mask[(y + dy) * W + x + dx] === 1,
      );
      return touches ? 1 : 0;
    });
  return mask;
}
