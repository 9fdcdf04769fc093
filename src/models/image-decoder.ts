/**
 * From what an encoder finds back to an image: the convolutions that restoration and reconstruction train after the LVM
 * (Fu et al. 2024, section 3.1).
 */
import { Conv2d, Layer, Module, PixelShuffle } from "../nn/index.ts";
import { cat, noGrad, op, opInPlace, scope, type Tensor, tensor } from "../torch/index.ts";
import type { Encoded, SkipBackbone } from "./backbone.ts";
import { asMap } from "./swin-unet.ts";

/** Channels at a quarter of the resolution and coarser, at half, and at full resolution. */
const WIDTHS = { coarse: 64, half: 32, full: 8 } as const;

/**
 * Rectified with a slope of 0.1 for negatives: plain rectifiers died in the first steps, when the last layer is still
 * zero.
 */
const rectified = (x: Tensor) => op("leaky_relu", x, 0.1);

/** Two 3 x 3 convolutions added to their input, [B, C, H, W] -> the same. */
class ResidualBlock extends Layer {
  readonly conv1: Conv2d;
  readonly conv2: Conv2d;

  constructor(width: number) {
    super();
    this.conv1 = new Conv2d(width, width, 3, { padding: 1 });
    this.conv2 = new Conv2d(width, width, 3, { padding: 1 });
  }
  forward(x: Tensor): Tensor {
    return x.add(this.conv2.forward(rectified(this.conv1.forward(x))));
  }
}

/** A 1 x 1 convolution and pixel shuffle: [B, in, H, W] -> [B, out, 2 H, 2 W]. */
class Doubling extends Layer {
  readonly conv: Conv2d;
  readonly #shuffle = new PixelShuffle(2);

  constructor(inputs: number, outputs: number) {
    super();
    this.conv = new Conv2d(inputs, 4 * outputs, 1);
  }
  forward(x: Tensor): Tensor {
    return this.#shuffle.forward(this.conv.forward(x));
  }
}

/**
 * The correction [B, 3, H, W] that makes an image better, from the encoder's maps of it and from the image itself, in
 * which the detail stands that patches of 4 px average away. Where there are candidates, other versions of the image,
 * it says for each pixel how much of each to take. Before any training an image comes back as it was given, or as the
 * mean of it and its candidates.
 */
export class ImageDecoder extends Module {
  readonly top: Conv2d;
  readonly laterals: Conv2d[];
  readonly blocks: ResidualBlock[];
  readonly ups: Doubling[];
  readonly half_up: Doubling;
  readonly half_lateral: Conv2d;
  readonly half_join: Conv2d;
  readonly half_blocks: ResidualBlock[];
  readonly full_up: Doubling;
  readonly full_in: Conv2d;
  readonly full_join: Conv2d;
  readonly output: Conv2d;

  readonly #candidates: number;

  /** `marks`: channels that say something of each pixel, beside the image and its candidates of three channels each. */
  constructor({ channels, featureDim }: SkipBackbone, marks: number, candidates: number) {
    super();
    this.#candidates = candidates;
    const inputs = 3 + marks + 3 * candidates;
    const { coarse, half, full } = WIDTHS;
    this.top = new Conv2d(featureDim, coarse, 1);
    this.laterals = channels.map((width) => new Conv2d(width, coarse, 1));
    this.blocks = channels.map(() => new ResidualBlock(coarse));
    this.ups = channels.slice(1).map(() => new Doubling(coarse, coarse));
    this.half_up = new Doubling(coarse, half);
    this.half_lateral = new Conv2d(4 * inputs, half, 3, { padding: 1 });
    this.half_join = new Conv2d(2 * half, half, 1);
    this.half_blocks = [new ResidualBlock(half), new ResidualBlock(half)];
    this.full_up = new Doubling(half, full);
    this.full_in = new Conv2d(inputs, full, 3, { padding: 1 });
    this.full_join = new Conv2d(2 * full, full, 3, { padding: 1 });
    this.output = new Conv2d(full, 3 + candidates, 3, { padding: 1 });
    noGrad(() =>
      scope(() => {
        opInPlace("zero_", this.output.weight);
        const bias = this.output.bias as Tensor;
        bias.copy_(tensor([0, 0, 0, ...new Array<number>(candidates).fill(1 / (1 + candidates))], [3 + candidates]));
      }),
    );
  }

  /**
   * `encoded` of images [B, 3, H, W], the images, their marks [B, marks, H, W] and candidates [B, 3 candidates, H, W]
   * to the correction [B, 3, H, W].
   */
  forward(
    { features, skips, height, width }: Encoded,
    image: Tensor,
    marks: Tensor | null,
    candidates: Tensor | null,
  ): Tensor {
    const given = cat([image, ...(marks === null ? [] : [marks]), ...(candidates === null ? [] : [candidates])], 1);
    let [H, W] = [height, width];
    let x = this.top.forward(asMap(features, H, W));
    for (let stage = skips.length - 1; stage >= 0; stage--) {
      x = this.blocks[stage].forward(x.add(this.laterals[stage].forward(asMap(skips[stage], H, W))));
      if (stage === 0) break;
      x = this.ups[stage - 1].forward(x);
      [H, W] = [2 * H, 2 * W];
    }
    let y = this.half_up.forward(x);
    const detail = this.half_lateral.forward(op("pixel_unshuffle", given, 2));
    y = this.half_join.forward(rectified(cat([y, detail], 1)));
    for (const block of this.half_blocks) y = block.forward(y);
    const joined = rectified(cat([this.full_up.forward(y), this.full_in.forward(given)], 1));
    const found = this.output.forward(rectified(this.full_join.forward(joined)));
    let correction = found.slice(1, 0, 3);
    for (let k = 0; k < this.#candidates; k++) {
      const towards = (candidates as Tensor).slice(1, 3 * k, 3 * k + 3).sub(image);
      correction = correction.add(found.slice(1, 3 + k, 4 + k).mul(towards));
    }
    return correction;
  }
}
