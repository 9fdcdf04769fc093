/**
 * Linear layers together with what stands around them in a transformer block: one operator each on the CPU
 * (native/dense.cc), a composition of ATen's elsewhere.
 */
import { gelu, layerNorm, linear, op, type Tensor } from "../torch/index.ts";
import type { LayerNorm, Linear } from "./layers.ts";

/** What may stand around a linear layer. */
export interface Around {
  /** Normalises x before. */
  norm?: LayerNorm;
  /** Is added to the result, which it is as large as. */
  residual?: Tensor;
  /** Multiplies each sample's result before the residual is added: [B]. */
  scale?: Tensor | null;
}

/** residual + scale * layer(norm(x)), each as far as given: [B, ..., in] -> [B, ..., out]. */
export function fusedLinear(x: Tensor, layer: Linear, around: Around = {}): Tensor {
  if (x.device !== "cpu") return composedLinear(x, layer, around);
  const { norm, residual, scale } = around;
  return op(
    "skyloop::dense",
    x,
    norm?.weight ?? null,
    norm?.bias ?? null,
    norm?.eps ?? 0,
    layer.weight,
    layer.bias,
    residual ?? null,
    scale ?? null,
  );
}

/** x [..., in] by weight [out, in] plus bias and residual, where given. */
export function denseLinear(x: Tensor, weight: Tensor, bias: Tensor | null, residual: Tensor | null = null): Tensor {
  if (x.device === "cpu") return op("skyloop::dense", x, null, null, 0, weight, bias, residual, null);
  const product = linear(x, weight, bias);
  return residual === null ? product : residual.add(product);
}

/** The same as a composition, for other devices; `fusedLinear` is tested against it. */
export function composedLinear(x: Tensor, layer: Linear, { norm, residual, scale }: Around = {}): Tensor {
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
  if (x.device !== "cpu" || first.bias === null || second.bias === null)
    return composedFeedforward(x, norm, first, second, scale);
  return op(
    "skyloop::feedforward",
    x,
    norm.weight,
    norm.bias,
    norm.eps,
    first.weight,
    first.bias,
    second.weight,
    second.bias,
    scale,
  );
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
