/**
 * Mask R-CNN (He et al. 2017) on any backbone, with torchvision's names and defaults: every object of an image with its
 * class, box and mask.
 */
import type { Random } from "../../base/random.ts";
import type { Detection, Truth } from "../../contract/detection.ts";
import { Module } from "../../nn/index.ts";
import { noGrad, op, type Parameter, scope, type Tensor, tensor, zeros } from "../../torch/index.ts";
import type { Backbone } from "../backbone.ts";
import { pasteMask } from "./masks.ts";
import { isPredictor, presentState } from "./names.ts";
import { type ImageSize, ProposalNetwork, type ProposalOptions } from "./proposals.ts";
import { Pyramid } from "./pyramid.ts";
import {
  MASK_SIDE,
  type RegionHeadOptions,
  RegionHeads,
  type RegionsFound,
  type RegionTargets,
} from "./region-heads.ts";

export type { ImageSize } from "./proposals.ts";

/** Sizes and rules of a detector. */
export interface MaskRcnnOptions {
  /** Names of the classes that are found. */
  classes: readonly string[];
  /** Width of the pyramid's maps. */
  channels: number;
  proposals: ProposalOptions;
  heads: RegionHeadOptions;
  /** Taken from the channels of images before anything else, and what they are divided by. */
  imageMean: readonly [number, number, number];
  imageStd: readonly [number, number, number];
}

/** torchvision's `maskrcnn_resnet50_fpn`, but for its normalisation of images: ours are used as they are. */
export const TORCHVISION_OPTIONS: MaskRcnnOptions = {
  classes: ["object"],
  channels: 256,
  proposals: {
    anchors: { sizes: [[32], [64], [128], [256], [512]], ratios: [0.5, 1, 2] },
    before: [2000, 1000],
    after: [2000, 1000],
    overlap: 0.7,
    match: { above: 0.7, below: 0.3, everyObject: true },
    sample: { count: 256, objects: 0.5 },
  },
  heads: {
    width: 1024,
    maskWidths: [256, 256, 256, 256],
    maskWidth: 256,
    match: { above: 0.5, below: 0.5, everyObject: false },
    sample: { count: 512, objects: 0.25 },
    score: 0.05,
    overlap: 0.5,
    most: 100,
    enlarge: 1,
  },
  imageMean: [0, 0, 0],
  imageStd: [1, 1, 1],
};

/**
 * For objects of 10 to 60 px in images of galaxies: small anchors, and heads that two cores can train. `channels` is the
 * width of everything behind the backbone; images are shown to it `enlarge` times as large.
 */
export function galaxyOptions(classes: readonly string[], channels: number, enlarge = 1): MaskRcnnOptions {
  const { proposals, heads } = TORCHVISION_OPTIONS;
  return {
    ...TORCHVISION_OPTIONS,
    classes,
    channels,
    proposals: {
      ...proposals,
      anchors: { sizes: [[16], [24], [32], [48], [96]], ratios: [0.5, 1, 2] },
      before: [400, 400],
      after: [100, 100],
      sample: { count: 128, objects: 0.5 },
    },
    heads: {
      ...heads,
      width: 4 * channels,
      maskWidths: [channels, channels, channels, channels],
      maskWidth: channels,
      sample: { count: 32, objects: 0.25 },
      score: 0.02,
      overlap: 0.3,
      enlarge,
    },
  };
}

/** Images of one batch: their pixels, padded to common sides, and the size of each before. */
export interface PaddedImages {
  pixels: Tensor;
  sizes: ImageSize[];
}

/** Images [3, H, W] of any sizes as a batch whose sides are multiples of 32, zeros at the right and below. */
export function batchImages(images: readonly Tensor[]): PaddedImages {
  const sizes = images.map(({ shape: [, height, width] }) => ({ height, width }));
  const side = (of: "height" | "width") => 32 * Math.ceil(Math.max(...sizes.map((size) => size[of])) / 32);
  const pixels = zeros([images.length, 3, side("height"), side("width")]);
  for (const [b, image] of images.entries()) {
    const { height, width } = sizes[b];
    pixels.select(0, b).slice(1, 0, height).slice(2, 0, width).copy_(image);
  }
  return { pixels, sizes };
}

/** What a step learns from; each is 0 where there is nothing of its kind. */
export interface DetectionLosses {
  objectness: Tensor;
  proposals: Tensor;
  classes: Tensor;
  boxes: Tensor;
  masks: Tensor;
}

function boxesOf(truths: readonly Truth[]): Float32Array {
  return Float32Array.from(truths.flatMap(({ x1, y1, x2, y2 }) => [x1, y1, x2, y2]));
}

/** The objects of an image that are learned from, and the boxes of those that are not and of what was taken for one. */
function targetsOf(truths: readonly Truth[], classes: readonly string[]): RegionTargets {
  const known = truths.filter((truth) => classes.includes(truth.class));
  const [real, rejected] = [false, true].map((said) =>
    known.filter((truth) => !truth.ignore && (truth.rejected ?? false) === said),
  );
  const labels = real.map((truth) => classes.indexOf(truth.class) + 1);
  const ignored = boxesOf(known.filter(({ ignore }) => ignore));
  return { truths: real, labels, boxes: boxesOf(real), ignored, rejected: boxesOf(rejected) };
}

