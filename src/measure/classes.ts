/** Measures of a classification: scores [n, classes] against class numbers. */
import { auroc, averagePrecision } from "./ranking.ts";

export interface ClassMeasures {
  accuracy: number;
  /** Mean over the classes of 2 P R / (P + R); 0 for a class that is never given. */
  macroF1: number;
  /** Of class 1 where there are two classes; else the mean over classes, each against the others. */
  auroc: number;
  aupr: number;
}

export function measureClasses(scores: Float32Array, labels: number[], classes: number): ClassMeasures {
  const n = labels.length;
  const given = labels.map((_, i) => {
    let best = 0;
    for (let c = 1; c < classes; c++) if (scores[i * classes + c] > scores[i * classes + best]) best = c;
    return best;
  });
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const all = Array.from({ length: classes }, (_, c) => c);
  const f1 = all.map((c) => {
    const hits = given.filter((value, i) => value === c && labels[i] === c).length;
    return (2 * hits) / Math.max(1, given.filter((value) => value === c).length + labels.filter((value) => value === c).length);
  });
  const ranked = (classes === 2 ? [1] : all).map((c) => {
    const own = Float32Array.from({ length: n }, (_, i) => scores[i * classes + c]);
    const truth = labels.map((label) => Number(label === c));
    return { auroc: auroc(own, truth), aupr: averagePrecision(own, truth) };
  });
  return {
    accuracy: mean(given.map((value, i) => Number(value === labels[i]))),
    macroF1: mean(f1),
    auroc: mean(ranked.map((value) => value.auroc)),
    aupr: mean(ranked.map((value) => value.aupr)),
  };
}
