/**
 * `skyloop train restore | reconstruct`: a decoder, and the encoder with it, learned from a survey's images, measured
 * on some that it never saw.
 */
import { join } from "node:path";
import { evaluateInto, type ImageEvaluation } from "../../tasks/images/evaluate.ts";
import type { ImageTaskName } from "../../tasks/images/image-task.ts";
import type { ImageCard, ImageModel } from "../../tasks/images/model.ts";
import type { ImageOwn, ImageSamples } from "../../tasks/images/task.ts";
import { TASKS } from "../../tasks/index.ts";
import type { AnyTask } from "../../tasks/task.ts";
import { type TaskResult, type TrainTaskOptions, trainTask } from "../train-task.ts";

/** What a run is asked for; ranges are as on the command line. */
export interface TrainImageOptions extends Omit<TrainTaskOptions, "own">, ImageOwn {
  task: ImageTaskName;
}

/** Measures of a trained image model, its card, and how it was trained. */
export interface ImageResult extends ImageEvaluation, TaskResult {
  card: ImageCard;
}

/**
 * Trains, measures on the test images beside classical methods, and writes `TASK.safetensors`, `metrics.json` and
 * `examples.png` into `out`. A run that was stopped goes on. Throws RUN_EXISTS, BAD_OPTION, BAD_IMAGE_SIZE,
 * TOO_FEW_STAMPS, OTHER_RECIPE, DIVERGED, LOCKED. Null where `signal` stopped it.
 */
export async function trainImageModel(folder: string, options: TrainImageOptions): Promise<ImageResult | null> {
  const { task: name, fwhm, noise, seeingKnown, ...common } = options;
  const task: AnyTask = TASKS[name];
  return trainTask(task, folder, { ...common, own: { fwhm, noise, seeingKnown } }, async (run) => {
    const data = run.data as ImageSamples;
    const model = run.model as ImageModel;
    const evaluation = await evaluateInto(join(options.out, "examples.png"), model, data, data.setups);
    return { card: model.card, objects: { ...data.counts, skipped: data.skipped }, ...evaluation };
  });
}
