/**
 * Classification, restoration and reconstruction learned together on one encoder (Fu et al. 2024, section 3):
 * `pretrain` keeps the encoder as pre-training left it, `uniform` gives every task the same share of the steps,
 * `active` gives more to those that do worse. The paper measures that on its test set; here it is a validation split,
 * and the test objects are looked at once, at the end.
 */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { SkyloopError } from "../../base/errors.ts";
import { hashBytes, hashFile, writeFileAtomic } from "../../base/files.ts";
import { lockFolder } from "../../base/lock.ts";
import type { Progress } from "../../base/progress.ts";
import { fitTemperature } from "../../measure/calibration.ts";
import { type ClassificationScores, classificationScores, mostProbable } from "../../measure/classification.ts";
import { isProjectionName } from "../../models/feature-projection.ts";
import { loadModel, releasedWeights } from "../../models/index.ts";
import { isDecoderName, type SwinUnet } from "../../models/swin-unet.ts";
import { lineChart } from "../../plot/lines.ts";
import { loadClassData, type SplitClassData } from "../../tasks/classify/data.ts";
import { saveHead } from "../../tasks/classify/head.ts";
import { describeRanges, type ImageData, loadImageData, restoreRanges } from "../../tasks/images/data.ts";
import { evaluateImages, type MethodScores, setupsOf } from "../../tasks/images/evaluate.ts";
import { IMAGE_TASKS } from "../../tasks/images/image-task.ts";
import { type ImageModel, saveImageModel } from "../../tasks/images/model.ts";
import { manualSeed, readSafetensors, scope, writeSafetensors } from "../../torch/index.ts";
import { classTask } from "../classify/learned-classes.ts";
import { imageTask } from "../images/learned-images.ts";
import type { ActiveShares } from "../shares.ts";
import { DEFAULT_LOOP, type LoopRecord, trainTasks } from "../trainer.ts";

/** How steps are shared between tasks (paper, section 4): encoder frozen, equal shares, more for worse tasks. */
export const STRATEGIES = ["pretrain", "uniform", "active"] as const;

/** How a multitask run shares its steps, as `--strategy` names it. */
export type Strategy = (typeof STRATEGIES)[number];

/** The paper does not print how strongly shares follow performance. */
export const DEFAULT_ACTIVE: ActiveShares = { temperature: 0.25, floor: 0.15 };

/** Classification, restoration and reconstruction on one encoder: data, strategy, length, seeds. */
export interface MultitaskOptions {
  strategy: Strategy;
  /** Survey with the classes, and the column that holds them. */
  classes: string;
  column: string;
  /** Survey whose stamps are restored and reconstructed. */
  images: string;
  model: string;
  weights?: string;
  out: string;
  /** Of initial weights and order. */
  seed: number;
  /** Of the splits, so that runs of several seeds are measured on the same objects. */
  splitSeed: number;
  /** Of the classes' split, where it is another. */
  classSplitSeed?: number;
  steps: number;
  batchSize: number;
  sizePx: number;
  /** Restoration is told the width of the point spread. */
  seeingKnown: boolean;
  active: ActiveShares;
  /** Steps between two estimates of the shares. */
  validateEvery: number;
  command: string;
  /** Of reading the surveys, and of training. */
  reading: Progress;
  progress: Progress;
  signal?: AbortSignal;
}

/** What a multitask run reached; written as metrics.json. */
export interface MultitaskResult {
  strategy: Strategy;
  command: string;
  model: string;
  weightsHash: string;
  seed: number;
  splitSeed: number;
  classSplitSeed: number;
  steps: number;
  classes: string[];
  objects: Record<"classify" | "restore" | "reconstruct", { train: number; validation: number; test: number }>;
  classify: ClassificationScores;
  restore: Record<string, MethodScores>;
  reconstruct: Record<string, MethodScores>;
  /** Steps that each task got, in the order classify, restore, reconstruct. */
  stepsOfTask: number[];
  seconds: number;
  history: LoopRecord[];
}

/**
 * Images of a classification step for each crop of the other tasks' steps: they cost about the same, since classes need
 * no decoder.
 */
