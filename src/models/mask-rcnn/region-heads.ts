/** What a proposal shows: its class, its box once more, and its mask (He et al. 2017), with torchvision's names. */
import type { Random } from "../../base/random.ts";
import type { Truth } from "../../contract/detection.ts";
import { Conv2d, Layer, Linear, Module, nms, Relu, roiAlign, Sequential, uniform } from "../../nn/index.ts";
import {
  bceWithLogits,
  cat,
  crossEntropy,
  noGrad,
  op,
  opInPlace,
  type Parameter,
  scope,
  type Tensor,
  tensor,
  zeros,
} from "../../torch/index.ts";
import { STRIDES } from "../backbone.ts";
import {
  areaOfBox,
  type Boxes,
  type CodeWeights,
  clipBoxes,
  decodeBoxes,
  encodeBox,
  largeEnough,
  pickBoxes,
} from "./boxes.ts";
import { maskTargets } from "./masks.ts";
import { type MatchRule, matchBoxes, overlapping, type SampleRule, sampleBoxes } from "./matching.ts";
import { type BoxTargets, type ImageSize, indexTensor, smoothDistance } from "./proposals.ts";

/** Sizes of the heads, what they learn from, and what is kept of what they find. */
export interface RegionHeadOptions {
  /** Width of the two layers that classes and boxes follow from. */
  width: number;
  /** Widths of the convolutions that masks follow from, and of their last map. */
  maskWidths: readonly number[];
  maskWidth: number;
  match: MatchRule;
  sample: SampleRule;
  /** A detection scores more than this, overlaps no better one of its class by more than `overlap`. */
  score: number;
  overlap: number;
  /** Detections an image at most. */
  most: number;
  /** The maps are those of images so many times as large as the boxes tell. */
  enlarge: number;
}

const WEIGHTS: CodeWeights = [10, 10, 5, 5];
const LEAST_SIDE_PX = 1e-2;
const [BOX_BINS, MASK_BINS] = [7, 14];
/** Side of a predicted mask. */
export const MASK_SIDE = 2 * MASK_BINS;

/** He's normal distribution over outputs. */
function initialised<L extends { weight: Parameter; bias: Parameter | null }>(
  layer: L,
  fanOut: number,
  bias = true,
): L {
  noGrad(() => {
    opInPlace("normal_", layer.weight, 0, Math.sqrt(2 / fanOut));
    if (bias && layer.bias !== null) opInPlace("zero_", layer.bias);
  });
  return layer;
}

/** A map of twice the sides: [B, in, H, W] -> [B, out, 2 H, 2 W]. */
class Doubling extends Layer {
  readonly weight: Parameter; // [in, out, 2, 2]
  readonly bias: Parameter;

  constructor(inputs: number, outputs: number) {
    super();
    const bound = 1 / Math.sqrt(4 * outputs);
    this.weight = uniform([inputs, outputs, 2, 2], bound);
    this.bias = uniform([outputs], bound);
  }
  forward(x: Tensor): Tensor {
    return op("conv_transpose2d.input", x, this.weight, this.bias, [2, 2], [0, 0], [0, 0], 1, [1, 1]);
  }
}

class BoxHead extends Module {
  readonly fc6: Linear;
  readonly fc7: Linear;

  constructor(channels: number, width: number) {
    super();
    this.fc6 = new Linear(channels * BOX_BINS ** 2, width);
    this.fc7 = new Linear(width, width);
  }
  forward(regions: Tensor): Tensor {
    return this.fc7.forward(this.fc6.forward(regions.flatten(1)).relu()).relu();
  }
}

class BoxPredictor extends Module {
  readonly cls_score: Linear;
  readonly bbox_pred: Linear;

  constructor(width: number, classes: number) {
    super();
    this.cls_score = new Linear(width, classes);
    this.bbox_pred = new Linear(width, 4 * classes);
  }
}

class MaskPredictor extends Module {
  readonly conv5_mask: Doubling;
  readonly mask_fcn_logits: Conv2d;

