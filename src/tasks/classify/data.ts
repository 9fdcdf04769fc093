/** Labelled objects for classifiers: which, how they are split, and what the network is given of each. */
import { SkyloopError } from "../../base/errors.ts";
import type { Progress } from "../../base/progress.ts";
import { Random } from "../../base/random.ts";
import { type AugmentOptions, DEFAULT_AUGMENT } from "../../batches/augment.ts";
import { loadInputs } from "../../batches/inputs.ts";
import { type Split, type SplitShares, splitByClass, stratifiedSplit } from "../../batches/split.ts";
import { takeFrom } from "../../batches/stamp-store.ts";
import { openSurvey, type Survey } from "../../survey/folder.ts";
import { scope, type Tensor, tensor, tensorBytes } from "../../torch/index.ts";
import type { SampleOptions, Samples } from "../task.ts";
import { balancedWeights, pickRows } from "./head.ts";
import { type ClassTargets, hardClasses, readClasses, readKnownClasses, readVotes } from "./labels.ts";

/** How a head learns classes. */
export interface ClassLearning {
  dropout: number;
  labelSmoothing: number;
  /** Whether rare classes weigh as much as frequent ones. */
  balanced: boolean;
  /** How images are varied; of features nothing is. */
  augment: Omit<AugmentOptions, "sizePx">;
}

/** Every object weighs the same in the loss, so that accuracy is what is learned. */
const DEFAULT_LEARNING: ClassLearning = {
  dropout: 0.3,
  labelSmoothing: 0.05,
  balanced: false,
  augment: DEFAULT_AUGMENT,
};

/** How labelled objects were split: the same shares of each class, or the paper's sizes where `shares` is absent. */
export interface SplitBy {
  seed: number;
  shares?: SplitShares;
}

/** Options of classification in `SampleOptions.own`. */
export interface ClassOwn {
  /** Column with one class an object ("label"), or columns with shares of votes. */
  column?: string;
  votes?: string[];
  /** Only these classes of the column. */
  only?: string[];
  /** The classes of a head in their order: objects of others are left out, and some may be missing. */
  known?: string[];
  /** Shares of the split, or "everything": all labelled objects measure. The paper's sizes unless given. */
  split?: SplitShares | "everything";
  learning?: Partial<ClassLearning>;
  /** Passes over the training objects, at most. */
  epochs?: number;
}

/** Labelled objects of a survey. */
export interface ClassSamples extends Samples, ClassTargets {
  /** The label column, or those of the votes, separated by commas. */
  column: string;
  /** Class with the largest target of each object, [N]. */
  truth: Int32Array;
  /** Places among the N objects. */
  split: Split;
  splitBy: SplitBy | null;
  /** What the network is given of objects by their places: images [n, 3, S, S] or features [n, D]. */
  inputs(places: number[]): Tensor;
  /** How many objects a network is given at once where it does not learn. */
  atOnce: number;
  learning: ClassLearning;
  /** [classes] in the loss; null: every object weighs the same. */
  classWeights: Float32Array | null;
  epochs?: number;
}

/** Images, or rows of features, that a network is given at once where it does not learn. */
export const [IMAGES_AT_ONCE, ROWS_AT_ONCE] = [64, 4096];

/** The paper's sizes, a class, and the shares that take their place where there are not as many. */
const CLASS_SIZES = { train: 500, test: 250, testShare: 0.3, validationShare: 0.1 } as const;
const LEAST_OF_A_CLASS = { paper: 5, shares: 3 } as const;
const LEAST_OBJECTS = 12;

/**
 * Splits each class at random: 250 objects or 30 % of them to measure, a tenth to choose by, of the rest 500 at most to
 * learn from. Throws TOO_FEW_OBJECTS for a class of fewer than five.
 */
export function paperSplit(truth: ArrayLike<number>, names: string[], seed: number): Split {
  return splitByClass(truth, names.length, new Random(seed).fork("class split"), (count, k) => {
    if (count < LEAST_OF_A_CLASS.paper)
      throw new SkyloopError(
        "TOO_FEW_OBJECTS",
        `class ${names[k]} has ${count} objects; each needs ${LEAST_OF_A_CLASS.paper} to be learned, chosen by and measured`,
      );
    return {
      test: Math.min(CLASS_SIZES.test, Math.max(1, Math.round(CLASS_SIZES.testShare * count))),
      validation: Math.max(1, Math.round(CLASS_SIZES.validationShare * count)),
      train: CLASS_SIZES.train,
    };
  });
}

