/** What convolutional networks need beside their convolutions. */

import { noGrad, op, opInPlace, type Tensor } from "../torch/index.ts";
import { Conv2d, Layer, type Module } from "./index.ts";

/**
 * Largest value of each square window: [B, C, H, W] -> [B, C, H', W'], H' = floor((H + 2 padding - kernel) / stride) +
 * 1.
 */
export class MaxPool2d extends Layer {
  readonly #kernel: number;
  readonly #stride: number;
  readonly #padding: number;

  constructor(kernel: number, stride: number, padding = 0) {
    super();
    [this.#kernel, this.#stride, this.#padding] = [kernel, stride, padding];
  }
  forward(x: Tensor): Tensor {
    const pair = (value: number) => [value, value];
    return op("max_pool2d", x, pair(this.#kernel), pair(this.#stride), pair(this.#padding), [1, 1], false);
  }
}

/** Means over a grid of side x side cells, whatever the size of the map: [B, C, H, W] -> [B, C, side, side]. */
export function adaptiveAveragePool(x: Tensor, side: number): Tensor {
  return op("adaptive_avg_pool2d", x, [side, side]);
}

/**
 * Draws the weights of all convolutions below `module` from He's normal distribution over outputs (He et al. 2015);
 * biases become 0.
 */
export function initialiseConvolutions(module: Module): void {
  noGrad(() => {
    for (const [, part] of module.namedModules()) {
      if (!(part instanceof Conv2d)) continue;
      const [outputs, , height, width] = part.weight.shape;
      opInPlace("normal_", part.weight, 0, Math.sqrt(2 / (outputs * height * width)));
      if (part.bias !== null) opInPlace("zero_", part.bias);
    }
  });
}
