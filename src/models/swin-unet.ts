/**
 * The large vision model: a Swin-Transformer U-Net from image to image whose encoder gives the features (Fu et al.
 * 2024, section 2; structure as SUNet, Fan et al. 2022). Parameter names are PyTorch's for that structure.
 */
import { SkyloopError } from "../base/errors.ts";
import { Conv2d, convolvePieces, LayerNorm, Linear, Module, PRelu, WindowMasks } from "../nn/index.ts";
import { cat, conv2d, op, type Parameter, type Tensor } from "../torch/index.ts";
import type { Encoded, SkipBackbone } from "./backbone.ts";
import { DualUpsample, PatchMerging, SwinBlock } from "./swin-blocks.ts";

/** Sizes of a Swin U-Net: `depths` and `heads` by encoder stage, widths `embedDim` times 1, 2, 4, 8. */
export interface SwinUnetConfig {
  /** Side of the square images it is made for; others run too. */
  imageSize: number;
  patchSize: 4;
  embedDim: number;
  depths: number[];
  heads: number[];
  window: number;
  mlpRatio: number;
  /** What queries are multiplied by; null is head_dim^-0.5. */
  qkScale: number | null;
  /** Probability of dropping the deepest block's branches; rises linearly from 0. */
  dropPath: number;
  channels: 3;
}

class PatchEmbed extends Module {
  readonly proj: Conv2d;
  readonly norm: LayerNorm;

  constructor(width: number, patch: number) {
    super();
    this.proj = new Conv2d(width, width, patch, { stride: patch });
    this.norm = new LayerNorm(width);
  }
  /**
   * Images [B, 3, H, W] through `first` (3 x 3, padding 1) and this patch by patch, [B, H W / patch^2, C]. Nothing
   * stands between the two convolutions, so that they are one, of 6 x 6 with the same stride and padding, at a tenth of
   * the operations. Its gradient is theirs.
   */
  forward(images: Tensor, first: Conv2d): Tensor {
    // Each weight of the second meets the first's, turned by 180 degrees: a convolution of the one by the other over
    // all overlaps.
    const weight = conv2d(this.proj.weight, op("flip", first.weight.transpose(0, 1), [2, 3]), null, 1, 2);
    const bias = this.proj.weight
      .sum([2, 3])
      .matmul(first.bias as Tensor)
      .add(this.proj.bias as Tensor);
    const stride = this.proj.weight.shape[2];
    return this.norm.forward(convolvePieces(images, weight, bias, stride, 1));
  }
}

class EncoderStage extends Module {
  readonly blocks: SwinBlock[];
  readonly downsample: PatchMerging | null;

  constructor(blocks: SwinBlock[], downsample: PatchMerging | null) {
    super();
    this.blocks = blocks;
    this.downsample = downsample;
  }
}

class DecoderStage extends Module {
  readonly blocks: SwinBlock[];
  readonly upsample: DualUpsample | null;

  constructor(blocks: SwinBlock[], upsample: DualUpsample | null) {
    super();
    this.blocks = blocks;
    this.upsample = upsample;
  }
}

/** Tokens [B, H W, C] as a map [B, C, H, W]. */
export function asMap(tokens: Tensor, height: number, width: number): Tensor {
  const [B, , C] = tokens.shape;
  return tokens.view(B, height, width, C).permute(0, 3, 1, 2).contiguous();
}

/** Whether a parameter belongs to the decoder; the rest is the encoder. */
export function isDecoderName(name: string): boolean {
  return /^(layers_up|concat_back_dim|norm_up|up|output)\b/.test(name);
}

/**
 * The paper's network: a Swin encoder and a decoder of the same shape with skip connections, images [B, 3, H, W] to
 * images of the same size. Sides are multiples of 32 (BAD_IMAGE_SIZE); parameter names are those of the published checkpoint.
 */
export class SwinUnet extends Module implements SkipBackbone {
  readonly gives = ["features", "maps", "skips"] as const;
  readonly config: SwinUnetConfig;
  readonly prelu = new PRelu(); // In the published state, never used.
  readonly conv_first: Conv2d;
  readonly patch_embed: PatchEmbed;
  readonly layers: EncoderStage[];
  readonly layers_up: (DualUpsample | DecoderStage)[];
  readonly concat_back_dim: (Linear | null)[];
  readonly norm: LayerNorm;
  readonly norm_up: LayerNorm;
  readonly up: DualUpsample;
  readonly output: Conv2d;
  readonly #masks = new WindowMasks();

  constructor(config: SwinUnetConfig) {
    super();
    this.config = config;
    const { channels, embedDim: C, patchSize, depths, imageSize } = config;
    const stages = depths.length;
    this.conv_first = new Conv2d(channels, C, 3, { padding: 1 });
    this.patch_embed = new PatchEmbed(C, patchSize);

    const grid = (stage: number) => imageSize / patchSize / 2 ** stage;
    const total = depths.reduce((sum, depth) => sum + depth, 0);
    const before = (stage: number) => depths.slice(0, stage).reduce((sum, depth) => sum + depth, 0);
    const blocks = (stage: number) =>
      Array.from({ length: depths[stage] }, (_, i) => {
        const [width, heads] = [C * 2 ** stage, config.heads[stage]];
        return new SwinBlock({
          width,
          heads,
          window: Math.min(config.window, grid(stage)),
          shift: i % 2 === 1 && grid(stage) > config.window ? Math.floor(config.window / 2) : 0,
          mlpRatio: config.mlpRatio,
          scale: config.qkScale ?? (width / heads) ** -0.5,
          dropPath: total > 1 ? (config.dropPath * (before(stage) + i)) / (total - 1) : 0,
        });
      });

    this.layers = depths.map(
      (_, stage) => new EncoderStage(blocks(stage), stage < stages - 1 ? new PatchMerging(C * 2 ** stage) : null),
    );
    this.norm = new LayerNorm(C * 2 ** (stages - 1));
    const upward = depths.map((_, k) => stages - 1 - k);
    this.layers_up = upward.map((stage, k) =>
      k === 0
        ? new DualUpsample(C * 2 ** stage, 2)
        : new DecoderStage(blocks(stage), stage > 0 ? new DualUpsample(C * 2 ** stage, 2) : null),
    );
    this.concat_back_dim = upward.map((stage, k) =>
      k === 0 ? null : new Linear(2 * C * 2 ** stage, C * 2 ** stage, { init: "transformer" }),
    );
    this.norm_up = new LayerNorm(C);
    this.up = new DualUpsample(C, 4);
    this.output = new Conv2d(C, channels, 3, { padding: 1, bias: false });
  }

