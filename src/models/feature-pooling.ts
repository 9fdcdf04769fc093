/** Pooling: an encoder's maps to one row of features per image. */
import { cat, op, type Tensor } from "../torch/index.ts";
import { ringPatterns } from "./ring-pooling.ts";
import type { SwinUnet } from "./swin-unet.ts";

/**
 * `last`: the last stage's tokens averaged (the paper's). `stages`: mean and maximum over the tokens of every stage's
 * output, finest first, and of the last one normalised; what stands in one place of the galaxy (a knot, an arm, a bar)
 * survives in the maxima and in the finer stages.
 */
export const POOLINGS = ["last", "stages"] as const;

/** A way of POOLINGS to make one row of features from an encoder's maps. */
export type Pooling = (typeof POOLINGS)[number];

/** Width of a pooled row. */
export function pooledDim(model: SwinUnet, pooling: Pooling): number {
  const { embedDim, depths } = model.config;
  if (pooling === "last") return model.featureDim;
  // The output of a stage is the input of the next one, which is twice as wide.
  const outputs = depths.slice(1).reduce((sum, _, stage) => sum + embedDim * 2 ** (stage + 1), 0);
  return 2 * (outputs + model.featureDim);
}

/** Images [B, 3, H, W] to pooled features [B, pooledDim]; with `rings`, patterns in rings follow in each row. */
export function pooled(model: SwinUnet, images: Tensor, pooling: Pooling, rings = false): Tensor {
  const found = model.encode(images);
  const { features, skips } = found;
  const parts =
    pooling === "last"
      ? [features.mean(1)]
      : [...skips.slice(1), features].flatMap((map) => [map.mean(1), op("amax", map, [1], false)]);
  const [, , H, W] = images.shape;
  return cat(rings ? [...parts, ringPatterns(found, model, H, W)] : parts, 1);
}

/**
 * Sides of the grid over which brightness is averaged before its range is taken, and the least range that is stretched,
 * in units of the image.
 */
const RANGE = { cells: 8, fine: 21, leastRange: 0.2 } as const;

/**
 * Images [B, 3, H, W] brought to a common range, so that the survey's background and brightness matter less than the
 * galaxy: each band's darkest cell of an 8 x 8 grid becomes 0, the brightest spot of the middle half in any band 1.
 * Colour, the ratio of the bands, stays.
 */
export function commonRange(images: Tensor): Tensor {
  const [B, C, H, W] = images.shape;
  const cells = op("adaptive_avg_pool2d", images, [RANGE.cells, RANGE.cells]);
  const dark = op("amin", cells, [2, 3], true);
  const middle = images
    .slice(2, Math.floor(H / 4), Math.ceil((3 * H) / 4))
    .slice(3, Math.floor(W / 4), Math.ceil((3 * W) / 4));
  const spots = op("adaptive_avg_pool2d", middle, [
    Math.min(RANGE.fine, middle.shape[2]),
    Math.min(RANGE.fine, middle.shape[3]),
  ]);
  const bright = op("amax", spots.sub(dark), [1, 2, 3], true).clamp(RANGE.leastRange);
  return images.sub(dark.expand(B, C, 1, 1)).div(bright);
}
