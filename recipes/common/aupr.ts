/** How well a session's learner ranks what it has not seen. */
import type { LabelledObject } from "../../src/evaluate/probe-data.ts";
import { type Example, type FeatureSpace, learn } from "../../src/loop/learn.ts";
import { averagePrecision } from "../../src/measure/ranking.ts";

/** Area under the curve of precision and recall over `validation` (labels 0 and 1) of a learner of `examples`. */
export function learnedAupr(
  space: FeatureSpace,
  examples: Example[],
  validation: Pick<LabelledObject, "row" | "label">[],
  seed: number,
): number {
  const learner = learn(space, examples, seed);
  const values = learner.scoreRows(validation.map(({ row }) => row));
  learner.dispose();
  return averagePrecision(
    values,
    validation.map(({ label }) => label),
  );
}
