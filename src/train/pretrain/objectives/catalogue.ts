/**
 * Supervision by published catalogues: from the pooled features one linear head for each of their statements (a bar's
 * length in EFIGI, the share of votes for a bar in Galaxy Zoo, a class of Galaxy10) foretells it. Of a galaxy count the
 * statements that its catalogue makes; the others are ignored.
 */
import type { Tensor } from "../../../torch/index.ts";
import type { CatalogueShares } from "../catalogue.ts";
import type { Objective, ObjectiveInput } from "./objective.ts";
import { StatementHead } from "./statements.ts";

/** Learns to tell values of a catalogue's columns from pooled features, where a survey has them. */
export class CatalogueHead extends StatementHead implements Objective {
  readonly #told: CatalogueShares;

  constructor(featureDim: number, told: CatalogueShares) {
    super(featureDim, told.names.length);
    this.#told = told;
  }

  /** How badly the statements are foretold, both views of each galaxy. */
  loss(step: ObjectiveInput): { loss: Tensor; parts: Record<string, number> } {
    const { share, weight, names } = this.#told;
    const [B, K] = [step.rows.length, names.length];
    const of = (all: Float32Array) =>
      Float32Array.from({ length: 2 * B * K }, (_, i) => all[step.rows[Math.floor(i / K) % B] * K + (i % K)]);
    const loss = this.missed(step.features(), of(share), of(weight));
    return { loss, parts: { catalogue: loss.item() } };
  }
}
