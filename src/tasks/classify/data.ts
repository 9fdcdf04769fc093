/**
 * Labelled images for classifiers that learn from pixels: which objects, how they are split, and their model inputs.
 */
import { SkyloopError } from "../../base/errors.ts";
import type { Progress } from "../../base/progress.ts";
import { Random } from "../../base/random.ts";
import type { Split } from "../../batches/split.ts";
import { modelInput } from "../../stamps/model-input.ts";
import { openSurvey } from "../../survey/folder.ts";
import { hardClasses, readClasses } from "./labels.ts";

/** Labelled images of one survey in three splits; `classes` names their class numbers. */
export interface SplitClassData {
  classes: string[];
  dataHash: string;
  train: ClassData;
  validation: ClassData;
  test: ClassData;
}

/** The paper's sizes, a class, and the shares that take their place where there are not as many. */
const CLASS_SIZES = { train: 500, test: 250, testShare: 0.3, validationShare: 0.1 } as const;
const LEAST_OF_A_CLASS = 5;

/**
 * Splits each class at random: 250 objects or 30 % of them to measure, a tenth to choose by, of the rest 500 at most to
 * learn from. Throws TOO_FEW_OBJECTS for a class of fewer than five.
 */
export function paperSplit(truth: ArrayLike<number>, names: string[], seed: number): Split {
  const random = new Random(seed).fork("class split");
  const split: Split = { train: [], validation: [], test: [] };
  for (const [k, name] of names.entries()) {
    const members = random.shuffle(Array.from({ length: truth.length }, (_, i) => i).filter((i) => truth[i] === k));
    if (members.length < LEAST_OF_A_CLASS)
      throw new SkyloopError(
        "TOO_FEW_OBJECTS",
        `class ${name} has ${members.length} objects; each needs ${LEAST_OF_A_CLASS} to be learned, chosen by and measured`,
      );
    const test = Math.min(CLASS_SIZES.test, Math.max(1, Math.round(CLASS_SIZES.testShare * members.length)));
    const validation = Math.max(1, Math.round(CLASS_SIZES.validationShare * members.length));
    split.test.push(...members.slice(0, test));
    split.validation.push(...members.slice(test, test + validation));
    split.train.push(...members.slice(test + validation, test + validation + CLASS_SIZES.train));
  }
  return split;
}

/**
 * Inputs of `sizePx` of a survey's labelled objects. Throws COLUMN_MISSING, NO_LABELS, ONE_CLASS, NOT_CLASSES,
 * TOO_FEW_OBJECTS.
 */
export async function loadClassData(
  folder: string,
  column: string,
  sizePx: number,
  seed: number,
  progress: Progress,
): Promise<SplitClassData> {
  const survey = await openSurvey(folder);
  try {
    const labelled = readClasses(survey, column);
    const truth = hardClasses(labelled);
    const split = paperSplit(truth, labelled.classes, seed);
    const total = split.train.length + split.validation.length + split.test.length;
    let done = 0;
    const load = async (members: number[]): Promise<ClassData> => {
      const plane = 3 * sizePx * sizePx;
      const images = new Float32Array(members.length * plane);
      for (const [i, member] of members.entries()) {
        const stamp = await survey.readStamp(labelled.rows[member]);
        // A pixel without a measurement is dark to a model.
        const input = modelInput(stamp, { sizePx, adaptiveCrop: survey.header.adaptiveCrop }).map((value) =>
          Number.isFinite(value) ? value : 0,
        );
        images.set(input, i * plane);
        progress.update(++done, total);
      }
      return { images, sizePx, classes: Int32Array.from(members, (member) => truth[member]) };
    };
    const [train, validation, test] = [await load(split.train), await load(split.validation), await load(split.test)];
    return { classes: labelled.classes, dataHash: survey.header.dataHash, train, validation, test };
  } finally {
    progress.end();
    survey.close();
  }
}

/** Images [N, 3, S, S] in memory and the class of each. */
export interface ClassData {
  images: Float32Array;
  sizePx: number;
  classes: Int32Array;
}