  constructor(inputs: number, width: number, classes: number) {
    super();
    this.conv5_mask = initialised(new Doubling(inputs, width), 4 * inputs, false);
    this.mask_fcn_logits = initialised(new Conv2d(width, classes, 1), classes, false);
  }
  forward(x: Tensor): Tensor {
    return this.mask_fcn_logits.forward(this.conv5_mask.forward(x).relu());
  }
}

/** The map that a box is read from: the finest for small ones, one coarser for every doubling beyond 112 px. */
function levelOf(boxes: Boxes, i: number, enlarge: number): number {
  const f = Math.fround;
  const side = f(Math.sqrt(areaOfBox(boxes, i)) * enlarge);
  const level = Math.floor(f(f(4 + f(Math.log2(f(side / 224)))) + f(1e-6)));
  return Math.min(Math.max(level, 2), STRIDES.length + 1) - 2;
}

/** What boxes of the images of a batch show, each read from the map of its size: [K, C, bins, bins]. */
function readRegions(maps: readonly Tensor[], boxes: readonly Boxes[], bins: number, enlarge: number): Tensor {
  const places: number[][] = STRIDES.map(() => []);
  const from: number[][] = STRIDES.map(() => []);
  let k = 0;
  for (const [b, own] of boxes.entries())
    for (let i = 0; i < own.length / 4; i++, k++) {
      const level = levelOf(own, i, enlarge);
      places[level].push(b, ...own.subarray(4 * i, 4 * i + 4));
      from[level].push(k);
    }
  const parts = STRIDES.flatMap((stride, level) => {
    const count = from[level].length;
    if (count === 0) return [];
    const at = tensor(Float32Array.from(places[level]), [count, 5]);
    return [roiAlign(maps[level], at, { scale: enlarge / stride, bins: [bins, bins], samples: 2, aligned: false })];
  });
  if (parts.length === 0) return zeros([0, maps[0].shape[1], bins, bins]);
  if (parts.length === 1) return parts[0];
  const order = new Int32Array(k);
  for (const [i, place] of from.flat().entries()) order[place] = i;
  return cat(parts, 0).indexSelect(0, indexTensor(order));
}

/** Proposals of an image that are learned from. */
interface Lesson {
  boxes: Boxes;
  /** 0 for background. */
  labels: number[];
  /** Number of the object that each is to find, -1 for background. */
  objects: number[];
}

/** What the heads found in an image, best first. */
export interface RegionsFound {
  boxes: Boxes;
  scores: Float32Array;
  /** From 1; 0 is background. */
  labels: number[];
  /** Probabilities [count, side, side]. */
  masks: Float32Array;
}

/** Objects of an image as the heads learn from them, in the order of `boxes`, with the labels of their classes. */
export interface RegionTargets extends BoxTargets {
  truths: readonly Truth[];
  labels: readonly number[];
  /** Boxes that somebody looked at and found to be nothing. */
  rejected: Boxes;
}

/** Class, box and mask of every proposal, read from the map of its size; what they learn from, and what is kept. */
export class RegionHeads extends Module {
  readonly box_head: BoxHead;
  readonly box_predictor: BoxPredictor;
  readonly mask_head: Sequential;
  readonly mask_predictor: MaskPredictor;
  readonly #options: RegionHeadOptions;
  readonly #classes: number;

  constructor(channels: number, classes: number, options: RegionHeadOptions) {
    super();
    const { width, maskWidths, maskWidth } = options;
    this.box_head = new BoxHead(channels, width);
    this.box_predictor = new BoxPredictor(width, classes);
    const inputs = [channels, ...maskWidths];
    this.mask_head = new Sequential(
      ...maskWidths.map(
        (outputs, i) =>
          new Sequential(initialised(new Conv2d(inputs[i], outputs, 3, { padding: 1 }), 9 * outputs), new Relu()),
      ),
    );
    this.mask_predictor = new MaskPredictor(inputs[inputs.length - 1], maskWidth, classes);
    this.#options = options;
    this.#classes = classes;
  }

