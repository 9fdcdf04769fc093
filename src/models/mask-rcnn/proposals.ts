/** Region proposals (Ren et al. 2015): where in an image there may be an object, whatever it is. */
import type { Random } from "../../base/random.ts";
import { Conv2d, Module, nms, Relu, Sequential } from "../../nn/index.ts";
import { bceWithLogits, cat, noGrad, op, opInPlace, scope, type Tensor, tensor } from "../../torch/index.ts";
import { type AnchorShapes, anchorsOf } from "./anchors.ts";
import { type Boxes, type CodeWeights, clipBoxes, decodeBoxes, encodeBox, largeEnough, pickBoxes } from "./boxes.ts";
import { type MatchRule, matchBoxes, type SampleRule, sampleBoxes } from "./matching.ts";

/** How many proposals are kept, and what they learn from. */
export interface ProposalOptions {
  anchors: AnchorShapes;
  /** Of each map, before overlapping ones are dropped: while training, and else. */
  before: readonly [number, number];
  /** Of each image, after that. */
  after: readonly [number, number];
  overlap: number;
  match: MatchRule;
  sample: SampleRule;
}

/** Size of an image of a batch before it was padded. */
export interface ImageSize {
  height: number;
  width: number;
}

/** Boxes of an image's objects, and of those to ignore. */
export interface BoxTargets {
  boxes: Boxes;
  ignored: Boxes;
}

const WEIGHTS: CodeWeights = [1, 1, 1, 1];
const LEAST_SIDE_PX = 1e-3;
/** Where the loss of boxes turns from squares to distances. */
const SMOOTH_BETA = 1 / 9;
/** ATen's number of "sum" as a reduction. */
const SUM = 2;

/** Sum of the smooth L1 distances of codes [N, 4] from their targets. */
export function smoothDistance(codes: Tensor, targets: Tensor): Tensor {
  return op("smooth_l1_loss", codes, targets, SUM, SMOOTH_BETA);
}

/** Whole numbers as a tensor to select by. */
export function indexTensor(numbers: ArrayLike<number>): Tensor {
  return tensor(BigInt64Array.from(Array.from(numbers, BigInt)), [numbers.length]);
}

/** Normal weights of this sigma, no bias. */
function drawn(layer: Conv2d, sigma: number): Conv2d {
  noGrad(() => {
    opInPlace("normal_", layer.weight, 0, sigma);
    opInPlace("zero_", layer.bias as Tensor);
  });
  return layer;
}

/** For every place of every map and every anchor there: whether an object begins from it, and how it is moved. */
class ProposalHead extends Module {
  readonly conv: Sequential;
  readonly cls_logits: Conv2d;
  readonly bbox_pred: Conv2d;

  constructor(width: number, anchors: number) {
    super();
    this.conv = new Sequential(new Sequential(drawn(new Conv2d(width, width, 3, { padding: 1 }), 0.01), new Relu()));
    this.cls_logits = drawn(new Conv2d(width, anchors, 1), 0.01);
    this.bbox_pred = drawn(new Conv2d(width, 4 * anchors, 1), 0.01);
  }

  /** A map [B, C, H, W] to logits [B, H W A] and codes [B, H W A, 4]. */
  forward(map: Tensor): { logits: Tensor; codes: Tensor } {
    const [B, , H, W] = map.shape;
    const inner = this.conv.forward(map);
    const A = this.cls_logits.weight.shape[0];
    return {
      logits: this.cls_logits
        .forward(inner)
        .permute(0, 2, 3, 1)
        .reshape(B, H * W * A),
      codes: this.bbox_pred
        .forward(inner)
        .view(B, A, 4, H, W)
        .permute(0, 3, 4, 1, 2)
        .reshape(B, H * W * A, 4),
    };
  }
}

/** Logits and codes of all anchors of a batch, map after map. */
export interface Guesses {
  anchors: Boxes;
  levels: { logits: Tensor; codes: Tensor }[];
}

/** The proposal network with torchvision's names. */
export class ProposalNetwork extends Module {
  readonly head: ProposalHead;
  readonly #options: ProposalOptions;

  constructor(width: number, options: ProposalOptions) {
    super();
    this.head = new ProposalHead(width, options.anchors.sizes[0].length * options.anchors.ratios.length);
    this.#options = options;
  }