/**
 * Backbone, pyramid, proposals and heads: batches of images to losses while it learns, to objects with class, box, score
 * and mask afterwards.
 */
export class MaskRcnn extends Module {
  readonly backbone: Pyramid;
  readonly rpn: ProposalNetwork;
  readonly roi_heads: RegionHeads;
  readonly options: MaskRcnnOptions;

  /** The backbone belongs to the detector from here on, and is freed with it. */
  constructor(body: Backbone, options: MaskRcnnOptions) {
    super();
    this.options = options;
    this.backbone = new Pyramid(body, options.channels);
    this.rpn = new ProposalNetwork(options.channels, options.proposals);
    this.roi_heads = new RegionHeads(options.channels, options.classes.length + 1, options.heads);
  }

  /** The tensors of the detector; a decoder or last layer of the backbone is none of them. */
  override *namedTensors(): Generator<[string, Tensor]> {
    const kept = new Set(this.backbone.body.kept().map(([name]) => `backbone.body.${name}`));
    for (const [name, value] of super.namedTensors())
      if (!name.startsWith("backbone.body.") || kept.has(name)) yield [name, value];
  }

  /** The parameters that what it finds follows from, by name. */
  learned(): [string, Parameter][] {
    // The norm of a transformer's features is no part of its maps.
    const seen = this.backbone.body.learned().filter(([name]) => !name.startsWith("norm."));
    const body = new Set(seen.map(([name]) => `backbone.body.${name}`));
    return [...this.namedParameters()].filter(([name]) => !name.startsWith("backbone.body.") || body.has(name));
  }

  /**
   * Loads a state by torchvision's names, those of now or those of before its version 0.13. Last layers of another
   * number of classes keep their initial weights: their names are returned. Throws STATE_MISMATCH.
   */
  loadDetector(state: Record<string, Tensor>): string[] {
    const own = this.stateDict();
    const found = presentState(state, own);
    const other = (name: string) => isPredictor(name) && found[name]?.shape.join() !== own[name].shape.join();
    const fresh = Object.keys(own).filter((name) => name in found && other(name));
    for (const name of fresh) found[name] = own[name];
    this.loadStateDict(found);
    return fresh;
  }

  /** Maps of a batch, its channels normalised, and enlarged where that is asked for. */
  maps({ pixels: given }: PaddedImages): Tensor[] {
    const { imageMean, imageStd, heads } = this.options;
    const sides = given.shape.slice(2).map((side) => side * heads.enlarge);
    const pixels = heads.enlarge === 1 ? given : op("upsample_bilinear2d", given, sides, false, null, null);
    const plain = imageMean.every((mean) => mean === 0) && imageStd.every((std) => std === 1);
    const column = (values: readonly number[]) =>
      tensor(Float32Array.from(values), [1, 3, 1, 1]).toDevice(pixels.device);
    return this.backbone.forward(plain ? pixels : pixels.sub(column(imageMean)).div(column(imageStd)));
  }

  /**
   * How far the detector is from the objects of each image. What is sampled follows from `random`. Throws
   * BAD_IMAGE_SIZE.
   */
  losses(batch: PaddedImages, truths: readonly (readonly Truth[])[], random: Random): DetectionLosses {
    const targets = truths.map((own) => targetsOf(own, this.options.classes));
    const maps = this.maps(batch);
    const guesses = this.rpn.guess(maps, paddedSize(batch));
    const proposals = this.rpn.propose(guesses, batch.sizes);
    const { objectness, boxes: moved } = this.rpn.losses(guesses, targets, random);
    const { classes, boxes, masks } = this.roi_heads.losses(maps, proposals, targets, random);
    return { objectness, proposals: moved, classes, boxes, masks };
  }

  /** What the heads find in each image of a batch, masks as probabilities. Throws BAD_IMAGE_SIZE. */
  find(batch: PaddedImages): RegionsFound[] {
    return noGrad(() =>
      scope(() => {
        const maps = this.maps(batch);
        const proposals = this.rpn.propose(this.rpn.guess(maps, paddedSize(batch)), batch.sizes);
        return this.roi_heads.find(maps, proposals, batch.sizes);
      }),
    );
  }

  /** The objects of each image of a batch with their masks, best first. Throws BAD_IMAGE_SIZE. */
  detect(batch: PaddedImages): Detection[][] {
    return this.find(batch).map((found, b) => detectionsOf(found, this.options.classes, batch.sizes[b]));
  }
}

const paddedSize = ({ pixels: { shape } }: PaddedImages): ImageSize => ({ height: shape[2], width: shape[3] });

/** What was found in an image of that size as objects, their masks laid onto it. */
export function detectionsOf(
  { boxes, scores, labels, masks }: RegionsFound,
  classes: readonly string[],
  size: ImageSize,
): Detection[] {
  return labels.map((label, i) => {
    const [x1, y1, x2, y2] = boxes.subarray(4 * i, 4 * i + 4);
    const cells = masks.subarray(i * MASK_SIDE ** 2, (i + 1) * MASK_SIDE ** 2);
    return {
      x1,
      y1,
      x2,
      y2,
      class: classes[label - 1],
      score: scores[i],
      mask: pasteMask(cells, MASK_SIDE, [x1, y1, x2, y2], size),
    };
  });
}
