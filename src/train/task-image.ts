/**
 * `skyloop train restore | reconstruct`: a decoder, and the encoder with it, learned from a survey's images, measured
 * on some that it never saw.
 */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { SkyloopError } from "../base/errors.ts";
import { hashBytes, lockFolder, writeFileAtomic } from "../base/files.ts";
import type { Progress } from "../base/progress.ts";
import { loadModel } from "../models/index.ts";
import { type ImageCard, type ImageModel, loadImageModel, saveImageModel } from "../tasks/image-model.ts";
import type { ImageTaskName } from "../tasks/image-task.ts";
import { MASK_RANGES } from "../tasks/reconstruct.ts";
import { manualSeed } from "../torch/index.ts";
import { describeRanges, type ImageData, loadImageData, restoreRanges } from "./image-data.ts";
import { evaluateImages, type ImageEvaluation, writeExamples } from "./image-evaluate.ts";
import { chooseClassical, type TestSetup } from "./image-measures.ts";
import { imageTask } from "./learned-tasks.ts";
import { DEFAULT_LOOP, type LoopRecord, trainTasks } from "./task-loop.ts";

export interface TrainImageOptions {
  task: ImageTaskName;
  model: string;
  /** Weights other than the released ones. */
  weights?: string;
  out: string;
  seed: number;
  steps: number;
  batchSize: number;
  sizePx: number;
  frozen: boolean;
  fwhm?: [number, number];
  noise?: [number, number];
  /** restore: the network is told the width of the point spread. */
  seeingKnown?: boolean;
  command: string;
  /** Of reading the stamps, and of training. */
  reading: Progress;
  progress: Progress;
  signal?: AbortSignal;
}

export interface ImageResult extends ImageEvaluation {
  survey: string;
  command: string;
  card: ImageCard;
  weightsHash: string;
  frozen: boolean;
  objects: { train: number; validation: number; test: number; skipped: number };
  seconds: number;
  history: LoopRecord[];
}

/** Examples on the sheet that training and evaluation write. */
const SHOWN = 6;
/** Seeds that draw what is done to validation and test images, the same in every run. */
const VALIDATION_SEED = 101;
const TEST_SEED = 202;

/** How validation and test images are made worse. */
export function setupsOf(
  task: ImageTaskName,
  data: ImageData,
  sizePx: number,
  ranges: ReturnType<typeof restoreRanges>,
): { validation: TestSetup; test: TestSetup } {
  const common = { task, kind: data.kind, restore: ranges, masks: MASK_RANGES };
  return { validation: { ...common, sizePx, seed: VALIDATION_SEED }, test: { ...common, sizePx, seed: TEST_SEED } };
}

/** Checks what the command line gave. Throws BAD_OPTION. */
function checkOptions({ steps, batchSize, sizePx, seed }: TrainImageOptions): void {
  for (const [name, value, least] of [
    ["--steps", steps, 1],
    ["--batch", batchSize, 1],
    ["--seed", seed, 0],
  ] as const)
    if (!Number.isInteger(value) || value < least)
      throw new SkyloopError("BAD_OPTION", `${name} is a whole number from ${least}, not ${value}`);
  if (!Number.isInteger(sizePx) || sizePx < 32 || sizePx % 32 !== 0)
    throw new SkyloopError("BAD_OPTION", `--size is a multiple of 32 px, not ${sizePx}`);
}

/**
 * Trains, measures on the test images and writes `TASK.safetensors`, `metrics.json` and `examples.png` into `out`. A
 * run that was stopped goes on. Throws RUN_EXISTS, BAD_OPTION, BAD_IMAGE_SIZE, TOO_FEW_STAMPS, OTHER_RECIPE, DIVERGED,
 * LOCKED. Null where `signal` stopped it.
 */
