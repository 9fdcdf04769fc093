/** A first guess of hidden pixels, for a network to make better. */
import { inpaintBiharmonic } from "../stamps/inpaint.ts";
import { op, resizeBilinear, type Tensor, tensor, where } from "../torch/index.ts";

/**
 * Images [B, 3, H, W] with hidden pixels (`masks` [H, W], 1 where hidden) filled by the biharmonic equation, and
 * regions too large for it by `pushPull`.
 */
export function firstGuess(images: Tensor, masks: Uint8Array[]): Tensor {
  const [B, bands, heightPx, widthPx] = images.shape;
  const N = heightPx * widthPx;
  const known = tensor(
    Float32Array.from({ length: B * N }, (_, i) => 1 - masks[Math.floor(i / N)][i % N]),
    [B, 1, heightPx, widthPx],
  );
  const roughly = pushPull(images.mul(known), known).toFloat32Array();
  const filled = new Float32Array(roughly.length);
  for (const [b, mask] of masks.entries()) {
    const image = roughly.subarray(b * bands * N, (b + 1) * bands * N);
    filled.set(inpaintBiharmonic(image, { bands, heightPx, widthPx, mask }), b * bands * N);
  }
  return tensor(filled, images.shape);
}

/**
 * Images [B, C, H, W] whose pixels with `known` [B, 1, H, W] 0 are replaced by the known ones around them: means over
 * ever larger squares, as far as one finds known pixels, brought back smoothly (push-pull, Gortler et al. 1996). An
 * image without any known pixel becomes 0.
 */
export function pushPull(images: Tensor, known: Tensor): Tensor {
  const [, , H, W] = images.shape;
  if (H < 2 && W < 2) return images.mul(known);
  // A last row or column by itself is a mean of its own.
  const halve = (x: Tensor) => op("avg_pool2d", x, [2, 2], [2, 2], [0, 0], true, false);
  const share = halve(known);
  const coarse = halve(images.mul(known)).div(share.clamp(1e-6));
  const filled = pushPull(coarse, share.gt(0).to("float32"));
  return where(known.gt(0), images, resizeBilinear(filled, H, W));
}
