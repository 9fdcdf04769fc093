import { Dropout, Layer, Linear, Relu, Sequential } from "../nn/index.ts";
import { noGrad, opInPlace, type Tensor } from "../torch/index.ts";

/** Two linear layers with ReLU between, [N, in] -> [N, out]; the loop's learner has 2048 hidden units (paper, section 5.1). */
export class Mlp extends Layer {
  readonly layers: Sequential;

  constructor(inputs: number, hidden: number, outputs: number, dropout = 0) {
    super();
    this.layers = new Sequential(new Linear(inputs, hidden), new Relu(), new Dropout(dropout), new Linear(hidden, outputs));
  }
  /** Sets the last layer to zero: all answers are 0 until something is learned, and what is learned is not mixed with what the initial weights happened to say. */
  beginAtZero(): this {
    const last = [...this.layers.children()].at(-1)?.[1];
    noGrad(() => {
      for (const [, parameter] of last?.namedParameters() ?? []) opInPlace("zero_", parameter);
    });
    return this;
  }
  forward(x: Tensor): Tensor {
    return this.layers.forward(x);
  }
}