export const CLASS_BATCH_TIMES = 4;
const TASKS = ["classify", ...IMAGE_TASKS];
/**
 * Of the encoder, in units of the heads' learning rate. Half of what one image task alone uses: gradients of the image
 * tasks in the encoder are far smaller than those of the classes, so that what Adam does in their steps is to repeat
 * the classes' last ones.
 */
const ENCODER_RATE = 0.1;

/** What decides which objects are learned from. */
export type DataOptions = Pick<
  MultitaskOptions,
  "classes" | "column" | "images" | "sizePx" | "splitSeed" | "classSplitSeed" | "reading"
>;

/** Both surveys of a multitask run in their splits, so that several runs read them once. */
export interface MultitaskData {
  classes: SplitClassData;
  images: ImageData;
}

/**
 * Both surveys' data, split by `splitSeed`, the classes by `classSplitSeed` where it is given; classes as inputs of
 * `inputPx`.
 */
export async function loadMultitaskData(
  { classes, column, images, sizePx, splitSeed, classSplitSeed = splitSeed, reading }: DataOptions,
  inputPx: number,
): Promise<MultitaskData> {
  return {
    classes: await loadClassData(classes, column, inputPx, classSplitSeed, reading),
    images: await loadImageData(images, sizePx, splitSeed, reading, MOST_PAIRS),
  };
}

/** Images that restoration and reconstruction learn from at most: the paper's number. */
const MOST_PAIRS = 1000;

/**
 * Trains by one strategy and writes the encoder, the three heads, `metrics.json`, `shares.svg` and `validation.svg`
 * into `out`; a run that was stopped goes on. Null where `signal` stopped it. `loaded` spares several runs on the same
 * data to read it again. Throws RUN_EXISTS, BAD_OPTION, OTHER_RECIPE, LOCKED and what reading the surveys throws.
 */
