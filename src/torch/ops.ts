/** Operators of neural networks as functions: shapes as in `torch.nn.functional`. */
import { type DType, isObserved } from "./dispatch.ts";
import { isShortThere } from "./process.ts";
import { op, ops, type Tensor } from "./tensor.ts";

/** Operators of ours that whoever watches is shown as the smaller ones that they consist of. */
const SHOWN_IN_PARTS = new Set(["skyloop::swin_block", "skyloop::patches"]);

/**
 * What the operator `name` of ours makes of x: by itself (`whole`), or by the other operators that it consists of
 * (`parts`): on devices that it is not made for, and where calls are watched by somebody who has to see its parts
 * (FLOPs, ONNX). Both give the same within rounding.
 */
export function fused(name: string, x: Tensor, whole: () => Tensor, parts: () => Tensor): Tensor {
  return x.device !== "cpu" || (SHOWN_IN_PARTS.has(name) && isObserved()) ? parts() : whole();
}

/** x [..., in] by weight [out, in] plus bias [out] -> [..., out]. */
export function linear(x: Tensor, weight: Tensor, bias: Tensor | null): Tensor {
  if (!isShortThere()) return op("linear", x, weight, bias);
  const [factor, by, added] = [x, weight, bias].map((one) => one?.to("bfloat16") ?? null);
  return (op("linear", factor, by, added) as Tensor).to(x.dtype as DType);
}

/** x [B, C, H, W] by weight [out, C / groups, kh, kw] -> [B, out, H', W']. */
export function conv2d(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  stride = 1,
  padding = 0,
  dilation = 1,
  groups = 1,
): Tensor {
  return op("conv2d", x, weight, bias, [stride, stride], [padding, padding], [dilation, dilation], groups);
}

/** Normalises the last dimensions `shape`. */
export function layerNorm(x: Tensor, shape: number[], weight: Tensor | null, bias: Tensor | null, eps: number): Tensor {
  return op("layer_norm", x, shape, weight, bias, eps);
}

/** Exact GELU (Hendrycks & Gimpel 2016), by the error function. */
export function gelu(x: Tensor): Tensor {
  return op("gelu", x);
}

/** x where positive, slope * x elsewhere; weight [1] or [C]. */
export function prelu(x: Tensor, weight: Tensor): Tensor {
  return op("prelu", x, weight);
}

/** [B, C r^2, H, W] -> [B, C, H r, W r]. */
export function pixelShuffle(x: Tensor, factor: number): Tensor {
  return op("pixel_shuffle", x, factor);
}

/** Bilinear resize of [B, C, H, W] to a size in pixels, pixel centres aligned (align_corners false). */
export function resizeBilinear(x: Tensor, height: number, width: number): Tensor {
  return op("upsample_bilinear2d", x, [height, width], false, null, null);
}

/** Zeroes elements with probability p and scales the others by 1 / (1 - p) while training. */
export function dropout(x: Tensor, p: number, training: boolean): Tensor {
  return op("dropout", x, p, training);
}

/** Mean of squared differences. */
export function mseLoss(x: Tensor, target: Tensor): Tensor {
  return op("mse_loss", x, target);
}

/**
 * Mean cross entropy of logits [B, classes] and class numbers [B] (int64) or probabilities [B, classes]; weight
 * [classes].
 */
export function crossEntropy(logits: Tensor, target: Tensor, weight: Tensor | null = null, labelSmoothing = 0): Tensor {
  return op("cross_entropy_loss", logits, target, weight, 1, -100, labelSmoothing);
}

/** Mean binary cross entropy of logits; `weight` multiplies each element's loss. */
export function bceWithLogits(logits: Tensor, target: Tensor, weight: Tensor | null = null): Tensor {
  return op("binary_cross_entropy_with_logits", logits, target, weight);
}

/** Batch normalisation of [B, C, ...]; running statistics are updated in place while training. */
export function batchNorm(
  x: Tensor,
  weight: Tensor,
  bias: Tensor,
  mean: Tensor,
  variance: Tensor,
  training: boolean,
  momentum: number,
  eps: number,
): Tensor {
  return op("batch_norm", x, weight, bias, mean, variance, training, momentum, eps, false);
}

/** Rows scaled to unit Euclidean length along `dim`. */
export function normalize(x: Tensor, dim: number, eps = 1e-12): Tensor {
  return x.div(op("linalg_vector_norm", x, 2, [dim], true).clamp(eps));
}

/** Principal axes: U [n, k], S [k], V^T [k, m] of x [n, m]. */
export function svd(x: Tensor): [Tensor, Tensor, Tensor] {
  return ops("linalg_svd", x, false) as [Tensor, Tensor, Tensor];
}

/** Eigenvalues [n], rising, and eigenvectors [n, n], one a column, of a symmetric matrix. */
export function eigh(x: Tensor): [Tensor, Tensor] {
  return ops("linalg_eigh", x, "L") as [Tensor, Tensor];
}

/** Q [n, k] with orthonormal columns and R of x [n, k]. */
export function qr(x: Tensor): [Tensor, Tensor] {
  return ops("linalg_qr", x, "reduced") as [Tensor, Tensor];
}

/** Images [B, C, S, S] by quarter turns, then mirrored left to right where asked. */
export function turned(x: Tensor, quarters: number, mirrored: boolean): Tensor {
  const rotated = op("rot90", x, quarters, [2, 3]) as Tensor;
  return mirrored ? op("flip", rotated, [3]) : rotated;
}

/** Samples x [B, C, H, W] at grid [B, H', W', 2] of (x, y) in [-1, 1], bilinear, borders repeated. */
export function gridSample(x: Tensor, grid: Tensor): Tensor {
  return op("grid_sampler", x, grid, 0, 1, false);
}
