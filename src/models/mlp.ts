import { Dropout, Layer, Linear, Relu, Sequential } from "../nn/index.ts";
import { noGrad, opInPlace, scope, type Tensor } from "../torch/index.ts";

/**
 * Two linear layers with ReLU between, [N, in] -> [N, out]; the loop's learner has 2048 hidden units (paper, section
 * 5.1).
 */
export class Mlp extends Layer {
  readonly layers: Sequential;

  constructor(inputs: number, hidden: number, outputs: number, dropout = 0) {
    super();
    this.layers = new Sequential(
      new Linear(inputs, hidden),
      new Relu(),
      new Dropout(dropout),
      new Linear(hidden, outputs),
    );
  }
  /**
   * Makes hidden units pairs that cancel: equal but for the sign of their last weight. All answers are 0 until
   * something is learned, and what is learned is not mixed with what the initial weights happened to say; gradients are
   * what they were.
   */
  beginAtZero(): this {
    const [first, last] = this.linears();
    const half = Math.floor(first.weight.shape[0] / 2);
    noGrad(() =>
      scope(() => {
        const copyHalf = (of: Tensor, dim: number, sign: number) =>
          of.slice(dim, half, 2 * half).copy_(of.slice(dim, 0, half).mul(sign));
        copyHalf(first.weight, 0, 1);
        if (first.bias !== null) copyHalf(first.bias, 0, 1);
        copyHalf(last.weight, 1, -1);
        if (last.bias !== null) opInPlace("zero_", last.bias);
      }),
    );
    return this;
  }
  /** The two linear layers, in order. */
  linears(): Linear[] {
    return [...this.layers.children()].flatMap(([, layer]) => (layer instanceof Linear ? [layer] : []));
  }
  forward(x: Tensor): Tensor {
    return this.layers.forward(x);
  }
}
