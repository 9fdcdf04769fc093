/**
 * `skyloop train restore | reconstruct`: a decoder, and the encoder with it, learned from a survey's images, measured
 * on some that it never saw.
 */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { SkyloopError } from "../../base/errors.ts";
import { hashBytes, writeFileAtomic } from "../../base/files.ts";
import { lockFolder } from "../../base/lock.ts";
import type { Progress } from "../../base/progress.ts";
import { loadModel } from "../../models/index.ts";
import { describeRanges, loadImageData, restoreRanges } from "../../tasks/images/data.ts";
import { evaluateInto, type ImageEvaluation, setupsOf } from "../../tasks/images/evaluate.ts";
import type { ImageTaskName } from "../../tasks/images/image-task.ts";
import { type ImageCard, type ImageModel, saveImageModel } from "../../tasks/images/model.ts";
import { manualSeed } from "../../torch/index.ts";
import { DEFAULT_LOOP, type LoopRecord, trainTasks } from "../trainer.ts";
import { imageTask } from "./learned-images.ts";

/** A restoration or reconstruction to train: encoder, degradation, length, folder of the result. */
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

/** What a trained image model reached on the test split; written as metrics.json. */
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