/** Throws TOO_FEW_OBJECTS where a split into shares would leave a class without an object to learn from or to measure. */
function checkEnough(folder: string, { classes }: ClassTargets, truth: Int32Array): void {
  const counts = classes.map((_, k) => truth.filter((value) => value === k).length);
  const rare = counts.findIndex((count) => count < LEAST_OF_A_CLASS.shares);
  if (truth.length < LEAST_OBJECTS)
    throw new SkyloopError(
      "TOO_FEW_OBJECTS",
      `${folder} has ${truth.length} labelled objects; a classifier needs ${LEAST_OBJECTS} to learn from and to be measured with, and hundreds to be good: label more (the loop's page is quick), or search with \`skyloop start\``,
    );
  if (rare >= 0)
    throw new SkyloopError(
      "TOO_FEW_OBJECTS",
      `class ${classes[rare]} has ${counts[rare]} object${counts[rare] === 1 ? "" : "s"}; each needs ${LEAST_OF_A_CLASS.shares}: one to learn from, one to choose by, one to measure with. Label more, or name the other classes with --classes`,
    );
}

function splitOf(
  folder: string,
  labelled: ClassTargets,
  truth: Int32Array,
  seed: number,
  by: ClassOwn["split"],
): Split {
  if (by === "everything") return { train: [], validation: [], test: [...truth.keys()] };
  if (by === undefined) return paperSplit(truth, labelled.classes, seed);
  checkEnough(folder, labelled, truth);
  return stratifiedSplit(truth, by, seed);
}

function targetsOf(survey: Survey, { column = "label", votes, only, known }: ClassOwn): ClassTargets {
  if (votes !== undefined) return readVotes(survey, votes);
  return known === undefined ? readClasses(survey, column, only) : readKnownClasses(survey, column, known);
}

/** Images of the rows at `sizePx`, kept in memory; in half precision they take half of it. */
async function imagesOf(
  folder: string,
  sizePx: number,
  rows: number[],
  progress: Progress,
  half: boolean,
): Promise<(at: number[]) => Tensor> {
  const images = await loadInputs(folder, sizePx, rows, progress, half ? "float16" : "float32");
  const plane = 3 * sizePx ** 2;
  const all = half ? tensorBytes(images) : scope(() => images.toFloat32Array());
  images.dispose();
  if (all instanceof Float32Array) return (at) => tensor(pickRows(all, plane, at), [at.length, 3, sizePx, sizePx]);
  return takeFrom({ sizePx, images: all.buffer });
}

/**
 * The labelled objects of a survey: images at `inputPx`, or what `inputs` gives. Throws COLUMN_MISSING, NO_LABELS,
 * ONE_CLASS, NOT_CLASSES, BAD_VOTES, TOO_FEW_OBJECTS.
 */
export async function loadClasses(
  folder: string,
  { seed, inputPx, inputs, progress, own = {} }: Omit<SampleOptions, "sizePx">,
): Promise<ClassSamples> {
  const asked = own as ClassOwn;
  const survey = await openSurvey(folder);
  try {
    const labelled = targetsOf(survey, asked);
    const truth = hardClasses(labelled);
    const split = splitOf(folder, labelled, truth, seed, asked.split);
    const { train, validation, test } = split;
    const learning = { ...DEFAULT_LEARNING, ...asked.learning };
    const K = labelled.classes.length;
    const used = [...train, ...validation, ...test].sort((a, b) => a - b);
    const rowsOf = (places: number[]) => places.map((place) => labelled.rows[place]);
    const at = new Map(used.map((place, i) => [place, i]));
    const given = await inputs?.();
    const images = given ?? (await imagesOf(folder, inputPx, rowsOf(used), progress, asked.split !== undefined));
    return {
      ...labelled,
      dataHash: survey.header.dataHash,
      counts: { train: train.length, validation: validation.length, test: test.length },
      column: asked.votes?.join(",") ?? asked.column ?? "label",
      truth,
      split,
      splitBy:
        asked.split === "everything" ? null : { seed, ...(asked.split === undefined ? {} : { shares: asked.split }) },
      inputs: (places) => images(given === undefined ? places.map((place) => at.get(place) as number) : rowsOf(places)),
      atOnce: inputs === undefined ? IMAGES_AT_ONCE : ROWS_AT_ONCE,
      learning,
      epochs: asked.epochs,
      classWeights: learning.balanced ? balancedWeights(pickRows(labelled.targets, K, train), K) : null,
    };
  } finally {
    progress.end();
    survey.close();
  }
}
