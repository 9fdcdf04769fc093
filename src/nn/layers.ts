/** The layers our models are made of, with PyTorch's defaults. */
import { SkyloopError } from "../base/errors.ts";
import {
  batchNorm,
  conv2d,
  dropout,
  gelu,
  keep,
  layerNorm,
  linear,
  ones,
  op,
  type Parameter,
  pixelShuffle,
  prelu,
  resizeBilinear,
  type Tensor,
  zeros,
} from "../torch/index.ts";
import { constant, truncatedNormal, uniform } from "./init.ts";
import { Layer } from "./module.ts";

/** [..., in] -> [..., out]. `init` "transformer": normal 0.02 and zero bias; else PyTorch's uniform. */
export class Linear extends Layer {
  readonly weight: Parameter; // [out, in]
  readonly bias: Parameter | null; // [out]

  constructor(inputs: number, outputs: number, options: { bias?: boolean; init?: "transformer" | "default" } = {}) {
    super();
    const transformer = options.init === "transformer";
    const bound = 1 / Math.sqrt(inputs);
    this.weight = transformer ? truncatedNormal([outputs, inputs]) : uniform([outputs, inputs], bound);
    this.bias = options.bias === false ? null : transformer ? constant([outputs], 0) : uniform([outputs], bound);
  }
  forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias);
  }
}

/** [B, in, H, W] -> [B, out, H', W']. */
export class Conv2d extends Layer {
  readonly weight: Parameter; // [out, in / groups, k, k]
  readonly bias: Parameter | null; // [out]
  readonly #options: { stride: number; padding: number; dilation: number; groups: number };

  constructor(
    inputs: number,
    outputs: number,
    kernel: number,
    options: { stride?: number; padding?: number; dilation?: number; groups?: number; bias?: boolean } = {},
  ) {
    super();
    const { stride = 1, padding = 0, dilation = 1, groups = 1, bias = true } = options;
    if (inputs % groups !== 0 || outputs % groups !== 0)
      throw new SkyloopError(
        "BAD_LAYER",
        `Conv2d: ${groups} groups divide neither ${inputs} nor ${outputs} channels; choose a common divisor`,
      );
    this.#options = { stride, padding, dilation, groups };
    const bound = 1 / Math.sqrt((inputs / groups) * kernel * kernel);
    this.weight = uniform([outputs, inputs / groups, kernel, kernel], bound);
    this.bias = bias ? uniform([outputs], bound) : null;
  }
  forward(x: Tensor): Tensor {
    const { stride, padding, dilation, groups } = this.#options;
    return conv2d(x, this.weight, this.bias, stride, padding, dilation, groups);
  }
}

/** Normalises the last dimension. */
export class LayerNorm extends Layer {
  readonly weight: Parameter; // [width]
  readonly bias: Parameter; // [width]
  readonly eps: number;

  constructor(width: number, eps = 1e-5) {
    super();
    this.weight = constant([width], 1);
    this.bias = constant([width], 0);
    this.eps = eps;
  }
  forward(x: Tensor): Tensor {
    return layerNorm(x, this.weight.shape, this.weight, this.bias, this.eps);
  }
}

/** Added to the variances that batches are divided by. */
export const BATCH_NORM_EPS = 1e-5;

/** Batch normalisation of [B, C] or [B, C, H, W] with running statistics. */
export class BatchNorm extends Layer {
  readonly weight: Parameter;
  readonly bias: Parameter;
  readonly running_mean: Tensor;
  readonly running_var: Tensor;
  readonly num_batches_tracked: Tensor;

  constructor(width: number) {
    super();
    this.weight = constant([width], 1);
    this.bias = constant([width], 0);
    this.running_mean = keep(zeros([width]));
    this.running_var = keep(ones([width]));
    this.num_batches_tracked = keep(zeros([], "int64"));
  }
  forward(x: Tensor): Tensor {
    return batchNorm(
      x,
      this.weight,
      this.bias,
      this.running_mean,
      this.running_var,
      this.training,
      0.1,
      BATCH_NORM_EPS,
    );
  }
}

/** Learned slope for negatives, one for all channels (He et al. 2015). */
export class PRelu extends Layer {
  readonly weight: Parameter = constant([1], 0.25);
  forward(x: Tensor): Tensor {
    return prelu(x, this.weight);
  }
}

/** Gaussian error linear unit, x times the normal distribution's cumulative function (Hendrycks & Gimpel 2016). */
export class Gelu extends Layer {
  forward(x: Tensor): Tensor {
    return gelu(x);
  }
}

/** Rectified linear unit: the larger of x and 0. */
export class Relu extends Layer {
  forward(x: Tensor): Tensor {
    return x.relu();
  }
}

/** Sets numbers to 0 with probability p while training and scales the rest by 1 / (1 - p); nothing in evaluation. */
export class Dropout extends Layer {
  readonly #p: number;
  constructor(p: number) {
    super();
    this.#p = p;
  }
  forward(x: Tensor): Tensor {
    return dropout(x, this.#p, this.training);
  }
}

/** [B, C r^2, H, W] -> [B, C, H r, W r]. */
export class PixelShuffle extends Layer {
  readonly #factor: number;
  constructor(factor: number) {
    super();
    this.#factor = factor;
  }
  forward(x: Tensor): Tensor {
    return pixelShuffle(x, this.#factor);
  }
}

/** [B, C, H, W] -> [B, C, H r, W r], bilinear, align_corners false. */
export class UpsampleBilinear extends Layer {
  readonly #factor: number;
  constructor(factor: number) {
    super();
    this.#factor = factor;
  }
  forward(x: Tensor): Tensor {
    const [, , height, width] = x.shape;
    return resizeBilinear(x, height * this.#factor, width * this.#factor);
  }
}

/**
 * Where the rows of a batch stand among those of a larger one: every `size`-th from the `rank`-th on, of `batch`;
 * several such batches may follow one another.
 */
interface RowsOf {
  rank: number;
  size: number;
  batch: number;
}
let rowsOf: RowsOf | null = null;

/**
 * From now on branches are dropped as if the whole batch were here; null: as rows come. Processes that share a batch
 * then drop what one process would.
 */
export function dropRowsOf(whole: RowsOf | null): void {
  rowsOf = whole;
}

/**
 * What each of B samples' residual branch is multiplied by: 0 with probability p while training, 1 / (1 - p) for the
 * kept (Huang et al. 2016); null where nothing is dropped. In the type and on the device of `like`: [B].
 */
export function dropPath(like: Tensor, p: number, training: boolean): Tensor | null {
  if (!training || p === 0) return null;
  const [B] = like.shape;
  const kept = (rows: number): Tensor => op("bernoulli.p", op("new_empty", like, [rows]), 1 - p).div(1 - p);
  if (rowsOf === null) return kept(B);
  const { rank, size, batch } = rowsOf;
  const own = Math.ceil((batch - rank) / size);
  return kept((B / own) * batch)
    .reshape(B / own, batch)
    .slice(1, rank, batch, size)
    .reshape(B);
}