  /** Logits [K, classes] and codes [K, classes, 4] of boxes. */
  #judge(maps: readonly Tensor[], boxes: readonly Boxes[]): { logits: Tensor; codes: Tensor } {
    const seen = this.box_head.forward(readRegions(maps, boxes, BOX_BINS, this.#options.enlarge));
    const [K] = seen.shape;
    return {
      logits: this.box_predictor.cls_score.forward(seen),
      codes: this.box_predictor.bbox_pred.forward(seen).view(K, this.#classes, 4),
    };
  }

  /** Mask logits [K, side, side] of boxes, of the class `labels` each. */
  #outline(maps: readonly Tensor[], boxes: readonly Boxes[], labels: readonly number[]): Tensor {
    const seen = this.mask_predictor.forward(
      this.mask_head.forward(readRegions(maps, boxes, MASK_BINS, this.#options.enlarge)),
    );
    return seen.flatten(0, 1).indexSelect(0, indexTensor(labels.map((label, k) => k * this.#classes + label)));
  }

  /** The proposals of an image, its objects among them, that this step learns from. */
  #lesson(proposals: Boxes, { boxes, ignored, labels, rejected }: RegionTargets, random: Random): Lesson {
    const { match, sample } = this.#options;
    const all = new Float32Array(proposals.length + boxes.length + rejected.length);
    all.set(proposals);
    all.set(boxes, proposals.length);
    all.set(rejected, proposals.length + boxes.length);
    const matches = matchBoxes(all, boxes, ignored, match);
    const { found, empty } = sampleBoxes(matches, sample, random, overlapping(all, rejected));
    const chosen = [...found, ...empty].sort((a, b) => a - b);
    return {
      boxes: pickBoxes(all, chosen),
      labels: chosen.map((n) => (matches[n] < 0 ? 0 : labels[matches[n]])),
      objects: chosen.map((n) => matches[n]),
    };
  }

  /** How far classes, boxes and masks of sampled proposals are from the objects'. */
  losses(
    maps: readonly Tensor[],
    proposals: readonly Boxes[],
    targets: readonly RegionTargets[],
    random: Random,
  ): { classes: Tensor; boxes: Tensor; masks: Tensor } {
    const lessons = targets.map((target, b) => this.#lesson(proposals[b], target, random.fork(`regions ${b}`)));
    const labels = lessons.flatMap((lesson) => lesson.labels);
    if (labels.length === 0) return { classes: zeros([]), boxes: zeros([]), masks: zeros([]) };
    const { logits, codes } = this.#judge(
      maps,
      lessons.map(({ boxes }) => boxes),
    );
    const ofObjects = labels.flatMap((label, k) => (label > 0 ? [k] : []));
    const wanted = new Float32Array(4 * ofObjects.length);
    let at = 0;
    for (const [b, { boxes, objects }] of lessons.entries())
      for (const [i, object] of objects.entries())
        if (object >= 0) encodeBox(boxes, i, targets[b].boxes, object, WEIGHTS, wanted, at++);
    const moved = codes.flatten(0, 1).indexSelect(0, indexTensor(ofObjects.map((k) => k * this.#classes + labels[k])));
    return {
      classes: crossEntropy(logits, indexTensor(labels)),
      boxes: smoothDistance(moved, tensor(wanted, [ofObjects.length, 4])).div(labels.length),
      masks: this.#maskLoss(maps, lessons, targets),
    };
  }

  /** Mean cross entropy of the masks of those proposals whose object has one; 0 where none has. */
  #maskLoss(maps: readonly Tensor[], lessons: readonly Lesson[], targets: readonly RegionTargets[]): Tensor {
    const drawn = lessons.map(({ objects }, b) =>
      objects.flatMap((object, i) => (object >= 0 && targets[b].truths[object].mask !== undefined ? [i] : [])),
    );
    if (drawn.every((own) => own.length === 0)) return zeros([]);
    const boxes = lessons.map((lesson, b) => pickBoxes(lesson.boxes, drawn[b]));
    const labels = lessons.flatMap((lesson, b) => drawn[b].map((i) => lesson.labels[i]));
    const wanted = lessons.flatMap((lesson, b) =>
      drawn[b].length === 0
        ? []
        : [
            maskTargets(
              boxes[b],
              drawn[b].map((i) => targets[b].truths[lesson.objects[i]]),
              MASK_SIDE,
            ),
          ],
    );
    return bceWithLogits(this.#outline(maps, boxes, labels), cat(wanted, 0));
  }

  /** What is found in each image, from its proposals. */
  find(maps: readonly Tensor[], proposals: readonly Boxes[], sizes: readonly ImageSize[]): RegionsFound[] {
    const found = this.#findBoxes(maps, proposals, sizes);
    const all = found.flatMap(({ labels }) => labels);
    if (all.length === 0) return found;
    const masks = scope(() =>
      this.#outline(
        maps,
        found.map(({ boxes }) => boxes),
        all,
      )
        .sigmoid()
        .toFloat32Array(),
    );
    let at = 0;
    return found.map((one) => {
      const from = at * MASK_SIDE ** 2;
      at += one.labels.length;
      return { ...one, masks: masks.slice(from, at * MASK_SIDE ** 2) };
    });
  }

  #findBoxes(maps: readonly Tensor[], proposals: readonly Boxes[], sizes: readonly ImageSize[]): RegionsFound[] {
    const counts = proposals.map((boxes) => boxes.length / 4);
    const total = counts.reduce((sum, count) => sum + count, 0);
    const none = (): RegionsFound => ({
      boxes: new Float32Array(0),
      scores: new Float32Array(0),
      labels: [],
      masks: new Float32Array(0),
    });
    if (total === 0) return sizes.map(none);
    return scope(() => {
      const { logits, codes } = this.#judge(maps, proposals);
      const from = new Float32Array(4 * total);
      for (let b = 0, at = 0; b < proposals.length; at += proposals[b++].length) from.set(proposals[b], at);
      const boxes = decodeBoxes(codes, tensor(from, [total, 4]), WEIGHTS).toFloat32Array();
      const scores = logits.softmax(-1).toFloat32Array();
      let first = 0;
      return counts.map((count, b) => {
        const [K, at] = [this.#classes, first];
        first += count;
        const own = boxes.subarray(4 * K * at, 4 * K * (at + count));
        return this.#choose(own, scores.subarray(K * at, K * (at + count)), sizes[b]);
      });
    });
  }

  /** The best boxes of each class [N, classes, 4] by their scores [N, classes] that overlap none better. */
  #choose(boxes: Boxes, scores: Float32Array, { width, height }: ImageSize): RegionsFound {
    const K = this.#classes;
    const { score, overlap, most } = this.#options;
    clipBoxes(boxes, width, height);
    const candidates: number[] = [];
    for (let label = 1; label < K; label++) {
      const own: number[] = [];
      for (let n = 0; n < scores.length / K; n++) if (scores[n * K + label] > score) own.push(n * K + label);
      const picked = pickBoxes(boxes, own);
      const large = largeEnough(picked, LEAST_SIDE_PX);
      const numbers = large.map((i) => own[i]);
      const kept = nms(
        tensor(pickBoxes(picked, large), [large.length, 4]),
        tensor(
          Float32Array.from(numbers, (n) => scores[n]),
          [large.length],
        ),
        overlap,
      ).toIntegers();
      candidates.push(...kept.map((i) => numbers[i]));
    }
    const best = candidates.sort((a, b) => scores[b] - scores[a] || a - b).slice(0, most);
    return {
      boxes: pickBoxes(boxes, best),
      scores: Float32Array.from(best, (n) => scores[n]),
      labels: best.map((n) => n % K),
      masks: new Float32Array(0),
    };
  }
}
