/**
 * Supervision by what was painted into pictures of real galaxies (`stamps/structures/paint.ts`): from the pooled features
 * one linear head for each structure tells whether it is there. No person labelled anything, and the galaxies are real.
 */

import { STRUCTURES } from "../../../stamps/structures/paint.ts";
import type { Tensor } from "../../../torch/index.ts";
import type { Objective, ObjectiveInput } from "./objective.ts";
import { StatementHead } from "./statements.ts";

/** Learns to tell which structures were painted into a galaxy; those left as they are are passed over. */
export class StructuresHead extends StatementHead implements Objective {
  constructor(featureDim: number) {
    super(featureDim, STRUCTURES.length);
  }

  /** How badly the structures are told, of this process's galaxies, both views of each. */
  loss(step: ObjectiveInput): { loss: Tensor; parts: Record<string, number> } {
    const [B, K] = [step.rows.length, STRUCTURES.length];
    const [share, weight] = [new Float32Array(2 * B * K), new Float32Array(2 * B * K)];
    for (const [i, place] of step.places.entries()) {
      const shown = step.painted.subarray(i * K, (i + 1) * K);
      if (shown[0] < 0) continue;
      for (const row of [place, place + B]) {
        share.set(shown, row * K);
        weight.fill(1, row * K, (row + 1) * K);
      }
    }
    const loss = this.missed(step.features(), share, weight);
    return { loss, parts: { structures: loss.item() } };
  }
}
