/** A first guess of hidden pixels: a pyramid of means over the known ones. */
import { op, resizeBilinear, type Tensor, where } from "../torch/index.ts";

/**
 * Images [B, C, H, W] whose pixels with `known` [B, 1, H, W] 0 are replaced by the known ones around them: means over ever larger squares, as far as one
 * finds known pixels, brought back smoothly (push-pull, Gortler et al. 1996). An image without any known pixel becomes 0.
 */
export function pushPull(images: Tensor, known: Tensor): Tensor {
  const [, , H, W] = images.shape;
  if (H < 2 || W < 2 || H % 2 !== 0 || W % 2 !== 0) {
    const weight = known.sum([2, 3], true).clamp(1);
    return where(known.gt(0), images, images.mul(known).sum([2, 3], true).div(weight));
  }
  const halve = (x: Tensor) => op("avg_pool2d", x, [2, 2], [2, 2], [0, 0], false, true);
  const share = halve(known);
  const coarse = halve(images.mul(known)).div(share.clamp(1e-6));
  const filled = pushPull(coarse, share.gt(0).to("float32"));
  return where(known.gt(0), images, resizeBilinear(filled, H, W));
}
