/**
 * Every source of an image without a trained model: sky and noise on a mesh, all bands added in units of their noise, a
 * matched filter, a threshold, deblending. As SExtractor and sep find sources in one band, over several.
 */
import type { MaskPx } from "../contract/detection.ts";
import { background } from "./background.ts";
import { deblend } from "./deblend.ts";

/** Pixels [bands, H, W]; what is not finite has no measurement. */
export interface DetectionPlanes {
  data: Float32Array;
  bands: number;
  heightPx: number;
  widthPx: number;
}

/** How sources are told from noise and from each other. */
export interface ClassicalOptions {
  /** Height of the smoothed image over the sky, in units of its noise, from which on pixels belong to a source. */
  threshold: number;
  /** Share of the light of a connected region that a part of it needs to be a source of its own. */
  contrast: number;
  /** Gaussian width of the filter in px. */
  filterPx: number;
  leastPx: number;
}

/** Settings of `skyloop detect --classical`. */
export const CLASSICAL: ClassicalOptions = { threshold: 3.2, contrast: 0.0005, filterPx: 1.4, leastPx: 5 };

/** A source in pixels of the image it was found in. */
export interface Source {
  /** Centre of its light. */
  x: number;
  y: number;
  mask: MaskPx;
  /** Peak of the smoothed image in units of its noise. */
  peak: number;
  /** Light of the mask over its noise, all bands. */
  snr: number;
  /** Light of the mask over the sky in each band. */
  fluxes: number[];
}

/** Sources of an image, brightest first. An image without variation has none. */
export function findSources(image: DetectionPlanes, options: ClassicalOptions = CLASSICAL): Source[] {
  const { heightPx: H, widthPx: W } = image;
  const { skyless, light, weight } = detectionImage(image);
  const smoothed = smooth(light, weight, H, W, options.filterPx);
  const sigma = noiseOf(smoothed, weight);
  if (!(sigma > 0)) return [];
  for (let p = 0; p < smoothed.length; p++) smoothed[p] = weight[p] > 0 ? smoothed[p] / sigma : 0;
  const { labels, count } = deblend(smoothed, H, W, { ...options, leastRise: 2, leastDip: 0.05 });
  return measure(labels, count, { smoothed, light, skyless, H, W });
}

/** Bands less their sky, and their sum in units of their noise; pixels without any measurement have weight 0. */
function detectionImage({ data, bands, heightPx: H, widthPx: W }: DetectionPlanes) {
  const N = H * W;
  const light = new Float32Array(N);
  const weight = new Uint8Array(N);
  const skyless = Array.from({ length: bands }, (_, band) => {
    const plane = data.subarray(band * N, (band + 1) * N);
    const { level, sigma } = background(plane, H, W);
    const own = new Float32Array(N);
    for (let p = 0; p < N; p++) {
      const value = plane[p] - level[p];
      own[p] = value;
      if (!Number.isFinite(value) || !(sigma[p] > 0)) continue;
      light[p] += value / sigma[p];
      weight[p]++;
    }
    return own;
  });
  for (let p = 0; p < N; p++) if (weight[p] > 1) light[p] /= Math.sqrt(weight[p]);
  return { skyless, light, weight };
}

/** Weighted means of neighbours under a Gaussian: pixels without a measurement do not count. */
function smooth(light: Float32Array, weight: Uint8Array, H: number, W: number, widthPx: number): Float32Array {
  const half = Math.ceil(2.5 * widthPx);
  const kernel = Float64Array.from({ length: 2 * half + 1 }, (_, i) => Math.exp(-0.5 * ((i - half) / widthPx) ** 2));
  const rows = new Float32Array(H * W);
  const counts = new Float32Array(H * W);
  for (let y = 0; y < H; y++)
    for (let x = 0; x < W; x++) {
      let [sum, total] = [0, 0];
      for (let i = Math.max(-half, -x); i <= Math.min(half, W - 1 - x); i++) {
        const q = y * W + x + i;
        if (weight[q] === 0) continue;
        const k = kernel[i + half];
        sum += k * light[q];
        total += k;
      }
      rows[y * W + x] = sum;
      counts[y * W + x] = total;
    }
  const out = new Float32Array(H * W);
  for (let y = 0; y < H; y++) {
    const [first, last] = [Math.max(-half, -y), Math.min(half, H - 1 - y)];
    for (let x = 0; x < W; x++) {
      let [sum, total] = [0, 0];
      for (let i = first; i <= last; i++) {
        const q = (y + i) * W + x;
        const k = kernel[i + half];
        sum += k * rows[q];
        total += k * counts[q];
      }
      out[y * W + x] = total > 0 ? sum / total : 0;
    }
  }
  return out;
}

/** Noise of an image about 0, from the pixels below it: sources are all above. */
function noiseOf(image: Float32Array, weight: Uint8Array): number {
  const below = new Float32Array(image.length);
  let count = 0;
  for (let p = 0; p < image.length; p += 3) if (weight[p] > 0 && image[p] < 0) below[count++] = -image[p];
  if (count === 0) return 0;
  return 1.4826 * below.subarray(0, count).sort()[count >> 1];
}

interface Measured {
  smoothed: Float32Array;
  light: Float32Array;
  skyless: Float32Array[];
  H: number;
  W: number;
}

function measure(labels: Int32Array, count: number, { smoothed, light, skyless, H, W }: Measured): Source[] {
  const box = new Int32Array(4 * (count + 1));
  for (let label = 0; label <= count; label++) box.set([W, H, 0, 0], 4 * label);
  for (let y = 0; y < H; y++)
    for (let x = 0; x < W; x++) {
      const at = 4 * labels[y * W + x];
      if (at === 0) continue;
      if (x < box[at]) box[at] = x;
      if (y < box[at + 1]) box[at + 1] = y;
      if (x >= box[at + 2]) box[at + 2] = x + 1;
      box[at + 3] = y + 1;
    }
  return Array.from({ length: count }, (_, i) => {
    const [x0, y0, x1, y1] = box.subarray(4 * (i + 1), 4 * (i + 2));
    const mask = { x: x0, y: y0, width: x1 - x0, height: y1 - y0, bits: new Uint8Array((x1 - x0) * (y1 - y0)) };
    const fluxes = skyless.map(() => 0);
    let [sum, sumX, sumY, peak, pixels, total] = [0, 0, 0, 0, 0, 0];
    for (let y = y0; y < y1; y++)
      for (let x = x0; x < x1; x++) {
        const p = y * W + x;
        if (labels[p] !== i + 1) continue;
        mask.bits[(y - y0) * mask.width + x - x0] = 1;
        const value = smoothed[p];
        sum += value;
        sumX += value * x;
        sumY += value * y;
        peak = Math.max(peak, value);
        pixels++;
        total += light[p];
        for (const [band, plane] of skyless.entries()) if (Number.isFinite(plane[p])) fluxes[band] += plane[p];
      }
    return { x: sumX / sum, y: sumY / sum, mask, peak, snr: total / Math.sqrt(pixels), fluxes };
  });
}
