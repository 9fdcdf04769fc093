/** Restoration and reconstruction as tasks: crops made worse, a decoder on the encoder's maps, measures of images. */
import { type CroppedPicture, randomCrop } from "../../batches/pictures.ts";
import type { SkipBackbone } from "../../models/backbone.ts";
import { plainReader } from "../../models/feature-reader.ts";
import type { ImageDecoder } from "../../models/image-decoder.ts";
import { mseLoss, noGrad, type Tensor } from "../../torch/index.ts";
import type { Evaluator, Network, SampleOptions, Samples, Task } from "../task.ts";
import { degradationOf, type ImageData, loadImageData, restoreRanges } from "./data.ts";
import { evaluateImages, setupsOf } from "./evaluate.ts";
import { type ImageTaskName, improve, LOSS_SCALE, taskDecoder } from "./image-task.ts";
import {
  forTestBatches,
  type ImageScores,
  imagesOf,
  meanScores,
  scoreImage,
  type TestBatch,
  type TestSetup,
  worsened,
} from "./measures.ts";
import { disposeImageModel, type ImageCard, type ImageModel, openImageModel, packImageModel } from "./model.ts";
import { improvedRgb8 } from "./predict.ts";
import type { RestoreRanges } from "./restore.ts";

/** Options of image tasks in `SampleOptions.own`: ranges as on the command line, and whether the seeing is told. */
export interface ImageOwn {
  fwhm?: [number, number];
  noise?: [number, number];
  seeingKnown?: boolean;
}

/** A survey's pictures, how they are made worse, and how they are measured. */
export interface ImageSamples extends Samples, ImageData {
  sizePx: number;
  ranges: RestoreRanges;
  setups: { validation: TestSetup; test: TestSetup };
}

/** Restoration or reconstruction: stamps are its targets, and what it finds are pictures of the same size. */
export type ImageTask = Task<
  ImageSamples,
  TestBatch,
  ImageDecoder,
  Float32Array[],
  ImageModel,
  Omit<ImageCard, "task" | "model" | "steps" | "seed" | "dataHash">
>;

/** The encoder that a decoder stands on; that it gives `skips` was checked before it was loaded. */
const encoderOf = ({ backbone }: Network) => backbone as SkipBackbone;

/** Pictures of a survey as samples of an image task. Throws BAD_OPTION for ranges that cannot be. */
export function imageSamples(task: ImageTaskName, data: ImageData, { sizePx, own = {} }: SampleOptions): ImageSamples {
  const { fwhm, noise, seeingKnown } = own as ImageOwn;
  const ranges = restoreRanges(data, fwhm, noise, seeingKnown);
  const { train, validation, test } = data;
  return {
    ...data,
    counts: { train: train.length, validation: validation.length, test: test.length },
    sizePx,
    ranges,
    setups: setupsOf(task, data, sizePx, ranges),
  };
}

/** Gathers the scores of images as they were given and as they were improved. */
function evaluatorOf({ setups }: ImageSamples): Evaluator<TestBatch, Float32Array[]> {
  const { sizePx, kind } = setups.validation;
  let [given, found]: ImageScores[][] = [[], []];
  return {
    reset() {
      [given, found] = [[], []];
    },
    process({ batch, masks }, images) {
      const [clean, degraded] = [imagesOf(batch.clean), imagesOf(batch.degraded)];
      for (const [b, image] of images.entries()) {
        given.push(scoreImage(degraded[b], clean[b], sizePx, kind, masks[b] ?? null));
        found.push(scoreImage(image, clean[b], sizePx, kind, masks[b] ?? null));
      }
    },
    evaluate() {
      const [before, after] = [meanScores(given), meanScores(found)];
      return {
        deficit: Math.min(1, after.mse / before.mse),
        measures: { mse: after.mse, psnr: after.psnr, ssim: after.ssim, psnrBefore: before.psnr },
      };
    },
  };
}

function imageTask(name: ImageTaskName, caption: string): ImageTask {
  const task: ImageTask = {
    name,
    deficitLabel: "MSE after / before",
    source: "images",
    batchTimes: 1,
    needs: ["skips"],

    async load(folder, options) {
      const { sizePx, seed, progress, mostTrain } = options;
      return imageSamples(name, await loadImageData(folder, sizePx, seed, progress, mostTrain), options);
    },
    runKey: ({ ranges }) => ({ ranges }),
    createHead: (network) => taskDecoder(encoderOf(network), name),
    draw(_, { train, setups }, count, random) {
      const { sizePx } = setups.validation;
      const crops = Array.from({ length: count }, () =>
        randomCrop(random.choice<CroppedPicture>(train), sizePx, random),
      );
      return worsened(crops, random, setups.validation);
    },
    eachBatch: (data, part, use) => forTestBatches(data[part], data.setups[part], use),
    forward: (network, head, { batch }, frozen) => improve(encoderOf(network), head, batch, frozen),
    loss: (output, { batch }) => mseLoss(output, batch.scale.toNetwork(batch.clean)).mul(LOSS_SCALE),
    decode: (output, { batch, kind }) =>
      noGrad(() => {
        const images: Tensor = batch.scale.toImage(output);
        return imagesOf(kind === "colour" ? images.clamp(0, 1) : images);
      }),
    evaluator: evaluatorOf,
    scores(network, head, data) {
      const model = task.finish(network, head, data, { seed: 0, steps: 0 });
      return evaluateImages({ [name]: model }, data.test, data.setups.test, "given only").methods;
    },

    finish(network, head, data, { seed, steps }) {
      const { kind, sizePx, ranges, dataHash } = data;
      const degradation = degradationOf(name, data, ranges);
      const { seeingKnown } = ranges;
      const card = { task: name, model: network.name, kind, sizePx, degradation, seeingKnown, steps, seed, dataHash };
      return { encoder: encoderOf(network), decoder: head, card };
    },
    pack: (model) => packImageModel(model) as ReturnType<ImageTask["pack"]>,
    open: openImageModel,
    dispose: disposeImageModel,
    parts: ({ encoder, decoder, card }) => ({
      network: { name: card.model, backbone: encoder, reader: plainReader(encoder), weightsHash: card.dataHash },
      head: decoder,
    }),

    picture: improvedRgb8,
    pictureCaption: caption,
    pictureRefusal: ({ seeingKnown = false }, path) =>
      seeingKnown
        ? `${path} restores by the width of the point spread, which the page does not know; use it with \`skyloop predict restore --fwhm\`, or train one without --known-seeing`
        : null,
  };
  return task;
}

/** Blur and noise taken away. */
export const RESTORE = imageTask("restore", "Restored");

/** Hidden pixels filled. */
export const RECONSTRUCT = imageTask("reconstruct", "Without its neighbours");
