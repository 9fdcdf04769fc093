/**
 * How well networks do with few labels: the draws of the objects that are learned from, and one cell of the comparison.
 */
import { Random } from "../base/random.ts";
import { splitByClass } from "../batches/split.ts";
import { classificationScores, mostProbable } from "../measure/classification.ts";
import { type FeaturesByRow, networkLogits } from "../tasks/classify/logits.ts";
import { createClassifier, disposeClassifier, type NewClassifier } from "../tasks/classify/network.ts";
import { manualSeed } from "../torch/index.ts";
import { type LabelledImages, type NetworkOptions, trainNetwork } from "../train/classify/train-network.ts";

/**
 * Objects held out of everything: the same of each class, `test` to measure and `validation` to choose learning rates
 * by; the rest is drawn from.
 */
export function holdOut(
  truth: ArrayLike<number>,
  classes: number,
  sizes: { test: number; validation: number },
  seed: number,
) {
  const random = new Random(seed).fork("few-shot split");
  const { train: pool, validation, test } = splitByClass(truth, classes, random, () => sizes);
  return { test, validation, pool };
}

/**
 * `perClass` objects of each class (all of a class that has fewer; 0: all), a different draw for each seed; a larger
 * draw contains the smaller ones.
 */
export function drawPerClass(
  pool: number[],
  truth: ArrayLike<number>,
  classes: number,
  perClass: number,
  seed: number,
): number[] {
  const random = new Random(seed).fork("few-shot draw");
  return Array.from({ length: classes }, (_, k) => random.shuffle(pool.filter((i) => truth[i] === k))).flatMap(
    (members) => (perClass === 0 ? members : members.slice(0, perClass)),
  );
}

/**
 * What to measure on beside the test objects once `train` is drawn: as many of each class as the rarest one leaves in
 * the pool, so that classes stay equal. Draws with the same seed and size have the same ones.
 */
export function spareObjects(pool: number[], truth: ArrayLike<number>, classes: number, train: number[]): number[] {
  const drawn = new Set(train);
  const left = Array.from({ length: classes }, (_, k) => pool.filter((i) => truth[i] === k && !drawn.has(i)));
  const least = Math.min(...left.map(({ length }) => length));
  return left.flatMap((members) => members.slice(0, least));
}

/** What one network reached with one number of examples and one seed. */
export interface CellResult {
  /** The most probable class of each measured object. */
  predicted: number[];
  accuracy: number;
  macroF1: number;
  trainObjects: number;
  lastLoss: number;
  seconds: number;
}

/**
 * Trains one network from the beginning on `train` and measures it on `measured`; `known` of a frozen encoder spares
 * reading objects again.
 */
export async function runCell(
  { frozen, ...wanted }: Omit<NewClassifier, "classes"> & { frozen?: boolean },
  data: LabelledImages & { truth: Int32Array },
  { train, measured }: { train: number[]; measured: number[] },
  options: NetworkOptions,
  known?: FeaturesByRow,
): Promise<CellResult> {
  const started = performance.now();
  manualSeed(options.seed);
  const classifier = createClassifier({ ...wanted, classes: data.classes });
  try {
    const losses = await trainNetwork(classifier, data, train, { ...options, frozen });
    const logits = networkLogits(classifier, data.images, measured, frozen === true ? known : undefined);
    const predicted = [...mostProbable(logits, data.classes)];
    const { accuracy, macroF1 } = classificationScores(
      predicted,
      measured.map((i) => data.truth[i]),
      data.classes,
    );
    const last = losses.slice(-10);
    return {
      predicted,
      accuracy,
      macroF1,
      trainObjects: train.length,
      lastLoss: last.reduce((sum, loss) => sum + loss, 0) / last.length,
      seconds: Math.round((performance.now() - started) / 100) / 10,
    };
  } finally {
    disposeClassifier(classifier);
  }
}
