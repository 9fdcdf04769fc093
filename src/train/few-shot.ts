/** How well networks do with few labels: the draws of the objects that are learned from, and one cell of the comparison. */
import { Random } from "../base/random.ts";
import { classificationScores, mostProbable } from "../measure/classification.ts";
import { createClassifier, type NewClassifier } from "../tasks/image-classifier.ts";
import { manualSeed } from "../torch/index.ts";
import { type LabelledImages, type NetworkOptions, networkLogits, trainNetwork } from "./network.ts";

/** Objects held out of everything: the same of each class, `test` to measure and `validation` to choose learning rates by; the rest is drawn from. */
export function holdOut(truth: ArrayLike<number>, classes: number, sizes: { test: number; validation: number }, seed: number) {
  const random = new Random(seed).fork("few-shot split");
  const split = { test: [] as number[], validation: [] as number[], pool: [] as number[] };
  for (let k = 0; k < classes; k++) {
    const members = random.shuffle(Array.from({ length: truth.length }, (_, i) => i).filter((i) => truth[i] === k));
    split.test.push(...members.slice(0, sizes.test));
    split.validation.push(...members.slice(sizes.test, sizes.test + sizes.validation));
    split.pool.push(...members.slice(sizes.test + sizes.validation));
  }
  return split;
}

/** `perClass` objects of each class (all of a class that has fewer; 0: all), a different draw for each seed; a larger draw contains the smaller ones. */
export function drawExamples(pool: number[], truth: ArrayLike<number>, classes: number, perClass: number, seed: number): number[] {
  const random = new Random(seed).fork("few-shot draw");
  return Array.from({ length: classes }, (_, k) => random.shuffle(pool.filter((i) => truth[i] === k))).flatMap((members) =>
    perClass === 0 ? members : members.slice(0, perClass),
  );
}

export interface CellResult {
  accuracy: number;
  macroF1: number;
  trainObjects: number;
  lastLoss: number;
  seconds: number;
}

/** Trains one network from the beginning on `train` and measures it on `measured`. */
export function runCell(
  wanted: Omit<NewClassifier, "classes">,
  data: LabelledImages & { truth: Int32Array },
  { train, measured }: { train: number[]; measured: number[] },
  options: NetworkOptions,
): CellResult {
  const started = performance.now();
  manualSeed(options.seed);
  const classifier = createClassifier({ ...wanted, classes: data.classes });
  try {
    const losses = trainNetwork(classifier, data, train, options);
    const logits = networkLogits(classifier, data.images, measured);
    const { accuracy, macroF1 } = classificationScores(
      mostProbable(logits, data.classes),
      measured.map((i) => data.truth[i]),
      data.classes,
    );
    const last = losses.slice(-10);
    return {
      accuracy,
      macroF1,
      trainObjects: train.length,
      lastLoss: last.reduce((sum, loss) => sum + loss, 0) / last.length,
      seconds: Math.round((performance.now() - started) / 100) / 10,
    };
  } finally {
    classifier.dispose();
  }
}
