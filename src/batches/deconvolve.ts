/** Classical deconvolution with a known point spread, the measure for a learned restoration. Definitions are scikit-image's `restoration`. */
import type { Kernel } from "../stamps/degrade.ts";
import { op, opInPlace, type Tensor, tensor, zeros } from "../torch/index.ts";
import { inverseTransform, mirrorPad, transform, transformKernels } from "./convolve.ts";

/** What `mirrorPad` added taken away again. */
function middle(images: Tensor, margin: number): Tensor {
  const [, , H, W] = images.shape;
  return images.slice(2, margin, H - margin).slice(3, margin, W - margin);
}

const widest = (kernels: Kernel[]) => Math.max(...kernels.map(({ size }) => (size - 1) / 2));
const precision = (images: Tensor) => (images.dtype === "float64" ? "float64" : "float32");

/**
 * Richardson-Lucy deconvolution (Richardson 1972, Lucy 1974) of square images [B, C, S, S] with a kernel for each: scikit-image's `richardson_lucy` with
 * `clip=False`, light from beyond the edges taken as dark. It starts at 0.5; negative pixels, which noise makes, stay as they are.
 */
export function richardsonLucy(images: Tensor, kernels: Kernel[], iterations: number): Tensor {
  const [B, C, S] = images.shape;
  const size = S + 2 * widest(kernels);
  const transfer = transformKernels(kernels, size, precision(images));
  const mirrored = op("conj", transfer);
  const padded = zeros([B, C, size, size], precision(images));
  const spread = (planes: Tensor, by: Tensor) => {
    padded.slice(2, 0, S).slice(3, 0, S).copy_(planes);
    return inverseTransform(transform(padded).mul(by), size).slice(2, 0, S).slice(3, 0, S);
  };
  const estimate = op("full_like", images, 0.5);
  for (let i = 0; i < iterations; i++) {
    const ratio = images.div(spread(estimate, transfer).add(1e-12));
    opInPlace("mul_.Tensor", estimate, spread(ratio, mirrored));
  }
  return estimate;
}

/** The same with mirrored edges, as an image of the sky is better continued. */
export function richardsonLucyMirrored(images: Tensor, kernels: Kernel[], iterations: number): Tensor {
  const margin = widest(kernels);
  return middle(richardsonLucy(mirrorPad(images, margin), kernels, iterations), margin);
}

/** A Laplacian as a kernel, which measures roughness. */
const LAPLACIAN: Kernel = { size: 3, values: Float32Array.from([0, -1, 0, -1, 4, -1, 0, -1, 0]) };

/**
 * Wiener-Hunt deconvolution (Hunt 1971) of square images [B, C, S, S], taken as periodic: conj(H) / (|H|^2 + balance |D|^2), D the Laplacian; scikit-image's
 * `wiener` with `clip=False`. One `balance` an image: large ones smooth more.
 */
export function wiener(images: Tensor, kernels: Kernel[], balances: number[]): Tensor {
  const size = images.shape[3];
  const dtype = precision(images);
  const H = transformKernels(kernels, size, dtype);
  const power = (transfer: Tensor) => op("abs", transfer).pow(2);
  const roughness = power(transformKernels([LAPLACIAN], size, dtype)).mul(tensor(balances, [balances.length, 1, 1, 1], dtype));
  const filter = op("conj", H).div(power(H).add(roughness));
  return inverseTransform(transform(images).mul(filter), size);
}

/** The same with mirrored edges. */
export function wienerMirrored(images: Tensor, kernels: Kernel[], balances: number[]): Tensor {
  const margin = widest(kernels);
  return middle(wiener(mirrorPad(images, margin), kernels, balances), margin);
}
