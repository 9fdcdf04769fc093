/** What the probe reports of a classification: how often it is right, and how well its scores rank. */
import { classificationScores, mostProbable } from "./classification.ts";
import { auroc, averagePrecision } from "./ranking.ts";

/** The four numbers by which a probe's classifiers are compared. */
export interface ClassMeasures {
  accuracy: number;
  /** As in classification.ts. */
  macroF1: number;
  /** Of class 1 where there are two classes; else the mean over classes, each against the others. */
  auroc: number;
  aupr: number;
}

/** Measures of scores [n, classes] against class numbers; the class with the largest score is the one given. */
export function measureClasses(scores: Float32Array, labels: number[], classes: number): ClassMeasures {
  const { accuracy, macroF1 } = classificationScores(mostProbable(scores, classes), labels, classes);
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const ranked = (classes === 2 ? [1] : Array.from({ length: classes }, (_, c) => c)).map((c) => {
    const own = Float32Array.from(labels, (_, i) => scores[i * classes + c]);
    const truth = labels.map((label) => Number(label === c));
    return { auroc: auroc(own, truth), aupr: averagePrecision(own, truth) };
  });
  return {
    accuracy,
    macroF1,
    auroc: mean(ranked.map((value) => value.auroc)),
    aupr: mean(ranked.map((value) => value.aupr)),
  };
}