  /** What the network says of every anchor; `image` is the size of the padded batch. */
  guess(maps: Tensor[], image: ImageSize): Guesses {
    const grids = maps.map(({ shape }): [number, number] => [shape[2], shape[3]]);
    return {
      anchors: anchorsOf(this.#options.anchors, grids, image),
      levels: maps.map((map) => this.head.forward(map)),
    };
  }

  /** The best proposals of each image, best first, cut to it. */
  propose({ anchors, levels }: Guesses, sizes: readonly ImageSize[]): Boxes[] {
    const { before, after } = this.#options;
    const place = this.training ? 0 : 1;
    return noGrad(() =>
      scope(() => {
        const found = sizes.map((): { boxes: Boxes[]; scores: number[] } => ({ boxes: [], scores: [] }));
        let offset = 0;
        for (const { logits, codes } of levels) {
          const [B, N] = logits.shape;
          const own = tensor(anchors.subarray(4 * offset, 4 * (offset + N)), [N, 4]);
          offset += N;
          const [best, numbers] = logits.detach().topk(Math.min(N, before[place]));
          for (let b = 0; b < B; b++) {
            const of = numbers.select(0, b);
            const moved = decodeBoxes(
              codes.detach().select(0, b).indexSelect(0, of).view(-1, 1, 4),
              own.indexSelect(0, of),
              WEIGHTS,
            ).toFloat32Array();
            this.#keepBest(moved, best.select(0, b).sigmoid().toFloat32Array(), sizes[b], found[b]);
          }
        }
        return found.map(({ boxes, scores }) => bestOf(boxes, scores, after[place]));
      }),
    );
  }

  /** Adds the boxes of one map that lie in the image and overlap no better one. */
  #keepBest(
    boxes: Boxes,
    scores: Float32Array,
    { width, height }: ImageSize,
    into: { boxes: Boxes[]; scores: number[] },
  ): void {
    clipBoxes(boxes, width, height);
    const large = largeEnough(boxes, LEAST_SIDE_PX);
    const picked = pickBoxes(boxes, large);
    const own = Float32Array.from(large, (i) => scores[i]);
    const kept = nms(
      tensor(picked, [large.length, 4]),
      tensor(own, [large.length]),
      this.#options.overlap,
    ).toIntegers();
    into.boxes.push(pickBoxes(picked, kept));
    for (const i of kept) into.scores.push(own[i]);
  }

  /** How far the guesses are from the objects of each image: of being one, and of where it is. */
  losses(
    { anchors, levels }: Guesses,
    targets: readonly BoxTargets[],
    random: Random,
  ): { objectness: Tensor; boxes: Tensor } {
    const { match, sample } = this.#options;
    const N = anchors.length / 4;
    const chosen: number[] = [];
    const labels: number[] = [];
    const moved: number[] = [];
    const codes: number[] = [];
    const code = new Float32Array(4);
    for (const [b, { boxes, ignored }] of targets.entries()) {
      const matches = matchBoxes(anchors, boxes, ignored, match);
      const { found, empty } = sampleBoxes(matches, sample, random.fork(`anchors ${b}`));
      for (const n of found) {
        encodeBox(anchors, n, boxes, matches[n], WEIGHTS, code, 0);
        codes.push(...code);
        moved.push(b * N + n);
      }
      for (const n of found) [chosen.push(b * N + n), labels.push(1)];
      for (const n of empty) [chosen.push(b * N + n), labels.push(0)];
    }
    const logits = cat(
      levels.map((level) => level.logits),
      1,
    ).flatten(0);
    const all = cat(
      levels.map((level) => level.codes),
      1,
    ).flatten(0, 1);
    return {
      objectness: bceWithLogits(
        logits.indexSelect(0, indexTensor(chosen)),
        tensor(Float32Array.from(labels), [labels.length]),
      ),
      boxes: smoothDistance(
        all.indexSelect(0, indexTensor(moved)),
        tensor(Float32Array.from(codes), [moved.length, 4]),
      ).div(Math.max(1, chosen.length)),
    };
  }
}

/** The boxes of several maps together, best first; equal scores keep their order. */
function bestOf(boxes: readonly Boxes[], scores: readonly number[], most: number): Boxes {
  const all = new Float32Array(4 * scores.length);
  let at = 0;
  for (const part of boxes) {
    all.set(part, at);
    at += part.length;
  }
  const order = Array.from(scores, (_, i) => i).sort((a, b) => scores[b] - scores[a] || a - b);
  return pickBoxes(all, order.slice(0, most));
}
