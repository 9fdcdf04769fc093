/**
 * Restoration: images blurred by a Moffat point spread and drowned in noise, and back (Fu et al. 2024, section 3.1).
 */

import type { Random } from "../../base/random.ts";
import { convolveBatch } from "../../batches/convolve.ts";
import type { PixelKind } from "../../contract/survey.ts";
import { DEGRADE, type Degradation, pointSpread } from "../../stamps/degrade.ts";
import { noGrad, randn, tensor } from "../../torch/index.ts";
import { candidatesOf } from "./candidates.ts";
import { type ImageBatch, stackImages } from "./image-task.ts";
import { scaleOf } from "./scale.ts";

/** Full widths and noise are drawn uniformly between these. */
export interface RestoreRanges {
  fwhmPx: [number, number];
  /** Sigma in the image's unit: of 1 for colour, nanomaggies for flux. */
  sigma: [number, number];
  /** What sigma is multiplied by in each band, red first. */
  bandNoise: [number, number, number];
  /** Whether the network is told how wide the point spread is, as observers know it; else it has to see it. */
  seeingKnown: boolean;
}

/** The paper's ranges, for colour. */
export const COLOUR_RANGES: RestoreRanges = {
  fwhmPx: [...DEGRADE.fwhmPx],
  sigma: [...DEGRADE.sigma],
  bandNoise: [1, 1, 1],
  seeingKnown: false,
};

/** A width and a noise from the ranges. */
export function drawBlur(random: Random, { fwhmPx, sigma }: RestoreRanges): Degradation {
  return { fwhmPx: random.uniform(...fwhmPx), beta: DEGRADE.beta, sigma: random.uniform(...sigma) };
}

/** Crops [3, S, S] blurred and made noisy as their degradations say; noise comes from libtorch's generator. */
export function restoreBatch(
  crops: Float32Array[],
  sizePx: number,
  degradations: Degradation[],
  kind: PixelKind,
  { bandNoise, seeingKnown }: RestoreRanges,
): ImageBatch {
  return noGrad(() => {
    const clean = stackImages(crops, sizePx);
    const sigmas = degradations.flatMap(({ sigma }) => bandNoise.map((factor) => sigma * factor));
    const noise = randn(clean.shape).mul(tensor(sigmas, [crops.length, 3, 1, 1]));
    const degraded = convolveBatch(clean, degradations.map(pointSpread)).add(noise);
    const all = kind === "flux" ? degraded.toFloat32Array() : new Float32Array(0);
    const length = 3 * sizePx * sizePx;
    const scale = scaleOf(
      kind,
      crops.map((_, b) => all.subarray(b * length, (b + 1) * length)),
      sizePx,
    );
    const candidates = candidatesOf(
      degraded,
      kind,
      scale,
      seeingKnown ? degradations.map(({ fwhmPx }) => fwhmPx) : null,
    );
    return { image: scale.toNetwork(degraded), known: null, candidates, clean, degraded, scale };
  });
}
