/**
 * Masked image modelling with a light head (Xie et al. 2022, "SimMIM"): hidden blocks of the picture are foretold from
 * the others by one linear layer.
 */

import type { Random } from "../../../base/random.ts";
import { constant, fusedLinear, Linear, Module } from "../../../nn/index.ts";
import { type Parameter, type Tensor, tensor, where } from "../../../torch/index.ts";
import type { Objective, ObjectiveInput } from "./objective.ts";

/** Blocks of 16 px over 60 % of the image, as in SimMIM (Xie et al. 2022). */
const DEFAULT_MASK = { blockPx: 16, share: 0.6 } as const;

/** Which pixels are hidden: [B, 1, S, S] of 0 and 1; `share` of the blocks of each image, as its generator draws. */
function blockMask(randoms: Random[], sizePx: number, { blockPx, share } = DEFAULT_MASK): Tensor {
  const B = randoms.length;
  const side = Math.ceil(sizePx / blockPx);
  const hidden = Math.round(side * side * share);
  const mask = new Float32Array(B * sizePx * sizePx);
  for (let b = 0; b < B; b++)
    for (const block of randoms[b].sample(side * side, hidden)) {
      const [top, left] = [Math.floor(block / side) * blockPx, (block % side) * blockPx];
      for (let y = top; y < Math.min(sizePx, top + blockPx); y++)
        mask.fill(1, (b * sizePx + y) * sizePx + left, (b * sizePx + y) * sizePx + Math.min(sizePx, left + blockPx));
    }
  return tensor(mask, [B, 1, sizePx, sizePx]);
}

/** Masked image modelling (SimMIM, Xie et al. 2022): a linear layer draws hidden blocks from the last stage. */
export class MaskedHead extends Module implements Objective {
  /** What stands in hidden pixels, by band. */
  readonly filler: Parameter;
  readonly predict: Linear;
  readonly #patchPx: number;

  /** `patchPx` is the side of the part of the image that one token of the features stands for. */
  constructor(featureDim: number, patchPx: number) {
    super();
    this.filler = constant([1, 3, 1, 1], 0.2);
    this.predict = new Linear(featureDim, 3 * patchPx * patchPx);
    this.#patchPx = patchPx;
  }

  /** The first view of each galaxy with a mask, and what is drawn of all of it. */
  #draw({ model, views, places, random }: ObjectiveInput) {
    const images = views.slice(0, 0, places.length);
    const [B, C, S] = images.shape;
    const mask = blockMask(
      places.map((place) => random.fork(place)),
      S,
    );
    const seen = images.mul(mask.neg().add(1)).add(this.filler.mul(mask));
    const { features, height, width } = model.encode(seen);
    const p = this.#patchPx;
    const drawn = fusedLinear(features, this.predict)
      .view(B, height, width, C, p, p)
      .permute(0, 3, 1, 4, 2, 5)
      .reshape(B, C, height * p, width * p);
    return { images, mask, seen, drawn };
  }

  /** Mean absolute error over hidden pixels. */
  loss(step: ObjectiveInput): { loss: Tensor; parts: Record<string, number> } {
    const { images, mask, drawn } = this.#draw(step);
    const loss = drawn.sub(images).abs().mul(mask).sum().div(mask.sum().mul(images.shape[1]));
    return { loss, parts: { hiddenError: loss.item() } };
  }
  pictures(step: ObjectiveInput) {
    const { images, mask, seen, drawn } = this.#draw(step);
    return [
      { title: "The first views as the network sees them", images: seen },
      { title: "What it draws where they are hidden", images: where(mask.gt(0), drawn, images) },
    ];
  }
}
