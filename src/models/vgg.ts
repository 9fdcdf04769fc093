import { Conv2d, Dropout, Layer, Linear, Relu, Sequential } from "../nn/index.ts";
import { adaptiveAveragePool, initialiseConvolutions, MaxPool2d } from "../nn/pooling.ts";
import { noGrad, opInPlace, type Tensor } from "../torch/index.ts";

/** Widths of the 3 x 3 convolutions of configuration D; null is a pooling that halves the map. */
const VGG16 = [64, 64, null, 128, 128, null, 256, 256, 256, null, 512, 512, 512, null, 512, 512, 512, null] as const;

/**
 * VGG16 without batch normalisation (Simonyan & Zisserman 2015) with torchvision's parameter names and initial weights:
 * images [B, 3, H, W] of at least 32 px to logits [B, classes]. `hidden`: units of the two layers before the last.
 */
export class Vgg16 extends Layer {
  readonly features: Sequential;
  readonly classifier: Sequential;

  constructor(classes: number, hidden = 4096) {
    super();
    let inputs = 3;
    const layers: Layer[] = [];
    for (const width of VGG16) {
      if (width === null) layers.push(new MaxPool2d(2, 2));
      else {
        layers.push(new Conv2d(inputs, width, 3, { padding: 1 }), new Relu());
        inputs = width;
      }
    }
    this.features = new Sequential(...layers);
    const linear = [new Linear(512 * 49, hidden), new Linear(hidden, hidden), new Linear(hidden, classes)];
    this.classifier = new Sequential(
      linear[0],
      new Relu(),
      new Dropout(0.5),
      linear[1],
      new Relu(),
      new Dropout(0.5),
      linear[2],
    );
    initialiseConvolutions(this.features);
    noGrad(() => {
      for (const layer of linear) {
        opInPlace("normal_", layer.weight, 0, 0.01);
        if (layer.bias !== null) opInPlace("zero_", layer.bias);
      }
    });
  }
  forward(images: Tensor): Tensor {
    return this.classifier.forward(adaptiveAveragePool(this.features.forward(images), 7).flatten(1));
  }
}
