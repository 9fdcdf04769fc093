/** From what an encoder finds back to an image: the convolutions that restoration and reconstruction train after the LVM (Fu et al. 2024, section 3.1). */
import { Conv2d, Layer, Module, PixelShuffle } from "../nn/index.ts";
import { cat, noGrad, op, opInPlace, type Tensor } from "../torch/index.ts";
import type { Encoded, SwinUnet } from "./swin-unet.ts";

/** Channels at a quarter of the resolution and coarser, at half, and at full resolution. */
const WIDTHS = { coarse: 64, half: 48, full: 16 } as const;

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
    return x.add(this.conv2.forward(this.conv1.forward(x).relu()));
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

/** Tokens [B, H W, C] as a map [B, C, H, W]. */
function asMap(tokens: Tensor, height: number, width: number): Tensor {
  const [B, , C] = tokens.shape;
  return tokens.view(B, height, width, C).permute(0, 3, 1, 2).contiguous();
}

/**
 * The correction [B, 3, H, W] that makes an image better, from the encoder's maps of it and from the image itself, in which the detail stands that patches of
 * 4 px average away. It starts at zero: before any training an image comes back as it was given.
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

  /** `inputs`: channels of the image that is given, 3 and any more that say something of each pixel. */
  constructor({ config }: SwinUnet, inputs: number) {
    super();
    const { coarse, half, full } = WIDTHS;
    const stages = config.depths.length;
    this.top = new Conv2d(config.embedDim * 2 ** (stages - 1), coarse, 1);
    this.laterals = config.depths.map((_, stage) => new Conv2d(config.embedDim * 2 ** stage, coarse, 1));
    this.blocks = config.depths.map(() => new ResidualBlock(coarse));
    this.ups = config.depths.slice(1).map(() => new Doubling(coarse, coarse));
    this.half_up = new Doubling(coarse, half);
    this.half_lateral = new Conv2d(4 * inputs, half, 3, { padding: 1 });
    this.half_join = new Conv2d(2 * half, half, 1);
    this.half_blocks = [new ResidualBlock(half), new ResidualBlock(half)];
    this.full_up = new Doubling(half, full);
    this.full_in = new Conv2d(inputs, full, 3, { padding: 1 });
    this.full_join = new Conv2d(2 * full, full, 3, { padding: 1 });
    this.output = new Conv2d(full, 3, 3, { padding: 1 });
    noGrad(() => {
      for (const last of [this.output.weight, this.output.bias as Tensor]) opInPlace("zero_", last);
    });
  }

  /** `encoded` of images [B, 3, H, W] and `given` [B, inputs, H, W] to the correction [B, 3, H, W]. */
  forward({ features, skips, height, width }: Encoded, given: Tensor): Tensor {
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
    y = this.half_join.forward(cat([y, detail], 1).relu());
    for (const block of this.half_blocks) y = block.forward(y);
    const joined = cat([this.full_up.forward(y), this.full_in.forward(given)], 1).relu();
    return this.output.forward(this.full_join.forward(joined).relu());
  }
}
