/**
 * Making images worse in known ways, for learning to make them better (Fu et al. 2024, section 3.1): a Moffat point
 * spread of 2 to 8 px, Gaussian noise of 1 to 15 of 255, and masks of square patches over 0 to 70 % of the image.
 * Images are [bands, H, W].
 */
import { SkyloopError } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import { moffatKernel } from "../survey/simulate/psf.ts";

/** Shape of an image [bands, H, W] in a flat array. */
export interface PlaneShape {
  bands: number;
  heightPx: number;
  widthPx: number;
}

/** A square kernel [size, size] of odd size whose values sum to 1. */
export interface Kernel {
  size: number;
  values: Float32Array;
}

/**
 * The paper's ranges. Sigma is in units of an image in [0, 1]. The Moffat's beta is not in the paper; 3 is that of
 * average seeing.
 */
export const DEGRADE = {
  fwhmPx: [2, 8],
  sigma: [1 / 255, 15 / 255],
  beta: 3,
  patchesPx: [4, 8, 16],
  share: [0, 0.7],
} as const;

/**
 * What was done to an image: full width at half maximum of the point spread, its Moffat beta, and the noise's sigma in
 * the image's unit.
 */
export interface Degradation {
  fwhmPx: number;
  beta: number;
  sigma: number;
}

/** Width and noise drawn uniformly from the paper's ranges. */
export function drawDegradation(random: Random): Degradation {
  return { fwhmPx: random.uniform(...DEGRADE.fwhmPx), beta: DEGRADE.beta, sigma: random.uniform(...DEGRADE.sigma) };
}

/** The point spread of a degradation. Throws BAD_DEGRADATION for a width that is not positive. */
export function pointSpread({ fwhmPx, beta }: Pick<Degradation, "fwhmPx" | "beta">): Kernel {
  if (!(fwhmPx > 0 && fwhmPx <= 64 && beta > 1))
    throw new SkyloopError(
      "BAD_DEGRADATION",
      `a Moffat point spread has a width above 0 and up to 64 px and beta above 1, got ${fwhmPx} px and ${beta}`,
    );
  return moffatKernel(fwhmPx, beta);
}

/** Place on the image for a place that may lie outside: mirrored at the edge, the edge pixel repeated. */
function mirrored(at: number, length: number): number {
  const period = 2 * length;
  const inside = ((at % period) + period) % period;
  return inside < length ? inside : period - 1 - inside;
}

/**
 * Each band convolved with `kernel`; beyond its edges the image is taken as mirrored, so that a constant stays and no
 * light is lost at a quiet edge.
 */
export function convolve(
  image: Float32Array,
  { bands, heightPx: H, widthPx: W }: PlaneShape,
  { size, values }: Kernel,
): Float32Array {
  const half = (size - 1) / 2;
  const [height, width] = [H + 2 * half, W + 2 * half];
  const rows = Int32Array.from({ length: height }, (_, y) => mirrored(y - half, H) * W);
  const columns = Int32Array.from({ length: width }, (_, x) => mirrored(x - half, W));
  const out = new Float32Array(image.length);
  const padded = new Float32Array(height * width);
  const sum = new Float64Array(W);
  for (let band = 0; band < bands; band++) {
    const from = band * H * W;
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) padded[y * width + x] = image[from + rows[y] + columns[x]];
    for (let y = 0; y < H; y++) {
      sum.fill(0);
      for (let ky = 0; ky < size; ky++)
        for (let kx = 0; kx < size; kx++) {
          const weight = values[(size - 1 - ky) * size + size - 1 - kx];
          if (weight === 0) continue;
          const at = (y + ky) * width + kx;
          for (let x = 0; x < W; x++) sum[x] += weight * padded[at + x];
        }
      out.set(sum, from + y * W);
    }
  }
  return out;
}

/**
 * Blurs and adds independent Gaussian noise to every value. Values may leave [0, 1]: clipping them would brighten the
 * sky.
 */
export function degrade(
  image: Float32Array,
  shape: PlaneShape,
  degradation: Degradation,
  random: Random,
): Float32Array {
  const out = convolve(image, shape, pointSpread(degradation));
  for (let i = 0; i < out.length; i++) out[i] += random.normal(0, degradation.sigma);
  return out;
}

/** The same of flux: width in arcsec on pixels of `pixelScaleArcsec`, one sigma in nanomaggies for each band. */
export interface FluxDegradation {
  fwhmArcsec: number;
  beta: number;
  sigmaNanomaggies: number[];
  pixelScaleArcsec: number;
}

/**
 * Blurs flux in nanomaggies and adds noise band by band. Throws BAD_DEGRADATION where there is not one sigma a band.
 */
export function degradeFlux(
  image: Float32Array,
  shape: PlaneShape,
  degradation: FluxDegradation,
  random: Random,
): Float32Array {
  const { fwhmArcsec, beta, sigmaNanomaggies, pixelScaleArcsec } = degradation;
  if (sigmaNanomaggies.length !== shape.bands)
    throw new SkyloopError(
      "BAD_DEGRADATION",
      `noise needs one sigma a band, got ${sigmaNanomaggies.length} for ${shape.bands} bands`,
    );
  const out = convolve(image, shape, pointSpread({ fwhmPx: fwhmArcsec / pixelScaleArcsec, beta }));
  const N = shape.heightPx * shape.widthPx;
  for (let i = 0; i < out.length; i++) out[i] += random.normal(0, sigmaNanomaggies[Math.floor(i / N)]);
  return out;
}

/**
 * A mask [H, W], 1 where hidden: square patches of a grid, as many as come nearest to `share` of the grid, at random
 * places. Throws BAD_DEGRADATION for a share outside [0, 1].
 */
export function patchMask(
  heightPx: number,
  widthPx: number,
  patchPx: number,
  share: number,
  random: Random,
): Uint8Array {
  if (!(share >= 0 && share <= 1 && Number.isInteger(patchPx) && patchPx > 0))
    throw new SkyloopError(
      "BAD_DEGRADATION",
      `a mask has patches of whole pixels over a share from 0 to 1, got ${patchPx} px over ${share}`,
    );
  const [rows, columns] = [Math.ceil(heightPx / patchPx), Math.ceil(widthPx / patchPx)];
  const mask = new Uint8Array(heightPx * widthPx);
  for (const patch of random.sample(rows * columns, Math.round(share * rows * columns))) {
    const [top, left] = [Math.floor(patch / columns) * patchPx, (patch % columns) * patchPx];
    for (let y = top; y < Math.min(heightPx, top + patchPx); y++)
      mask.fill(1, y * widthPx + left, y * widthPx + Math.min(widthPx, left + patchPx));
  }
  return mask;
}

/** A mask with patch size and share drawn from the paper's ranges. */
export function drawMask(
  heightPx: number,
  widthPx: number,
  random: Random,
): { mask: Uint8Array; patchPx: number; share: number } {
  const [patchPx, share] = [random.choice(DEGRADE.patchesPx), random.uniform(...DEGRADE.share)];
  return { mask: patchMask(heightPx, widthPx, patchPx, share, random), patchPx, share };
}

/** The image with `value` in every band where the mask [H, W] is set. */
export function applyMask(image: Float32Array, bands: number, mask: Uint8Array, value = 0): Float32Array {
  const out = image.slice();
  for (let band = 0; band < bands; band++)
    for (let p = 0; p < mask.length; p++) if (mask[p] !== 0) out[band * mask.length + p] = value;
  return out;
}
