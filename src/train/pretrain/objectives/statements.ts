/** Statements about galaxies (yes, no or a share between) foretold from pooled features, one linear map for each. */
import { BatchNorm, Linear, Module } from "../../../nn/index.ts";
import { bceWithLogits, type Tensor, tensor } from "../../../torch/index.ts";

/** Linear maps [K, D] of normalised features to the logits of K statements. */
export class StatementHead extends Module {
  readonly norm: BatchNorm;
  readonly shares: Linear;

  constructor(featureDim: number, count: number) {
    super();
    this.norm = new BatchNorm(featureDim);
    this.shares = new Linear(featureDim, count);
  }

  /**
   * Minus the logarithm of the binomial likelihood of each statement `share` [rows K], weighted by what it counts
   * (`weight`, likewise), over those of features [rows, D] of which there is any; 0 where there is none.
   */
  missed(features: Tensor, share: Float32Array, weight: Float32Array): Tensor {
    const rows = features.shape[0];
    const K = share.length / rows;
    const told = new Set(Array.from(weight.keys()).flatMap((i) => (weight[i] > 0 ? [Math.floor(i / K)] : []))).size;
    const logits = this.shares.forward(this.norm.forward(features));
    return bceWithLogits(logits, tensor(share, [rows, K]), tensor(weight, [rows, K])).mul(
      (rows * K) / Math.max(1, told),
    );
  }
}