export async function trainImageModel(folder: string, options: TrainImageOptions): Promise<ImageResult | null> {
  const { task, out, seed, sizePx, frozen, steps, batchSize, progress, signal } = options;
  checkOptions(options);
  const path = join(out, `${task}.safetensors`);
  if (existsSync(path))
    throw new SkyloopError(
      "RUN_EXISTS",
      `${out} holds a trained model already; give another folder with --out, or delete it`,
    );
  mkdirSync(out, { recursive: true });
  const release = lockFolder(out, "train");
  try {
    const data = await loadImageData(folder, sizePx, seed, options.reading);
    const ranges = restoreRanges(data, options.fwhm, options.noise, options.seeingKnown);
    manualSeed(seed);
    const { model: encoder, weightsHash } = await loadModel(options.model, options.weights);
    const setups = setupsOf(task, data, sizePx, ranges);
    const learned = imageTask(encoder, setups.validation, {
      train: data.train,
      validation: data.validation,
      batchSize,
    });
    const settings = {
      ...DEFAULT_LOOP,
      steps,
      seed,
      encoderRate: frozen ? 0 : DEFAULT_LOOP.encoderRate,
      warmupSteps: Math.min(DEFAULT_LOOP.warmupSteps, Math.ceil(steps / 10)),
    };
    const runHash = hashBytes(
      JSON.stringify({ task, settings, sizePx, batchSize, ranges, weightsHash, data: data.dataHash }),
    );
    const { finished, records, seconds } = trainTasks(encoder, [learned], settings, { out, runHash, progress, signal });
    if (!finished) return null;
    const degradation =
      task === "restore"
        ? describeRanges(ranges, data.kind, data.pixelScaleArcsec)
        : "patches of 4, 8 and 16 px over 0-70 % of the image";
    const card: ImageCard = {
      task,
      model: options.model,
      kind: data.kind,
      sizePx,
      degradation,
      seeingKnown: ranges.seeingKnown,
      steps,
      seed,
      dataHash: data.dataHash,
    };
    const trained: ImageModel = { encoder, decoder: learned.head, card };
    const evaluation = await evaluateInto(join(out, "examples.png"), trained, data, setups);
    const { skipped, train, validation, test } = data;
    const result: ImageResult = {
      survey: folder.split(/[/\\]/).filter(Boolean).at(-1) ?? folder,
      command: options.command,
      card,
      weightsHash,
      frozen,
      objects: { train: train.length, validation: validation.length, test: test.length, skipped },
      ...evaluation,
      seconds: Math.round(seconds),
      history: records,
    };
    writeFileAtomic(join(out, "metrics.json"), `${JSON.stringify({ ...result, ranges, settings }, null, 2)}\n`);
    saveImageModel(path, trained);
    encoder.dispose();
    learned.head.dispose();
    return result;
  } finally {
    release();
  }
}

/**
 * Measures on the test images, with classical settings chosen on the validation ones, and writes the sheet of examples.
 */
async function evaluateInto(
  sheet: string,
  model: ImageModel,
  data: ImageData,
  setups: { validation: TestSetup; test: TestSetup },
): Promise<ImageEvaluation> {
  const { task } = setups.test;
  const name = task === "restore" ? "restored" : "reconstructed";
  const classical = task === "restore" ? chooseClassical(data.validation, setups.validation) : null;
  const { methods, examples } = evaluateImages({ [name]: model }, data.test, setups.test, classical, SHOWN);
  await writeExamples(sheet, examples, setups.test.sizePx, data.kind);
  const given = methods[task === "restore" ? "blurred" : "masked"];
  return {
    images: data.test.length,
    sizePx: setups.test.sizePx,
    classical,
    methods,
    gain: methods[name].psnr - given.psnr,
  };
}

/**
 * Measures a saved model on the test share of a survey (that of `seed`; the one it was trained with by default). Throws
 * BAD_HEAD and what reading the survey throws.
 */
export async function evaluateImageModel(
  folder: string,
  path: string,
  task: ImageTaskName,
  options: { seed?: number; fwhm?: [number, number]; noise?: [number, number]; sheet: string; progress: Progress },
): Promise<ImageEvaluation & { card: ImageCard }> {
  const model = loadImageModel(path, task);
  const data = await loadImageData(folder, model.card.sizePx, options.seed ?? model.card.seed, options.progress);
  const ranges = restoreRanges(data, options.fwhm, options.noise, model.card.seeingKnown);
  return {
    card: model.card,
    ...(await evaluateInto(options.sheet, model, data, setupsOf(task, data, model.card.sizePx, ranges))),
  };
}
