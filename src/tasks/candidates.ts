/** Deconvolved versions of an image by point spreads of several widths: which of them is right where, a network decides that does not know the width. */
import { wienerMirrored } from "../batches/deconvolve.ts";
import { DEGRADE, pointSpread } from "../stamps/degrade.ts";
import { cat, type Tensor } from "../torch/index.ts";
import { type ImageScale, noiseSigma } from "./image-scale.ts";

/** Full widths of the point spreads, over the range that images are blurred by. */
export const CANDIDATE_FWHM_PX = [3, 5, 7] as const;
/** Wiener's balance is this times the variance of the noise, in units of the brightest pixel of a band; the choice for known point spreads is alike. */
const BALANCE = 1000;
/** Without noise the balance would be nothing and rounding would be amplified. */
const LEAST_SIGMA = 1e-3;

/** Versions [B, 3 candidates, H, W] of degraded images [B, 3, H, W] in their own unit, in the network's. */
export function candidatesOf(degraded: Tensor, kind: "flux" | "colour", scale: ImageScale): Tensor {
  const [B, C, H, W] = degraded.shape;
  const all = degraded.toFloat32Array();
  const balances = Array.from({ length: B * C }, (_, i) => {
    const plane = all.subarray(i * H * W, (i + 1) * H * W);
    const range = kind === "colour" ? 1 : plane.reduce((most, value) => Math.max(most, value), 0) || 1;
    return BALANCE * Math.max(LEAST_SIGMA, noiseSigma(plane, W) / range) ** 2;
  });
  const versions = CANDIDATE_FWHM_PX.map((fwhmPx) => scale.toNetwork(wienerMirrored(degraded, [pointSpread({ fwhmPx, beta: DEGRADE.beta })], balances)));
  return cat(versions, 1);
}
