/**
 * Convolution of whole batches with a point spread for each image, by Fourier transform: what `stamps/degrade.ts` does
 * to one image, fast enough for training.
 */
import type { PsfKernel } from "../stamps/degrade.ts";
import { op, type Tensor, tensor } from "../torch/index.ts";

/**
 * Places on an axis of `length` pixels with `margin` more on each side, mirrored at the edges (the edge pixel is
 * repeated).
 */
export function mirroredPlaces(length: number, margin: number): Int32Array {
  const period = 2 * length;
  return Int32Array.from({ length: length + 2 * margin }, (_, i) => {
    const inside = (((i - margin) % period) + period) % period;
    return inside < length ? inside : period - 1 - inside;
  });
}

/** Images [B, C, H, W] with `margin` mirrored pixels on each side. */
export function mirrorPad(images: Tensor, margin: number): Tensor {
  const [, , H, W] = images.shape;
  const along = (length: number) => tensor([...mirroredPlaces(length, margin)], [length + 2 * margin], "int64");
  return images.indexSelect(2, along(H)).indexSelect(3, along(W));
}

/**
 * Kernels' transforms [B, 1, height, width / 2 + 1] on a grid of height x width pixels, each kernel's centre at the
 * first pixel.
 */
export function transformKernels(
  kernels: PsfKernel[],
  height: number,
  width: number,
  dtype: "float32" | "float64" = "float32",
): Tensor {
  const planes = new Float64Array(kernels.length * height * width);
  for (const [b, { size: k, values }] of kernels.entries()) {
    const half = (k - 1) / 2;
    for (let y = 0; y < k; y++)
      for (let x = 0; x < k; x++) {
        const [row, column] = [(y - half + height) % height, (x - half + width) % width];
        planes[(b * height + row) * width + column] += values[y * k + x];
      }
  }
  return op("fft_rfft2", tensor(planes, [kernels.length, 1, height, width], dtype), null, [-2, -1], null);
}

/** The inverse of `transform`: [B, C, height, width / 2 + 1] -> [B, C, height, width]. */
export function inverseTransform(transformed: Tensor, height: number, width: number): Tensor {
  return op("fft_irfft2", transformed, [height, width], [-2, -1], null);
}

/** Transform of images [B, C, H, W]: [B, C, H, W / 2 + 1], complex. */
export function transform(images: Tensor): Tensor {
  return op("fft_rfft2", images, null, [-2, -1], null);
}

/** Images [B, C, H, W], each convolved with its kernel; beyond the edges an image is taken as mirrored. */
export function convolveBatch(images: Tensor, kernels: PsfKernel[]): Tensor {
  const [, , H, W] = images.shape;
  const margin = Math.max(...kernels.map(({ size }) => (size - 1) / 2));
  const [height, width] = [H + 2 * margin, W + 2 * margin];
  const product = transform(mirrorPad(images, margin)).mul(transformKernels(kernels, height, width));
  return inverseTransform(product, height, width)
    .slice(2, margin, margin + H)
    .slice(3, margin, margin + W);
}
