/**
 * Linear layers together with what stands around them in a transformer block: one operator each on the CPU
 * (native/operators/dense.cc), a composition of ATen's elsewhere.
 */
import { conv2d, fused, gelu, layerNorm, linear, op, type Tensor } from "../torch/index.ts";
import type { LayerNorm, Linear } from "./layers.ts";

/** What is fused with a linear layer: normalisation before it, a residual and a scale after it. */
export interface FusedLayers {
  /** Normalises x before. */
  norm?: LayerNorm;
  /** Is added to the result, which it is as large as. */
  residual?: Tensor;
  /** Multiplies each sample's result before the residual is added: [B]. */
  scale?: Tensor | null;
}

/** residual + scale * layer(norm(x)), each as far as given: [B, ..., in] -> [B, ..., out]. */
export function fusedLinear(x: Tensor, layer: Linear, around: FusedLayers = {}): Tensor {
  const { norm, residual, scale } = around;
  const before = [norm?.weight ?? null, norm?.bias ?? null, norm?.eps ?? 0] as const;
  return fused(
    "skyloop::dense",
    x,
    () => op("skyloop::dense", x, ...before, layer.weight, layer.bias, residual ?? null, scale ?? null),
    () => composedLinear(x, layer, around),
  );
}

/** x [..., in] by weight [out, in] plus bias and residual, where given. */
export function denseLinear(x: Tensor, weight: Tensor, bias: Tensor | null, residual: Tensor | null = null): Tensor {
  return fused(
    "skyloop::dense",
    x,
    () => op("skyloop::dense", x, null, null, 0, weight, bias, residual, null),
    () => {
      const product = linear(x, weight, bias);
      return residual === null ? product : residual.add(product);
    },
  );
}

/**
 * A convolution of images [B, C, H, W] by weight [out, C, k, k] with steps about as wide as its pieces: tokens [B, H'
 * W', out], each by a product of its piece of the image.
 */
export function convolvePieces(images: Tensor, weight: Tensor, bias: Tensor, stride: number, padding: number): Tensor {
  const pieces = () => op("skyloop::patches", images, weight.shape[3], stride, padding);
  return fused(
    "skyloop::patches",
    images,
    () => denseLinear(pieces(), weight.flatten(1), bias),
    () => conv2d(images, weight, bias, stride, padding).flatten(2).transpose(1, 2),
  );
}

/** The same as a composition, for other devices; `fusedLinear` is tested against it. */
export function composedLinear(x: Tensor, layer: Linear, { norm, residual, scale }: FusedLayers = {}): Tensor {
  const result = linear(norm === undefined ? x : norm.forward(x), layer.weight, layer.bias);
  return residual === undefined ? result : residual.add(scaled(result, scale));
}

/** x + scale * second(gelu(first(norm(x)))): [B, ..., C] -> the same. */
export function fusedFeedforward(
  x: Tensor,
  norm: LayerNorm,
  first: Linear,
  second: Linear,
  scale: Tensor | null,
): Tensor {
  const parts = () => composedFeedforward(x, norm, first, second, scale);
  if (first.bias === null || second.bias === null) return parts();
  const layers = [first.weight, first.bias, second.weight, second.bias];
  const whole = () => op("skyloop::feedforward", x, norm.weight, norm.bias, norm.eps, ...layers, scale);
  return fused("skyloop::feedforward", x, whole, parts);
}

/** The same as a composition, for other devices; `fusedFeedforward` is tested against it. */
export function composedFeedforward(
  x: Tensor,
  norm: LayerNorm,
  first: Linear,
  second: Linear,
  scale: Tensor | null,
): Tensor {
  const hidden = gelu(
    linear(layerNorm(x, norm.weight.shape, norm.weight, norm.bias, norm.eps), first.weight, first.bias),
  );
  return x.add(scaled(linear(hidden, second.weight, second.bias), scale));
}

function scaled(branch: Tensor, scale: Tensor | null | undefined): Tensor {
  return scale == null ? branch : branch.mul(scale.view(-1, ...branch.shape.slice(1).map(() => 1)));
}
