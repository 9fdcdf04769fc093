/** The tasks that the training loop knows: restore and reconstruct images, classify them. */
import { type Picture, randomCrop } from "../../batches/pictures.ts";
import type { ImageDecoder } from "../../models/image-decoder.ts";
import type { SwinUnet } from "../../models/swin-unet.ts";
import { imageLoss, improvedImages, taskDecoder } from "../../tasks/images/image-task.ts";
import {
  forTestBatches,
  type ImageScores,
  imagesOf,
  meanScores,
  scoreImage,
  type TestSetup,
} from "../../tasks/images/measures.ts";
import { drawPatches, reconstructBatch } from "../../tasks/images/reconstruct.ts";
import { drawBlur, restoreBatch } from "../../tasks/images/restore.ts";
import type { LearnedTask } from "../trainer.ts";

/** Images that a task learns from and is validated on, and how many crops a step takes. */
export interface ImageTaskData {
  train: Picture[];
  validation: Picture[];
  batchSize: number;
}

/** Restoration or reconstruction while it is learned: its loss and its decoder. */
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
