import { SkyloopError } from "../base/errors.ts";
import { BatchNorm, Conv2d, Layer, Linear, Sequential } from "../nn/index.ts";
import { adaptiveAveragePool, initialiseConvolutions, MaxPool2d } from "../nn/pooling.ts";
import { type Parameter, scope, type Tensor } from "../torch/index.ts";
import { type Backbone, STRIDES } from "./backbone.ts";

/** Brings the input of a block to the shape of its output. */
function shortcut(inputs: number, outputs: number, stride: number): Sequential | null {
  return stride === 1 && inputs === outputs
    ? null
    : new Sequential(new Conv2d(inputs, outputs, 1, { stride, bias: false }), new BatchNorm(outputs));
}

/** Two 3 x 3 convolutions beside the identity. */
class BasicBlock extends Layer {
  static readonly expansion = 1;
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm;
  readonly downsample: Sequential | null;

  constructor(inputs: number, width: number, stride: number) {
    super();
    this.conv1 = new Conv2d(inputs, width, 3, { stride, padding: 1, bias: false });
    this.bn1 = new BatchNorm(width);
    this.conv2 = new Conv2d(width, width, 3, { padding: 1, bias: false });
    this.bn2 = new BatchNorm(width);
    this.downsample = shortcut(inputs, width, stride);
  }
  forward(x: Tensor): Tensor {
    // What no gradient needs is freed at once.
    return scope(() => {
      const inner = this.bn1.forward(this.conv1.forward(x)).relu();
      return this.bn2
        .forward(this.conv2.forward(inner))
        .add(this.downsample?.forward(x) ?? x)
        .relu();
    });
  }
}

/**
 * 1 x 1, 3 x 3 (with the stride, as torchvision has it) and 1 x 1 convolutions beside the identity; four times wider
 * outside.
 */
class Bottleneck extends Layer {
  static readonly expansion = 4;
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm;
  readonly conv3: Conv2d;
  readonly bn3: BatchNorm;
  readonly downsample: Sequential | null;

  constructor(inputs: number, width: number, stride: number) {
    super();
    this.conv1 = new Conv2d(inputs, width, 1, { bias: false });
    this.bn1 = new BatchNorm(width);
    this.conv2 = new Conv2d(width, width, 3, { stride, padding: 1, bias: false });
    this.bn2 = new BatchNorm(width);
    this.conv3 = new Conv2d(width, 4 * width, 1, { bias: false });
    this.bn3 = new BatchNorm(4 * width);
    this.downsample = shortcut(inputs, 4 * width, stride);
  }
  forward(x: Tensor): Tensor {
    return scope(() => {
      const narrow = this.bn1.forward(this.conv1.forward(x)).relu();
      const inner = this.bn2.forward(this.conv2.forward(narrow)).relu();
      return this.bn3
        .forward(this.conv3.forward(inner))
        .add(this.downsample?.forward(x) ?? x)
        .relu();
    });
  }
}

const COARSEST = STRIDES[3];

const DEPTHS = {
  18: { block: BasicBlock, depths: [2, 2, 2, 2] },
  50: { block: Bottleneck, depths: [3, 4, 6, 3] },
} as const;

/**
 * ResNet of 18 or 50 layers (He et al. 2016) with torchvision's parameter names and initial weights: images [B, 3, H,
 * W] to logits [B, classes].
 */
export class ResNet extends Layer implements Backbone {
  readonly gives = ["features", "maps"] as const;
  readonly channels: number[];
  readonly featureDim: number;
  readonly imageSize = 64;
  readonly conv1: Conv2d = new Conv2d(3, 64, 7, { stride: 2, padding: 3, bias: false });
  readonly bn1: BatchNorm = new BatchNorm(64);
  readonly layer1: Sequential;
  readonly layer2: Sequential;
  readonly layer3: Sequential;
  readonly layer4: Sequential;
  readonly fc: Linear;
  readonly #pool = new MaxPool2d(3, 2, 1);

  constructor(layers: keyof typeof DEPTHS, classes: number) {
    super();
    const { block: Block, depths } = DEPTHS[layers];
    let inputs = 64;
    const stage = (width: number, depth: number, stride: number) => {
      const blocks = Array.from({ length: depth }, (_, i) => {
        const block = new Block(inputs, width, i === 0 ? stride : 1);
        inputs = width * Block.expansion;
        return block;
      });
      return new Sequential(...blocks);
    };
    this.layer1 = stage(64, depths[0], 1);
    this.layer2 = stage(128, depths[1], 2);
    this.layer3 = stage(256, depths[2], 2);
    this.layer4 = stage(512, depths[3], 2);
    this.channels = [64, 128, 256, 512].map((width) => width * Block.expansion);
    this.featureDim = inputs;
    this.fc = new Linear(inputs, classes);
    initialiseConvolutions(this);
  }
  /** Images [B, 3, H, W] to the outputs of the four layers. Throws BAD_IMAGE_SIZE for sides that are no multiples of 32. */
  maps(images: Tensor): Tensor[] {
    const shape = images.shape;
    if (shape.length !== 4 || shape[1] !== 3 || shape.slice(2).some((side) => side % COARSEST !== 0))
      throw new SkyloopError(
        "BAD_IMAGE_SIZE",
        `maps are made of images [B, 3, H, W] with H and W multiples of 32, got [${shape.join(", ")}]; resize or pad them`,
      );
    return this.#layers(images);
  }

  #layers(images: Tensor): Tensor[] {
    let x = this.#pool.forward(this.bn1.forward(this.conv1.forward(images)).relu());
    return [this.layer1, this.layer2, this.layer3, this.layer4].map((layer) => {
      x = layer.forward(x);
      return x;
    });
  }

  /** Images [B, 3, H, W] to the last map averaged, [B, featureDim]. */
  features(images: Tensor): Tensor {
    return adaptiveAveragePool(this.#layers(images)[3], 1).flatten(1);
  }

  forward(images: Tensor): Tensor {
    return this.fc.forward(this.features(images));
  }

  /** All parameters but those of the last layer. */
  learned(): [string, Parameter][] {
    return [...this.namedParameters()].filter(([name]) => !name.startsWith("fc."));
  }

  /** All tensors but those of the last layer. */
  kept(): [string, Tensor][] {
    return [...this.namedTensors()].filter(([name]) => !name.startsWith("fc."));
  }
}
