/** The parts of the Swin U-Net: transformer block, patch merging, dual up-sampling (Fan et al. 2022, "SUNet"; Liu et al. 2021). */
import {
  Conv2d,
  dropPath,
  fusedFeedforward,
  fusedLinear,
  LayerNorm,
  Linear,
  Module,
  PixelShuffle,
  PRelu,
  Sequential,
  UpsampleBilinear,
  WindowAttention,
  type WindowMasks,
} from "../nn/index.ts";
import { cat, type Tensor } from "../torch/index.ts";

/** Two linear layers with GELU between. */
class Feedforward extends Module {
  readonly fc1: Linear;
  readonly fc2: Linear;

  constructor(width: number, hidden: number) {
    super();
    this.fc1 = new Linear(width, hidden, { init: "transformer" });
    this.fc2 = new Linear(hidden, width, { init: "transformer" });
  }
  /** x and what they make of x normalised, times `scale` [B]: [B, L, C] -> the same. */
  forward(x: Tensor, norm: LayerNorm, scale: Tensor | null): Tensor {
    return fusedFeedforward(x, norm, this.fc1, this.fc2, scale);
  }
}

export interface BlockOptions {
  width: number;
  heads: number;
  window: number;
  shift: number;
  mlpRatio: number;
  scale: number;
  dropPath: number;
}

/** Windowed attention and feed-forward, each normalised before and added to its input: [B, H W, C] -> the same. */
export class SwinBlock extends Module {
  readonly norm1: LayerNorm;
  readonly attn: WindowAttention;
  readonly norm2: LayerNorm;
  readonly mlp: Feedforward;
  readonly #options: BlockOptions;

  constructor(options: BlockOptions) {
    super();
    const { width, heads, window, scale, mlpRatio } = options;
    this.norm1 = new LayerNorm(width);
    this.attn = new WindowAttention(width, window, heads, scale);
    this.norm2 = new LayerNorm(width);
    this.mlp = new Feedforward(width, width * mlpRatio);
    this.#options = options;
  }

  forward(x: Tensor, H: number, W: number, masks: WindowMasks): Tensor {
    // A map no larger than the window is one window, and there is nothing to shift.
    const window = Math.min(this.#options.window, Math.max(H, W));
    const shift = Math.max(H, W) <= window ? 0 : this.#options.shift;
    const grid = { H, W, window, shift };
    const drop = () => dropPath(x, this.#options.dropPath, this.training);
    const y = this.attn.forward(x, grid, masks.get(grid, x), { norm: this.norm1, residual: x, scale: drop() });
    return this.mlp.forward(y, this.norm2, drop());
  }
}

/** Halves a map by joining 2 x 2 neighbours: [B, H W, C] -> [B, H W / 4, 2 C]. */
export class PatchMerging extends Module {
  readonly reduction: Linear;
  readonly norm: LayerNorm;

  constructor(width: number) {
    super();
    this.reduction = new Linear(4 * width, 2 * width, { bias: false, init: "transformer" });
    this.norm = new LayerNorm(4 * width);
  }
  forward(x: Tensor, H: number, W: number): Tensor {
    const [B, , C] = x.shape;
    // Order of the four neighbours (y, x): (0,0), (1,0), (0,1), (1,1).
    const joined = x
      .view(B, H / 2, 2, W / 2, 2, C)
      .permute(0, 1, 3, 4, 2, 5)
      .reshape(B, (H * W) / 4, 4 * C);
    return fusedLinear(joined, this.reduction, { norm: this.norm });
  }
}

/** Doubles or quadruples a map by two paths, pixel shuffle and bilinear, joined: [B, H W, C] -> [B, H W r^2, C / 2 (r = 2) or C (r = 4)]. */
export class DualUpsample extends Module {
  readonly conv: Conv2d;
  readonly up_p: Sequential;
  readonly up_b: Sequential;

  constructor(width: number, factor: 2 | 4) {
    super();
    const out = factor === 2 ? width / 2 : width;
    const plain = { bias: false };
    this.conv = new Conv2d(2 * out, out, 1, plain);
    this.up_p = new Sequential(new Conv2d(width, out * factor * factor, 1, plain), new PRelu(), new PixelShuffle(factor), new Conv2d(out, out, 1, plain));
    this.up_b = new Sequential(new Conv2d(width, width, 1), new PRelu(), new UpsampleBilinear(factor), new Conv2d(width, out, 1, plain));
  }

  /** The map as [B, C', H r, W r]. */
  forwardMap(x: Tensor, H: number, W: number): Tensor {
    const [B, , C] = x.shape;
    const map = x.view(B, H, W, C).permute(0, 3, 1, 2).contiguous();
    return this.conv.forward(cat([this.up_p.forward(map), this.up_b.forward(map)], 1));
  }
  forward(x: Tensor, H: number, W: number): Tensor {
    return this.forwardMap(x, H, W).flatten(2).transpose(1, 2).contiguous();
  }
}
