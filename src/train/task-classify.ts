/** A classifier from a survey's label column: frozen features, a head, measures on objects it never saw, and a report. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { SkyloopError } from "../base/errors.ts";
import { writeFileAtomic } from "../base/files.ts";
import type { Progress } from "../base/progress.ts";
import { type Features, listFeatures, openFeatures } from "../batches/features.ts";
import { type Split, stratifiedSplit } from "../batches/split.ts";
import { expectedCalibrationError, type ReliabilityBin, reliability, softmaxRows } from "../measure/calibration.ts";
import { type ClassificationScores, classificationScores, mostProbable } from "../measure/classification.ts";
import { openSurvey, type Survey } from "../survey/folder.ts";
import { classifyLogits, type HeadCard, saveHead } from "../tasks/classify.ts";
import { embedSurvey } from "../tasks/embed.ts";
import { hardClasses, type Labelled, readClasses, readVotes } from "../tasks/labels.ts";
import { writeClassifyReport } from "./classify-report.ts";
import { DEFAULT_HEAD, type EpochRecord, type HeadOptions, pickRows, trainHead } from "./head.ts";

export interface TrainClassifyOptions {
  /** Column with one class an object, or columns with shares of votes. */
  column?: string;
  votes?: string[];
  /** Only these classes of the column. */
  only?: string[];
  model: string;
  /** Feature set to read; the model's unless given. */
  features?: string;
  out: string;
  /** Shares of the labelled objects that decide when to stop and that only measure. */
  shares?: { validation: number; test: number };
  head?: Partial<HeadOptions>;
  command: string;
  progress: Progress;
}

export interface CalibratedScores extends ClassificationScores {
  temperature: number;
  /** Expected calibration error with the temperature, and as the head came. */
  calibrationError: number;
  calibrationErrorBefore: number;
  reliability: ReliabilityBin[];
}

export interface ClassifyResult {
  survey: string;
  dataHash: string;
  command: string;
  column: string;
  classes: string[];
  soft: boolean;
  model: string;
  weightsHash: string;
  objects: { train: number; validation: number; test: number; unlabelled: number };
  seed: number;
  bestEpoch: number;
  scores: CalibratedScores;
  history: EpochRecord[];
}

/** Every class needs an object to learn from, one to choose by and one to measure with. */
const LEAST_OF_A_CLASS = 3;
const LEAST_OBJECTS = 12;

/** Measures of logits [N, classes] against true classes, with probabilities at `temperature`. */
export function scoreLogits(logits: Float32Array, truth: ArrayLike<number>, classes: number, temperature: number): CalibratedScores {
  const probabilities = softmaxRows(logits, classes, temperature);
  const bins = reliability(probabilities, truth, classes);
  return {
    ...classificationScores(mostProbable(probabilities, classes), truth, classes),
    temperature,
    calibrationError: expectedCalibrationError(bins),
    calibrationErrorBefore: expectedCalibrationError(reliability(softmaxRows(logits, classes), truth, classes)),
    reliability: bins,
  };
}

/** A survey's features, computed first where they are missing. */
export async function featuresFor(folder: string, model: string, name: string, progress: Progress): Promise<Features> {
  const found = listFeatures(folder).find((set) => set.model === name);
  if (found === undefined || found.done < found.total) await embedSurvey(folder, { model, name, progress });
  return openFeatures(folder, name);
}

function checkEnough(survey: Survey, { classes, rows }: Labelled, truth: Int32Array): void {
  const counts = classes.map((_, k) => truth.filter((value) => value === k).length);
  const rare = counts.findIndex((count) => count < LEAST_OF_A_CLASS);
  if (rows.length < LEAST_OBJECTS)
    throw new SkyloopError(
      "TOO_FEW_OBJECTS",
      `${survey.folder} has ${rows.length} labelled objects; a classifier needs ${LEAST_OBJECTS} to learn from and to be measured with, and hundreds to be good: label more (the loop's page is quick), or search with \`skyloop start\``,
    );
  if (rare >= 0)
    throw new SkyloopError(
      "TOO_FEW_OBJECTS",
      `class ${classes[rare]} has ${counts[rare]} object${counts[rare] === 1 ? "" : "s"}; each needs ${LEAST_OF_A_CLASS}: one to learn from, one to choose by, one to measure with. Label more, or name the other classes with --classes`,
    );
}

/**
 * Trains, measures on the test share and writes `head.safetensors`, `metrics.json` and `report.html` into `out`. Throws COLUMN_MISSING, NO_LABELS,
 * NOT_CLASSES, ONE_CLASS, BAD_VOTES, TOO_FEW_OBJECTS, RUN_EXISTS, and what computing features throws.
 */
export async function trainClassify(folder: string, options: TrainClassifyOptions): Promise<ClassifyResult> {
  const { model, out, progress, command } = options;
  if (existsSync(join(out, "head.safetensors")))
    throw new SkyloopError("RUN_EXISTS", `${out} holds a trained head already; give another folder with --out, or delete it`);
  const survey = await openSurvey(folder);
  try {
    const labelled = options.votes !== undefined ? readVotes(survey, options.votes) : readClasses(survey, options.column ?? "label", options.only);
    const truth = hardClasses(labelled);
    checkEnough(survey, labelled, truth);
    const name = options.features ?? model;
    const features = await featuresFor(folder, model, name, progress);
    const { dim, weightsHash } = features;
    const data = { features: pickRows(features.matrix(), dim, labelled.rows), dim, targets: labelled.targets, classes: labelled.classes.length };
    features.close();
    const settings = { ...DEFAULT_HEAD, ...options.head };
    const split: Split = stratifiedSplit(truth, options.shares ?? { validation: 0.15, test: 0.2 }, settings.seed);
    const { head, history, bestEpoch, temperature } = trainHead(data, split, settings);
    const classes = labelled.classes.length;
    const logits = classifyLogits(head, pickRows(data.features, dim, split.test), dim);
    const column = options.votes?.join(",") ?? options.column ?? "label";
    const card: HeadCard = { model, features: name, weightsHash, column, classes: labelled.classes, dim, temperature };
    const result: ClassifyResult = {
      survey: survey.name,
      dataHash: survey.header.dataHash,
      command,
      column,
      classes: labelled.classes,
      soft: labelled.soft,
      model,
      weightsHash,
      objects: { train: split.train.length, validation: split.validation.length, test: split.test.length, unlabelled: labelled.unlabelled },
      seed: settings.seed,
      bestEpoch,
      scores: scoreLogits(
        logits,
        split.test.map((i) => truth[i]),
        classes,
        temperature,
      ),
      history,
    };
    mkdirSync(out, { recursive: true });
    const objects = split.test.map((i) => ({ row: labelled.rows[i], truth: truth[i] }));
    await writeClassifyReport(join(out, "report.html"), survey, result, objects, softmaxRows(logits, classes, temperature));
    writeFileAtomic(join(out, "metrics.json"), `${JSON.stringify({ ...result, options: settings }, null, 2)}\n`);
    saveHead(join(out, "head.safetensors"), head, card);
    head.dispose();
    return result;
  } finally {
    survey.close();
  }
}