  /** Width of the features: embedDim * 2^(stages - 1). */
  get featureDim(): number {
    return this.config.embedDim * 2 ** (this.config.depths.length - 1);
  }

  #checkImages(shape: number[]): void {
    const { patchSize, depths, channels } = this.config;
    const [, bands, height, width] = shape;
    const unit = patchSize * 2 ** (depths.length - 1);
    if (
      shape.length !== 4 ||
      bands !== channels ||
      height < unit ||
      width < unit ||
      height % unit !== 0 ||
      width % unit !== 0
    )
      throw new SkyloopError(
        "BAD_IMAGE_SIZE",
        `the model takes images [B, ${channels}, H, W] with H and W multiples of ${unit}, got [${shape.join(", ")}]; resize or pad them (152 px stamps go to 128)`,
      );
  }

  /** Images [B, 3, H, W], H and W divisible by 32, to features and skips. Throws BAD_IMAGE_SIZE. */
  encode(images: Tensor): Encoded {
    this.#checkImages(images.shape);
    const skips: Tensor[] = [];
    const outputs: Tensor[] = [];
    const { x, H, W } = this.#throughStages(
      images,
      (input) => skips.push(input),
      (output) => outputs.push(output),
    );
    return { features: this.norm.forward(x), skips, outputs, height: H, width: W };
  }

  /**
   * Runs the stages on images [B, 3, H, W] and shows each one's input and output [B, tokens, width], the output before
   * it is merged for the next stage, with the sides of its grid.
   */
  #throughStages(
    images: Tensor,
    onInput: (x: Tensor) => void,
    onOutput: (x: Tensor, H: number, W: number) => void = () => {},
  ): { x: Tensor; H: number; W: number } {
    const [, , height, width] = images.shape;
    const { patchSize } = this.config;
    let [H, W] = [height / patchSize, width / patchSize];
    let x = this.patch_embed.forward(images, this.conv_first);
    for (const { blocks, downsample } of this.layers) {
      onInput(x);
      for (const block of blocks) x = block.forward(x, H, W, this.#masks);
      onOutput(x, H, W);
      if (downsample !== null) {
        x = downsample.forward(x, H, W);
        [H, W] = [H / 2, W / 2];
      }
    }
    return { x, H, W };
  }

  /** Widths of the stages' maps: C, 2C, 4C, 8C. */
  get channels(): number[] {
    return this.config.depths.map((_, stage) => this.config.embedDim * 2 ** stage);
  }

  get imageSize(): number {
    return this.config.imageSize;
  }

  /** Images [B, 3, H, W] to the last stage's normalised tokens averaged, [B, featureDim]. Throws BAD_IMAGE_SIZE. */
  features(images: Tensor): Tensor {
    return this.encode(images).features.mean(1);
  }

  /** Images [B, 3, H, W] to every stage's output before it is merged, as maps. Throws BAD_IMAGE_SIZE. */
  maps(images: Tensor): Tensor[] {
    this.#checkImages(images.shape);
    const maps: Tensor[] = [];
    this.#throughStages(
      images,
      () => {},
      (x, H, W) => maps.push(asMap(x, H, W)),
    );
    return maps;
  }

  /** The encoder's parameters; `prelu` stands in the published state and is never used. */
  learned(): [string, Parameter][] {
    return [...this.namedParameters()].filter(([name]) => !isDecoderName(name) && !name.startsWith("prelu."));
  }

  /** The encoder's tensors. */
  kept(): [string, Tensor][] {
    return [...this.namedTensors()].filter(([name]) => !isDecoderName(name));
  }

  /** What `encode` returned to images [B, 3, H, W]. */
  decode({ features, skips, height, width }: Encoded): Tensor {
    let [H, W] = [height, width];
    let x = features;
    for (const [k, stage] of this.layers_up.entries()) {
      if (stage instanceof DualUpsample) {
        x = stage.forward(x, H, W);
        [H, W] = [2 * H, 2 * W];
        continue;
      }
      x = (this.concat_back_dim[k] as Linear).forward(cat([x, skips[this.layers_up.length - 1 - k]], -1));
      for (const block of stage.blocks) x = block.forward(x, H, W, this.#masks);
      if (stage.upsample !== null) {
        x = stage.upsample.forward(x, H, W);
        [H, W] = [2 * H, 2 * W];
      }
    }
    return this.output.forward(this.up.forwardMap(this.norm_up.forward(x), H, W));
  }

  forward(images: Tensor): Tensor {
    return this.decode(this.encode(images));
  }

  /** Number of parameters of the encoder (everything before the decoder) and of the decoder. */
  parts(): { encoder: number; decoder: number } {
    let decoder = 0;
    for (const [name, parameter] of this.namedParameters()) if (isDecoderName(name)) decoder += parameter.size;
    return { encoder: this.parameterCount() - decoder, decoder };
  }

  override dispose(): void {
    super.dispose();
    this.#masks.dispose();
  }
}
