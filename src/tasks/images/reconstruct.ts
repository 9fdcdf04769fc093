/** Reconstruction: images with patches hidden, and what stood there (Fu et al. 2024, section 3.1). */

import type { Random } from "../../base/random.ts";
import { firstGuess } from "../../batches/fill.ts";
import type { PixelKind } from "../../contract/survey.ts";
import { DEGRADE, patchMask } from "../../stamps/degrade.ts";
import { noGrad, tensor } from "../../torch/index.ts";
import { type ImageBatch, stackImages } from "./image-task.ts";
import { scaleOf } from "./scale.ts";

/** Sides of hidden patches in px, and the share of the image that they cover, smallest and largest. */
export interface MaskRanges {
  patchesPx: readonly number[];
  share: readonly [number, number];
}

/** The paper's mixture. */
export const MASK_RANGES: MaskRanges = { patchesPx: DEGRADE.patchesPx, share: DEGRADE.share };

/**
 * A square mask from the ranges that hides at least one patch: an image of which nothing is hidden has no error to
 * measure.
 */
export function drawPatches(random: Random, sizePx: number, { patchesPx, share }: MaskRanges): Uint8Array {
  const patchPx = random.choice(patchesPx);
  const least = (patchPx / sizePx) ** 2;
  return patchMask(sizePx, sizePx, patchPx, Math.max(least, random.uniform(...share)), random);
}

/**
 * Crops [3, S, S] with the pixels hidden that are 1 in their mask [S, S]; the smoothest surface through the known ones
 * stands in the holes.
 */
export function reconstructBatch(
  crops: Float32Array[],
  sizePx: number,
  masks: Uint8Array[],
  kind: PixelKind,
): ImageBatch {
  return noGrad(() => {
    const clean = stackImages(crops, sizePx);
    const known = tensor(
      Float32Array.from(
        { length: crops.length * sizePx * sizePx },
        (_, i) => 1 - masks[Math.floor(i / (sizePx * sizePx))][i % (sizePx * sizePx)],
      ),
      [crops.length, 1, sizePx, sizePx],
    );
    const scale = scaleOf(kind, crops, sizePx, masks);
    const image = firstGuess(scale.toNetwork(clean).mul(known), masks);
    return { image, known, candidates: null, clean, degraded: clean.mul(known), scale };
  });
}
