/**
 * Deconvolved versions of an image, of which a network decides how much of each to take where: by point spreads of
 * several widths, or by the true one, more and less smooth.
 */

import { wienerMirrored } from "../../batches/deconvolve.ts";
import type { PixelKind } from "../../contract/survey.ts";
import { DEGRADE, pointSpread } from "../../stamps/degrade.ts";
import { cat, type Tensor } from "../../torch/index.ts";
import { type ImageScale, noiseSigma } from "./scale.ts";

/** How many versions there are. */
export const CANDIDATES = 3;
/**
 * Wiener's balance is a factor times the variance of the noise, in units of the brightest pixel of a band. Where the
 * width is not known: these widths, over the range that images are blurred by, with the factor that suits known ones.
 * Where it is: that width, with less and more than that.
 */
const GUESSED = [3, 5, 7].map((fwhmPx) => ({ fwhmPx, factor: 1000 }));
const KNOWN_FACTORS = [100, 1000, 10_000];
/** Without noise the balance would be nothing and rounding would be amplified. */
const LEAST_SIGMA = 1e-3;

/**
 * Versions [B, 3 candidates, H, W] of degraded images [B, 3, H, W] in their own unit, in the network's. `fwhmPx`: the
 * point spread's full width in each image, null where unknown.
 */
export function candidatesOf(degraded: Tensor, kind: PixelKind, scale: ImageScale, fwhmPx: number[] | null): Tensor {
  const [B, C, H, W] = degraded.shape;
  const all = degraded.toFloat32Array();
  const variances = Array.from({ length: B * C }, (_, i) => {
    const plane = all.subarray(i * H * W, (i + 1) * H * W);
    const range = kind === "colour" ? 1 : plane.reduce((most, value) => Math.max(most, value), 0) || 1;
    return Math.max(LEAST_SIGMA, noiseSigma(plane, W) / range) ** 2;
  });
  const wanted =
    fwhmPx === null
      ? GUESSED.map(({ fwhmPx: one, factor }) => ({ widths: [one], factor }))
      : KNOWN_FACTORS.map((factor) => ({ widths: fwhmPx, factor }));
  const versions = wanted.map(({ widths, factor }) => {
    const spreads = widths.map((width) => pointSpread({ fwhmPx: width, beta: DEGRADE.beta }));
    return scale.toNetwork(
      wienerMirrored(
        degraded,
        spreads,
        variances.map((variance) => factor * variance),
      ),
    );
  });
  return cat(versions, 1);
}
