/** What restoration and reconstruction share: a batch, the network that improves it, and its loss. */

import type { SkipBackbone } from "../../models/backbone.ts";
import { ImageDecoder } from "../../models/image-decoder.ts";
import { noGrad, type Tensor, tensor, where } from "../../torch/index.ts";
import { CANDIDATES } from "./candidates.ts";
import type { ImageScale } from "./scale.ts";

/** Tasks that turn one image into another. */
export const IMAGE_TASKS = ["restore", "reconstruct"] as const;

/** Restoration or reconstruction, as commands and cards name it. */
export type ImageTaskName = (typeof IMAGE_TASKS)[number];

/**
 * What a task's decoder is given beside the image: which pixels are known, and how many deconvolved versions of the
 * image.
 */
const DECODER_INPUTS: Record<ImageTaskName, { marks: number; candidates: number }> = {
  restore: { marks: 0, candidates: CANDIDATES },
  reconstruct: { marks: 1, candidates: 0 },
};

/** A decoder with initial weights for a task, on maps of this encoder. */
export function taskDecoder(encoder: SkipBackbone, task: ImageTaskName): ImageDecoder {
  const { marks, candidates } = DECODER_INPUTS[task];
  return new ImageDecoder(encoder, marks, candidates);
}

/** Images that were made worse, and what they were. */
export interface ImageBatch {
  /**
   * What the network improves, [B, 3, S, S] in its unit: the blurred image, or the masked one with a first guess in its
   * holes.
   */
  image: Tensor;
  /** [B, 1, S, S], 1 where a pixel is known; null where all are known and all may change. */
  known: Tensor | null;
  /** Versions of the images that the network may take from, [B, 3 candidates, S, S]. */
  candidates: Tensor | null;
  /** The images as they were, [B, 3, S, S] in their own unit, and as they were given, with zeros where hidden. */
  clean: Tensor;
  degraded: Tensor;
  scale: ImageScale;
}

/** What a network improves. */
export type DecoderInput = Pick<ImageBatch, "image" | "known" | "candidates">;

/** A batch [B, 3, S, S] of images. */
export function stackImages(images: Float32Array[], sizePx: number): Tensor {
  const all = new Float32Array(images.length * 3 * sizePx * sizePx);
  for (const [b, image] of images.entries()) all.set(image, b * image.length);
  return tensor(all, [images.length, 3, sizePx, sizePx]);
}

/**
 * The improved images in the network's unit: the given ones and the decoder's correction; known pixels stay. A frozen
 * encoder records no gradients.
 */
export function improve(
  encoder: SkipBackbone,
  decoder: ImageDecoder,
  { image, known, candidates }: DecoderInput,
  frozen = false,
): Tensor {
  const encoded = frozen ? noGrad(() => encoder.encode(image)) : encoder.encode(image);
  const improved = image.add(decoder.forward(encoded, image, known, candidates));
  return known === null ? improved : where(known.gt(0), image, improved);
}

/**
 * Brings a mean squared error of images to about one, so that tasks learned together pull equally hard at the encoder.
 */
export const LOSS_SCALE = 1000;
