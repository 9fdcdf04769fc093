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
export interface PsfKernel {
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

/** The point spread of a degradation. Throws BAD_DEGRADATION for a width that is not positive. */
export function pointSpread({ fwhmPx, beta }: Pick<Degradation, "fwhmPx" | "beta">): PsfKernel {
  if (!(fwhmPx > 0 && fwhmPx <= 64 && beta > 1))
    throw new SkyloopError(
      "BAD_DEGRADATION",
      `a Moffat point spread has a width above 0 and up to 64 px and beta above 1, got ${fwhmPx} px and ${beta}`,
    );
  return moffatKernel(fwhmPx, beta);
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
