import { Conv2d, Dropout, Layer, Linear, Relu, Sequential } from "../nn/index.ts";
import { adaptiveAveragePool, MaxPool2d } from "../nn/pooling.ts";
import type { Tensor } from "../torch/index.ts";

/**
 * AlexNet in its one-tower form (Krizhevsky 2014) with torchvision's parameter names: images [B, 3, H, W] of at least
 * 63 px to logits [B, classes]. `hidden`: units of the two layers before the last.
 */
export class AlexNet extends Layer {
  readonly features: Sequential;
  readonly classifier: Sequential;

  constructor(classes: number, hidden = 4096) {
    super();
    this.features = new Sequential(
      new Conv2d(3, 64, 11, { stride: 4, padding: 2 }),
      new Relu(),
      new MaxPool2d(3, 2),
      new Conv2d(64, 192, 5, { padding: 2 }),
      new Relu(),
      new MaxPool2d(3, 2),
      new Conv2d(192, 384, 3, { padding: 1 }),
      new Relu(),
      new Conv2d(384, 256, 3, { padding: 1 }),
      new Relu(),
      new Conv2d(256, 256, 3, { padding: 1 }),
      new Relu(),
      new MaxPool2d(3, 2),
    );
    this.classifier = new Sequential(
      new Dropout(0.5),
      new Linear(256 * 36, hidden),
      new Relu(),
      new Dropout(0.5),
      new Linear(hidden, hidden),
      new Relu(),
      new Linear(hidden, classes),
    );
  }
  forward(images: Tensor): Tensor {
    return this.classifier.forward(adaptiveAveragePool(this.features.forward(images), 6).flatten(1));
  }
}
