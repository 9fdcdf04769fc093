/**
 * A classifier from a survey's label column: frozen features, a head, measures on objects it never saw, and a report.
 */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { SkyloopError } from "../../base/errors.ts";
import { hashFile, writeFileAtomic } from "../../base/files.ts";
import type { Progress } from "../../base/progress.ts";
import { loadInputs } from "../../batches/inputs.ts";
import { type Split, stratifiedSplit } from "../../batches/split.ts";
import { fitTemperature, negativeLogLikelihood, scoreLogits, softmaxRows } from "../../measure/calibration.ts";
import { classificationScores, mostProbable } from "../../measure/classification.ts";
import { releasedWeights } from "../../models/index.ts";
import { openSurvey, type Survey } from "../../survey/folder.ts";
import { classifyLogits, pickRows, saveFeatureHead } from "../../tasks/classify/head.ts";
import { type ClassTargets, hardClasses, readClasses, readVotes } from "../../tasks/classify/labels.ts";
import { createClassifier, isConvnet, networkLogits, saveClassifier } from "../../tasks/classify/network.ts";
import { featuresFor } from "../../tasks/embed/embed.ts";
import { manualSeed } from "../../torch/index.ts";
import { writeClassifyReport } from "./report.ts";
import type { ClassifyResult } from "./result.ts";
import { DEFAULT_HEAD, type EpochRecord, type HeadOptions, trainHead } from "./train-head.ts";
import { DEFAULT_NETWORK, trainNetwork } from "./train-network.ts";

/** A classifier to train: labels, network, splits by seed, folder of the result. */
export interface TrainClassifyOptions {
  /** Column with one class an object, or columns with shares of votes. */
  column?: string;
  votes?: string[];
  /** Only these classes of the column. */
  only?: string[];
  /**
   * A model of the table, or a convolutional network (alexnet, vgg16, resnet18, resnet50), which always learns as a
   * whole.
   */
  model: string;
  /** Weights to begin with: the released ones of an LVM, initial ones of a convolutional network unless given. */
  weights?: string;
  /** Whether the encoder learns too, from the pixels, with random views of the images. */
  fineTune?: boolean;
  /** Feature set to read; the model's unless given. */
  features?: string;
  out: string;
  /** Shares of the labelled objects that decide when to stop and that only measure. */
  shares?: { validation: number; test: number };
  head?: Partial<HeadOptions>;
  command: string;
  progress: Progress;
}

/** Every class needs an object to learn from, one to choose by and one to measure with. */
const LEAST_OF_A_CLASS = 3;
const LEAST_OBJECTS = 12;

