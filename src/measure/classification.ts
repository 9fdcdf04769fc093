/**
 * Measures of a classification: class numbers predicted against true. Definitions are scikit-learn's; a class without
 * any prediction has precision 0.
 */
import { SkyloopError } from "../base/errors.ts";

/** Precision, recall and F1 of one class; 0 where nothing was predicted or nothing is of the class. */
export interface ClassScores {
  /** Objects that are of the class. */
  support: number;
  precision: number;
  recall: number;
  f1: number;
}

/** All that is measured of a classifier's predictions. */
export interface ClassificationScores {
  count: number;
  accuracy: number;
  /** Mean recall of the classes: accuracy if all were equally frequent. */
  balancedAccuracy: number;
  macroPrecision: number;
  macroRecall: number;
  macroF1: number;
  perClass: ClassScores[];
  /** Rows true, columns predicted. */
  confusion: number[][];
}

/**
 * Number of objects of true class [row] predicted as class [column]. Throws BAD_MEASURE for unequal lengths or class
 * numbers out of range.
 */
export function confusionMatrix(predicted: ArrayLike<number>, truth: ArrayLike<number>, classes: number): number[][] {
  if (predicted.length !== truth.length)
    throw new SkyloopError(
      "BAD_MEASURE",
      `a classification needs one true class a prediction, got ${predicted.length} and ${truth.length}`,
    );
  const matrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (let i = 0; i < truth.length; i++) {
    if (!(truth[i] in matrix && predicted[i] in matrix))
      throw new SkyloopError(
        "BAD_MEASURE",
        `class numbers lie between 0 and ${classes - 1}, object ${i} has ${truth[i]} and is predicted ${predicted[i]}`,
      );
    matrix[truth[i]][predicted[i]]++;
  }
  return matrix;
}

/** All measures at once. Macro averages run over the classes that occur, as true class or as prediction. */
export function classificationScores(
  predicted: ArrayLike<number>,
  truth: ArrayLike<number>,
  classes: number,
): ClassificationScores {
  const confusion = confusionMatrix(predicted, truth, classes);
  const share = (part: number, whole: number) => (whole === 0 ? 0 : part / whole);
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
  const perClass = confusion.map((row, k): ClassScores => {
    const [support, claimed] = [sum(row), sum(confusion.map((other) => other[k]))];
    const [precision, recall] = [share(row[k], claimed), share(row[k], support)];
    return { support, precision, recall, f1: share(2 * row[k], support + claimed) };
  });
  const occurring = perClass.filter(({ support }, k) => support > 0 || confusion.some((row) => row[k] > 0));
  const true_ = perClass.filter(({ support }) => support > 0);
  const macro = (key: "precision" | "recall" | "f1") =>
    share(sum(occurring.map((scores) => scores[key])), occurring.length);
  return {
    count: truth.length,
    accuracy: share(sum(confusion.map((row, k) => row[k])), truth.length),
    balancedAccuracy: share(sum(true_.map(({ recall }) => recall)), true_.length),
    macroPrecision: macro("precision"),
    macroRecall: macro("recall"),
    macroF1: macro("f1"),
    perClass,
    confusion,
  };
}

/** The most probable class of each row of probabilities [N, classes]; the first of equals. */
export function mostProbable(probabilities: ArrayLike<number>, classes: number): Int32Array {
  return Int32Array.from({ length: probabilities.length / classes }, (_, i) => {
    let best = 0;
    for (let k = 1; k < classes; k++) if (probabilities[i * classes + k] > probabilities[i * classes + best]) best = k;
    return best;
  });
}
