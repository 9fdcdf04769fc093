/**
 * Supervision by published catalogues: from the pooled features one linear head for each of their statements (a bar's
 * length in EFIGI, the share of votes for a bar in Galaxy Zoo, a class of Galaxy10) foretells it. Of a galaxy count the
 * statements that its catalogue makes; the others are ignored.
 */
import { BatchNorm, Linear, Module } from "../../../nn/index.ts";
import { bceWithLogits, type Tensor, tensor } from "../../../torch/index.ts";
import type { CatalogueShares } from "../catalogue.ts";
import type { Objective, ObjectiveInput } from "./objective.ts";

/** Learns to tell values of a catalogue's columns from pooled features, where a survey has them. */
export class CatalogueHead extends Module implements Objective {
  readonly norm: BatchNorm;
  readonly shares: Linear;
  readonly #told: CatalogueShares;

  constructor(featureDim: number, told: CatalogueShares) {
    super();
    this.norm = new BatchNorm(featureDim);
    this.shares = new Linear(featureDim, told.names.length);
    this.#told = told;
  }

  /**
   * Minus the logarithm of the binomial likelihood of each statement, weighted by what it counts, over the galaxies of
   * which there is any, both views of each; 0 where there is none.
   */
  loss(step: ObjectiveInput): { loss: Tensor; parts: Record<string, number> } {
    const { share, weight, names } = this.#told;
    const [B, K] = [step.rows.length, names.length];
    const of = (all: Float32Array) =>
      Float32Array.from({ length: 2 * B * K }, (_, i) => all[step.rows[Math.floor(i / K) % B] * K + (i % K)]);
    const counts = of(weight);
    const galaxies = new Set(Array.from(counts.keys()).flatMap((i) => (counts[i] > 0 ? [Math.floor(i / K)] : []))).size;
    const logits = this.shares.forward(this.norm.forward(step.features()));
    const shape = [2 * B, K];
    const loss = bceWithLogits(logits, tensor(of(share), shape), tensor(counts, shape)).mul(
      (2 * B * K) / Math.max(1, galaxies),
    );
    return { loss, parts: { catalogue: loss.item() } };
  }
}
