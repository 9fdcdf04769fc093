/**
 * Classical deconvolution with a known point spread, the measure for a learned restoration. Definitions are
 * scikit-image's `restoration`.
 */
import type { PsfKernel } from "../stamps/degrade.ts";
import { op, opInPlace, type Tensor, tensor, zeros } from "../torch/index.ts";
import { inverseTransform, mirrorPad, transform, transformKernels } from "./convolve.ts";

/** What `mirrorPad` added taken away again. */
function middle(images: Tensor, margin: number): Tensor {
  const [, , H, W] = images.shape;
  return images.slice(2, margin, H - margin).slice(3, margin, W - margin);
}

const widest = (kernels: PsfKernel[]) => Math.max(...kernels.map(({ size }) => (size - 1) / 2));
const precision = (images: Tensor) => (images.dtype === "float64" ? "float64" : "float32");

/**
 * Richardson-Lucy deconvolution (Richardson 1972, Lucy 1974) of images [B, C, H, W] with a kernel for each:
 * scikit-image's `richardson_lucy` with `clip=False`, light from beyond the edges taken as dark. It starts at 0.5;
 * negative pixels, which noise makes, stay as they are.
 */
export function richardsonLucy(images: Tensor, kernels: PsfKernel[], iterations: number): Tensor {
  const [B, C, H, W] = images.shape;
  const [height, width] = [H + 2 * widest(kernels), W + 2 * widest(kernels)];
  const transfer = transformKernels(kernels, height, width, precision(images));
  const mirrored = op("conj", transfer);
  const padded = zeros([B, C, height, width], precision(images));
  const spread = (planes: Tensor, by: Tensor) => {
    padded.slice(2, 0, H).slice(3, 0, W).copy_(planes);
    return inverseTransform(transform(padded).mul(by), height, width).slice(2, 0, H).slice(3, 0, W);
  };
  const estimate = op("full_like", images, 0.5);
  for (let i = 0; i < iterations; i++) {
    const ratio = images.div(spread(estimate, transfer).add(1e-12));
    opInPlace("mul_.Tensor", estimate, spread(ratio, mirrored));
  }
  return estimate;
}

/** The same with mirrored edges, as an image of the sky is better continued. */
export function richardsonLucyMirrored(images: Tensor, kernels: PsfKernel[], iterations: number): Tensor {
  const margin = widest(kernels);
  return middle(richardsonLucy(mirrorPad(images, margin), kernels, iterations), margin);
}

/** A Laplacian as a kernel, which measures roughness. */
const LAPLACIAN: PsfKernel = { size: 3, values: Float32Array.from([0, -1, 0, -1, 4, -1, 0, -1, 0]) };

/**
 * Wiener-Hunt deconvolution (Hunt 1971) of images [B, C, H, W], taken as periodic: conj(H) / (|H|^2 + balance |D|^2), D
 * the Laplacian; scikit-image's `wiener` with `clip=False`. One kernel for all or one an image; one balance an image or
 * one for each of its bands: large ones smooth more.
 */
export function wiener(images: Tensor, kernels: PsfKernel[], balances: number[]): Tensor {
  const [B, , height, width] = images.shape;
  const dtype = precision(images);
  const H = transformKernels(kernels, height, width, dtype);
  const power = (transfer: Tensor) => op("abs", transfer).pow(2);
  const roughness = power(transformKernels([LAPLACIAN], height, width, dtype)).mul(
    tensor(balances, [B, balances.length / B, 1, 1], dtype),
  );
  const filter = op("conj", H).div(power(H).add(roughness));
  return inverseTransform(transform(images).mul(filter), height, width);
}

/** The same with mirrored edges. */
export function wienerMirrored(images: Tensor, kernels: PsfKernel[], balances: number[]): Tensor {
  const margin = widest(kernels);
  return middle(wiener(mirrorPad(images, margin), kernels, balances), margin);
}
