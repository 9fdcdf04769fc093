import { Dropout, Layer, Linear, Relu, Sequential } from "../nn/index.ts";
import type { Tensor } from "../torch/index.ts";

/** Two linear layers with ReLU between, [N, in] -> [N, out]; the loop's learner has 2048 hidden units (paper, section 5.1). */
export class Mlp extends Layer {
  readonly layers: Sequential;

  constructor(inputs: number, hidden: number, outputs: number, dropout = 0) {
    super();
    this.layers = new Sequential(new Linear(inputs, hidden), new Relu(), new Dropout(dropout), new Linear(hidden, outputs));
  }
  forward(x: Tensor): Tensor {
    return this.layers.forward(x);
  }
}
