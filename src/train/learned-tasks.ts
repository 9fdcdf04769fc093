/** The tasks that the training loop knows: restore and reconstruct images, classify them. */
import { augment, DEFAULT_AUGMENT } from "../batches/augment.ts";
import { type Picture, randomCrop } from "../batches/pictures.ts";
import { classificationScores, mostProbable } from "../measure/classification.ts";
import type { ImageDecoder } from "../models/image-decoder.ts";
import type { FeatureReader } from "../models/index.ts";
import type { SwinUnet } from "../models/swin-unet.ts";
import { ClassifyHead, classifyLoss } from "../tasks/classify.ts";
import { imageLoss, improvedImages, taskDecoder } from "../tasks/image-task.ts";
import { drawPatches, reconstructBatch } from "../tasks/reconstruct.ts";
import { drawBlur, restoreBatch } from "../tasks/restore.ts";
import { keep, noGrad, scope, tensor } from "../torch/index.ts";
import {
  forTestBatches,
  type ImageScores,
  imagesOf,
  meanScores,
  scoreImage,
  type TestSetup,
} from "./image-measures.ts";
import type { LearnedTask } from "./task-loop.ts";

export interface ImageTaskData {
  train: Picture[];
  validation: Picture[];
  batchSize: number;
}

export interface LearnedImageTask extends LearnedTask {
  head: ImageDecoder;
}

/**
 * Restoration or reconstruction of crops of `setup.sizePx`; validated on the middles of the validation pictures, always
 * made worse in the same way.
 */
export function imageTask(
  encoder: SwinUnet,
  setup: TestSetup,
  { train, validation, batchSize }: ImageTaskData,
): LearnedImageTask {
  const { task, kind, sizePx } = setup;
  const head = taskDecoder(encoder, task);
  return {
    name: task,
    head,
    loss(model, random, frozen) {
      const crops = Array.from({ length: batchSize }, () => randomCrop(random.choice(train), sizePx, random));
      const batch =
        task === "restore"
          ? restoreBatch(
              crops,
              sizePx,
              crops.map(() => drawBlur(random, setup.restore)),
              kind,
              setup.restore,
            )
          : reconstructBatch(
              crops,
              sizePx,
              crops.map(() => drawPatches(random, sizePx, setup.masks)),
              kind,
            );
      return imageLoss(model, head, batch, frozen);
    },
    validate(model) {
      const [given, found]: ImageScores[][] = [[], []];
      forTestBatches(validation, setup, ({ batch, masks }) => {
        const [clean, degraded] = [imagesOf(batch.clean), imagesOf(batch.degraded)];
        for (const [b, image] of imagesOf(improvedImages(model, head, batch, kind)).entries()) {
          given.push(scoreImage(degraded[b], clean[b], sizePx, kind, masks[b] ?? null));
          found.push(scoreImage(image, clean[b], sizePx, kind, masks[b] ?? null));
        }
      });
      const [before, after] = [meanScores(given), meanScores(found)];
      return {
        deficit: Math.min(1, after.mse / before.mse),
        measures: { mse: after.mse, psnr: after.psnr, ssim: after.ssim, psnrBefore: before.psnr },
      };
    },
  };
}

/** Images [N, 3, S, S] in memory and the class of each. */
export interface ClassData {
  images: Float32Array;
  sizePx: number;
  classes: Int32Array;
}

export interface ClassTaskOptions {
  /** Number of classes. */
  count: number;
  batchSize: number;
  labelSmoothing: number;
  dropout: number;
}

export interface LearnedClassTask extends LearnedTask {
  head: ClassifyHead;
  /** Logits [N, classes] of images. */
  logits(data: ClassData): Float32Array;
  /** Frees the images that it holds. */
  dispose(): void;
}

const EVALUATED_AT_ONCE = 64;

/**
 * Classes from images through the encoder's features and the paper's two layers; every object weighs the same in the
 * loss, so that accuracy is what is learned.
 */
export function classTask(
  reader: FeatureReader,
  train: ClassData,
  validation: ClassData,
  options: ClassTaskOptions,
): LearnedClassTask {
  const { count, batchSize, labelSmoothing, dropout } = options;
  const head = new ClassifyHead(reader.dim, count, dropout);
  const images = keep(tensor(train.images, [train.classes.length, 3, train.sizePx, train.sizePx]));
  const targets = new Float32Array(train.classes.length * count);
  for (const [i, k] of train.classes.entries()) targets[i * count + k] = 1;
  const featuresOf = (data: ClassData) => {
    const plane = 3 * data.sizePx ** 2;
    const out = new Float32Array(data.classes.length * reader.dim);
    for (let from = 0; from < data.classes.length; from += EVALUATED_AT_ONCE) {
      const n = Math.min(EVALUATED_AT_ONCE, data.classes.length - from);
      const part = data.images.subarray(from * plane, (from + n) * plane);
      noGrad(() =>
        scope(() =>
          reader
            .of(tensor(part, [n, 3, data.sizePx, data.sizePx]))
            .copyTo(out.subarray(from * reader.dim, (from + n) * reader.dim)),
        ),
      );
    }
    return out;
  };
  const logits = (data: ClassData) =>
    noGrad(() =>
      scope(() => head.forward(tensor(featuresOf(data), [data.classes.length, reader.dim])).toFloat32Array()),
    );
  head.standardise(featuresOf(train), reader.dim);
  return {
    name: "classify",
    head,
    logits,
    loss(_, random, frozen) {
      const rows = Array.from({ length: batchSize }, () => random.int(train.classes.length));
      const index = tensor(BigInt64Array.from(rows, BigInt), [rows.length]);
      const views = augment(images.indexSelect(0, index), random, { ...DEFAULT_AUGMENT, sizePx: reader.sizePx });
      const features = frozen ? noGrad(() => reader.once(views)) : reader.once(views);
      const batchTargets = Float32Array.from(
        { length: rows.length * count },
        (_, i) => targets[rows[Math.floor(i / count)] * count + (i % count)],
      );
      return classifyLoss(head.forward(features), tensor(batchTargets, [rows.length, count]), {
        weights: null,
        labelSmoothing,
      });
    },
    validate() {
      const { accuracy, macroF1 } = classificationScores(
        mostProbable(logits(validation), count),
        validation.classes,
        count,
      );
      return { deficit: 1 - macroF1, measures: { accuracy, macroF1 } };
    },
    dispose() {
      images.dispose();
    },
  };
}