function checkEnough(survey: Survey, { classes, rows }: ClassTargets, truth: Int32Array): void {
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

interface ClassifyInputs {
  options: TrainClassifyOptions;
  settings: HeadOptions;
  labelled: ClassTargets;
  truth: Int32Array;
  split: Split;
  column: string;
}

interface TrainedClassifier {
  /** Of the test objects, [test, classes]. */
  logits: Float32Array;
  temperature: number;
  history: EpochRecord[];
  bestEpoch: number;
  weightsHash: string;
  /** Writes what was learned and frees it. */
  save(path: string): void;
}

/** Only the head, on frozen features. Those of weights that were given get a name of their own. */
async function learnHead(
  folder: string,
  { options, settings, labelled, split, column }: ClassifyInputs,
): Promise<TrainedClassifier> {
  const { model, weights, progress } = options;
  if (weights !== undefined && !existsSync(weights))
    throw new SkyloopError("WEIGHTS_MISSING", `no weights of ${model} at ${weights}; check the path`);
  const name =
    options.features ?? (weights === undefined ? model : `${model}-${(await hashFile(weights)).slice(0, 8)}`);
  const features = await featuresFor(folder, model, name, progress, weights);
  const { dim, weightsHash } = features;
  const classes = labelled.classes.length;
  const rows = pickRows(features.matrix(), dim, labelled.rows);
  features.close();
  const { head, history, bestEpoch, temperature } = trainHead(
    { features: rows, dim, targets: labelled.targets, classes },
    split,
    settings,
  );
  return {
    logits: classifyLogits(head, pickRows(rows, dim, split.test), dim),
    temperature,
    history,
    bestEpoch,
    weightsHash,
    save(path) {
      saveFeatureHead(path, head, {
        model,
        features: name,
        weightsHash,
        column,
        classes: labelled.classes,
        dim,
        temperature,
      });
      head.dispose();
    },
  };
}

/** Points of the record of a network's training. */
const RECORDS = 12;
/**
 * Passes over the training objects of a network that is trained as a whole, and the fewest steps, unless epochs are
 * given.
 */
const NETWORK_EPOCHS = 20;
const LEAST_STEPS = 150;

/** A whole network, on random views of the images. */
async function learnNetwork(
  folder: string,
  { options, settings, labelled, truth, split, column }: ClassifyInputs,
): Promise<TrainedClassifier> {
  const { model, weights, progress, head: wanted = {} } = options;
  const classes = labelled.classes.length;
  manualSeed(settings.seed);
  const classifier = createClassifier({ name: model, classes, weights, dropout: settings.dropout });
  const { sizePx } = classifier;
  const images = await loadInputs(folder, sizePx, labelled.rows, progress);
  const { batchSize } = DEFAULT_NETWORK;
  const perEpoch = Math.ceil(split.train.length / batchSize);
  const steps =
    wanted.epochs === undefined ? Math.max(LEAST_STEPS, NETWORK_EPOCHS * perEpoch) : wanted.epochs * perEpoch;
  const { seed, balanced, labelSmoothing } = settings;
  // Weights that begin without knowledge, and large networks without normalisation, do not stand the head's rate.
  const learningRate = isConvnet(model) ? 3e-4 : DEFAULT_NETWORK.learningRate;
  const validationTruth = split.validation.map((i) => truth[i]);
  const history: EpochRecord[] = [];
  const every = Math.max(1, Math.round(steps / RECORDS));
  let sum = 0;
  trainNetwork(
    classifier,
    { images, targets: labelled.targets, classes },
    split.train,
    { ...DEFAULT_NETWORK, steps, learningRate, seed, balanced, labelSmoothing },
    (step, loss) => {
      sum += loss / every;
      if (step % every !== 0) return;
      classifier.layer.eval();
      const logits = networkLogits(classifier, images, split.validation);
      classifier.layer.train();
      const { accuracy } = classificationScores(mostProbable(logits, classes), validationTruth, classes);
      history.push({
        epoch: Math.round((100 * step) / perEpoch) / 100,
        trainLoss: sum,
        validationLoss: negativeLogLikelihood(logits, validationTruth, classes),
        validationAccuracy: accuracy,
      });
      sum = 0;
    },
  );
  const logits = networkLogits(classifier, images, split.test);
  const temperature = fitTemperature(networkLogits(classifier, images, split.validation), validationTruth, classes);
  images.dispose();
  const from = weights ?? (isConvnet(model) ? undefined : releasedWeights(model));
  return {
    logits,
    temperature,
    history,
    bestEpoch: steps / perEpoch,
    weightsHash: from === undefined ? "none" : await hashFile(from),
    save(path) {
      saveClassifier(path, classifier, { model, column, classes: labelled.classes, sizePx, temperature });
      classifier.dispose();
    },
  };
}

/**
 * Trains, measures on the test share and writes `head.safetensors`, `metrics.json` and `report.html` into `out`. Throws
 * COLUMN_MISSING, NO_LABELS, NOT_CLASSES, ONE_CLASS, BAD_VOTES, TOO_FEW_OBJECTS, RUN_EXISTS, and what computing
 * features throws.
 */
export async function trainClassify(folder: string, options: TrainClassifyOptions): Promise<ClassifyResult> {
  const { model, out, command } = options;
  if (existsSync(join(out, "head.safetensors")))
    throw new SkyloopError(
      "RUN_EXISTS",
      `${out} holds a trained head already; give another folder with --out, or delete it`,
    );
  const survey = await openSurvey(folder);
  try {
    const labelled =
      options.votes !== undefined
        ? readVotes(survey, options.votes)
        : readClasses(survey, options.column ?? "label", options.only);
    const truth = hardClasses(labelled);
    checkEnough(survey, labelled, truth);
    const settings = { ...DEFAULT_HEAD, ...options.head };
    const split: Split = stratifiedSplit(truth, options.shares ?? { validation: 0.15, test: 0.2 }, settings.seed);
    const classes = labelled.classes.length;
    const column = options.votes?.join(",") ?? options.column ?? "label";
    const whole = options.fineTune === true || isConvnet(model);
    const learned = await (whole ? learnNetwork : learnHead)(folder, {
      options,
      settings,
      labelled,
      truth,
      split,
      column,
    });
    const { logits, temperature, history, bestEpoch, weightsHash } = learned;
    const result: ClassifyResult = {
      survey: survey.name,
      dataHash: survey.header.dataHash,
      command,
      column,
      classes: labelled.classes,
      soft: labelled.soft,
      model,
      weightsHash,
      encoder: whole ? "trained" : "frozen",
      objects: {
        train: split.train.length,
        validation: split.validation.length,
        test: split.test.length,
        unlabelled: labelled.unlabelled,
      },
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
    await writeClassifyReport(
      join(out, "report.html"),
      survey,
      result,
      objects,
      softmaxRows(logits, classes, temperature),
    );
    writeFileAtomic(join(out, "metrics.json"), `${JSON.stringify({ ...result, options: settings }, null, 2)}\n`);
    learned.save(join(out, "head.safetensors"));
    return result;
  } finally {
    survey.close();
  }
}
