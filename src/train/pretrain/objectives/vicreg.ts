/**
 * Variance-invariance-covariance regularisation (VICReg; Bardes, Ponce & LeCun 2022): embeddings of two views of a
 * galaxy become equal (invariance), each dimension varies over the batch (variance), and dimensions are decorrelated
 * (covariance). Needs neither negative pairs nor a large batch.
 */

import { BatchNorm, Linear, Module, Relu, Sequential } from "../../../nn/index.ts";
import { mseLoss, op, type Tensor } from "../../../torch/index.ts";
import type { Objective, ObjectiveInput } from "./objective.ts";

/** Width of the projector and weights of the three terms (Bardes et al. 2022). */
export interface VicregOptions {
  width: number;
  invariance: number;
  variance: number;
  covariance: number;
}

/** The weights of the VICReg paper with a narrower projector. */
export const DEFAULT_VICREG: VicregOptions = { width: 512, invariance: 25, variance: 25, covariance: 1 };

/**
 * Hinge on the standard deviation of each column of z [B, D], and the mean squared covariance of different columns
 * times D.
 */
export function varianceAndCovariance(z: Tensor): [Tensor, Tensor] {
  const [B, D] = z.shape;
  const centred = z.sub(z.mean(0, true));
  const spread = centred
    .pow(2)
    .sum(0)
    .div(B - 1)
    .add(1e-4)
    .sqrt();
  const variance = spread.neg().add(1).relu().mean();
  const covariance = centred
    .t()
    .matmul(centred)
    .div(B - 1);
  const offDiagonal = covariance.pow(2).sum().sub(op("diagonal", covariance).pow(2).sum());
  return [variance, offDiagonal.div(D)];
}

/** The head that embeds features [B, D] for the loss; thrown away after training. */
export class VicregHead extends Module implements Objective {
  readonly expander: Sequential;
  readonly #options: VicregOptions;

  constructor(featureDim: number, options: VicregOptions) {
    super();
    const { width } = options;
    this.expander = new Sequential(
      new Linear(featureDim, width),
      new BatchNorm(width),
      new Relu(),
      new Linear(width, width),
      new BatchNorm(width),
      new Relu(),
      new Linear(width, width),
    );
    this.#options = options;
  }

  /** The loss of two views of each galaxy, and its parts for the record. */
  loss(step: ObjectiveInput): { loss: Tensor; parts: Record<string, number> } {
    const B = step.truth.length;
    const z = this.expander.forward(step.features());
    const [a, b] = [z.slice(0, 0, B), z.slice(0, B, 2 * B)];
    const invariance = mseLoss(a, b);
    const [varianceA, covarianceA] = varianceAndCovariance(a);
    const [varianceB, covarianceB] = varianceAndCovariance(b);
    const variance = varianceA.add(varianceB).div(2);
    const covariance = covarianceA.add(covarianceB);
    const { invariance: i, variance: v, covariance: c } = this.#options;
    const loss = invariance.mul(i).add(variance.mul(v)).add(covariance.mul(c));
    return { loss, parts: { invariance: invariance.item(), variance: variance.item(), covariance: covariance.item() } };
  }
}