export async function trainMultitask(
  options: MultitaskOptions,
  loaded?: MultitaskData,
): Promise<MultitaskResult | null> {
  const {
    strategy,
    out,
    seed,
    splitSeed,
    classSplitSeed = splitSeed,
    steps,
    batchSize,
    sizePx,
    command,
    progress,
    signal,
  } = options;
  for (const [name, value] of Object.entries({
    "--steps": steps,
    "--batch": batchSize,
    "--share-every": options.validateEvery,
  }))
    if (!Number.isInteger(value) || value < 1)
      throw new SkyloopError("BAD_OPTION", `${name} is a whole number from 1, not ${value}`);
  if (existsSync(join(out, "metrics.json")))
    throw new SkyloopError(
      "RUN_EXISTS",
      `${out} holds a finished run already; give another folder with --out, or delete it`,
    );
  mkdirSync(out, { recursive: true });
  const release = lockFolder(out, "train");
  try {
    manualSeed(seed);
    const { model: encoder, reader, weightsHash } = await loadModel(options.model, options.weights);
    const data = loaded ?? (await loadMultitaskData(options, reader.sizePx));
    const count = data.classes.classes.length;
    const ranges = restoreRanges(data.images, undefined, undefined, options.seeingKnown);
    const setups = IMAGE_TASKS.map((task) => setupsOf(task, data.images, sizePx, ranges));
    const classify = classTask(reader, data.classes.train, data.classes.validation, {
      count,
      batchSize: CLASS_BATCH_TIMES * batchSize,
      labelSmoothing: 0.05,
      dropout: 0.3,
    });
    const imageTasks = setups.map(({ validation }) => imageTask(encoder, validation, { ...data.images, batchSize }));
    const settings = {
      ...DEFAULT_LOOP,
      steps,
      seed,
      warmupSteps: Math.min(DEFAULT_LOOP.warmupSteps, Math.ceil(steps / 10)),
      validateEvery: options.validateEvery,
      checkpointEvery: options.validateEvery,
      encoderRate: strategy === "pretrain" ? 0 : ENCODER_RATE,
      active: strategy === "active" ? options.active : null,
    };
    const runHash = hashBytes(
      JSON.stringify({
        strategy,
        settings,
        splitSeed,
        classSplitSeed,
        batchSize,
        classBatch: CLASS_BATCH_TIMES,
        sizePx,
        ranges,
        weightsHash,
        classes: data.classes.dataHash,
        images: data.images.dataHash,
      }),
    );
    const { finished, records, seconds } = trainTasks(encoder, [classify, ...imageTasks], settings, {
      out,
      runHash,
      progress,
      signal,
    });
    if (!finished) return null;

    const models = imageTasks.map(({ head }, i): ImageModel => {
      const task = IMAGE_TASKS[i];
      const degradation =
        task === "restore"
          ? describeRanges(ranges, data.images.kind, data.images.pixelScaleArcsec)
          : "patches of 4, 8 and 16 px over 0-70 % of the image";
      return {
        encoder,
        decoder: head,
        card: {
          task,
          model: options.model,
          kind: data.images.kind,
          sizePx,
          degradation,
          seeingKnown: ranges.seeingKnown,
          steps,
          seed,
          dataHash: data.images.dataHash,
        },
      };
    });
    const scores = models.map(
      (trained, i) =>
        evaluateImages({ [IMAGE_TASKS[i]]: trained }, data.images.test, setups[i].test, "given only").methods,
    );
    const sizes = (part: { train: { length: number }; validation: { length: number }; test: { length: number } }) => ({
      train: part.train.length,
      validation: part.validation.length,
      test: part.test.length,
    });
    const { train, validation, test } = data.classes;
    const result: MultitaskResult = {
      strategy,
      command,
      model: options.model,
      weightsHash,
      seed,
      splitSeed,
      classSplitSeed,
      steps,
      classes: data.classes.classes,
      objects: {
        classify: sizes({ train: train.classes, validation: validation.classes, test: test.classes }),
        restore: sizes(data.images),
        reconstruct: sizes(data.images),
      },
      classify: classificationScores(mostProbable(classify.logits(test), count), test.classes, count),
      restore: scores[0],
      reconstruct: scores[1],
      stepsOfTask: records.at(-1)?.stepsOfTask ?? [],
      seconds: Math.round(seconds),
      history: records,
    };
    for (const trained of models) saveImageModel(join(out, `${trained.card.task}.safetensors`), trained);
    const features = `${options.model}-${strategy}-${seed}`;
    const encoderHash = await saveEncoder(encoder, options, join(out, "encoder.safetensors"));
    saveHead(join(out, "classify.safetensors"), classify.head, {
      model: options.model,
      features,
      weightsHash: encoderHash,
      column: options.column,
      classes: data.classes.classes,
      dim: reader.dim,
      temperature: fitTemperature(classify.logits(validation), validation.classes, count),
    });
    writeCharts(out, result);
    writeFileAtomic(join(out, "metrics.json"), `${JSON.stringify({ ...result, features, settings }, null, 2)}\n`);
    for (const module of [encoder, classify.head, ...imageTasks.map(({ head }) => head)]) module.dispose();
    classify.dispose();
    return result;
  } finally {
    release();
  }
}

/**
 * Writes the encoder as it is now, with the notes and the projection by which its features are read, and returns its
 * hash.
 */
async function saveEncoder(
  encoder: SwinUnet,
  { model, weights = releasedWeights(model) }: MultitaskOptions,
  path: string,
): Promise<string> {
  scope(() => {
    const { tensors, metadata } = readSafetensors(weights, isProjectionName);
    const state = Object.fromEntries([...encoder.namedTensors()].filter(([name]) => !isDecoderName(name)));
    writeSafetensors(path, { ...state, ...tensors }, { ...metadata, model, part: "encoder", dtype: "float32" });
  });
  return hashFile(path);
}

/** Shares and validation scores over the steps, as SVG. */
function writeCharts(out: string, { history, strategy, seed }: MultitaskResult): void {
  const x = history.map(({ step }) => step);
  const chart = (title: string, yLabel: string, of: (record: LoopRecord, task: number) => number) =>
    lineChart({
      title: `${title}, ${strategy}, seed ${seed}`,
      xLabel: "step",
      yLabel,
      series: TASKS.map((name, task) => ({ name, x, y: history.map((record) => of(record, task)) })),
    });
  writeFileAtomic(
    join(out, "shares.svg"),
    chart("Shares of the steps", "share of the next steps", ({ shares }, task) => shares[task]),
  );
  writeFileAtomic(
    join(out, "validation.svg"),
    chart("How far from perfect", "1 - macro F1; MSE after / before", ({ deficits }, task) => deficits[task]),
  );
}
