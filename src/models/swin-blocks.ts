/**
 * The parts of the Swin U-Net: transformer block, patch merging, dual up-sampling (Fan et al. 2022, "SUNet"; Liu et al.
 * 2021).
 */
import {
  Conv2d,
  denseLinear,
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
import { cat, resizeBilinear, type Tensor } from "../torch/index.ts";

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

/**
 * A Swin transformer block: `width` channels in `heads`, windows of `window` x `window` positions moved by `shift`;
 * queries are multiplied by `scale`, and the block is skipped in training with probability `dropPath`.
 */
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
    const { norm1, norm2, mlp } = this;
    const drop = [0, 1].map(() => dropPath(x, this.#options.dropPath, this.training));
    const mask = masks.get(grid, x);
    const after = { norm: norm2, first: mlp.fc1, second: mlp.fc2 };
    return this.attn.wholeBlock(x, grid, mask, norm1, after, drop, () => {
      const y = this.attn.forward(x, grid, mask, { norm: norm1, residual: x, scale: drop[0] });
      return mlp.forward(y, norm2, drop[1]);
    });
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

/**
 * Doubles or quadruples a map by two paths, pixel shuffle and bilinear, joined: [B, H W, C] -> [B, H W r^2, C / 2 (r =
 * 2) or C (r = 4)].
 */
export class DualUpsample extends Module {
  readonly conv: Conv2d;
  readonly up_p: Sequential;
  readonly up_b: Sequential;
  readonly #factor: number;
  readonly #shuffled: [Conv2d, PRelu, Conv2d];
  readonly #smooth: [Conv2d, PRelu, Conv2d];

  constructor(width: number, factor: 2 | 4) {
    super();
    const out = factor === 2 ? width / 2 : width;
    const plain = { bias: false };
    this.#factor = factor;
    this.conv = new Conv2d(2 * out, out, 1, plain);
    this.#shuffled = [new Conv2d(width, out * factor * factor, 1, plain), new PRelu(), new Conv2d(out, out, 1, plain)];
    this.#smooth = [new Conv2d(width, width, 1), new PRelu(), new Conv2d(width, out, 1, plain)];
    const [p0, p1, p3] = this.#shuffled;
    const [b0, b1, b3] = this.#smooth;
    this.up_p = new Sequential(p0, p1, new PixelShuffle(factor), p3);
    this.up_b = new Sequential(b0, b1, new UpsampleBilinear(factor), b3);
  }

  /**
   * What the layers say, in fewer operations: convolutions of one pixel are products, those that follow one another
   * without anything between are one, and a product commutes with interpolation, so that it is done before the map
   * grows.
   */
  forward(x: Tensor, H: number, W: number): Tensor {
    const [B, L] = x.shape;
    const r = this.#factor;
    const [out, joined] = this.conv.weight.shape;
    const matrix = ({ weight }: Conv2d) => weight.view(weight.shape[0], weight.shape[1]);
    const last = matrix(this.conv);
    const [p0, p1, p3] = this.#shuffled;
    const grown = p1
      .forward(denseLinear(x, matrix(p0), null))
      .view(B, H, W, out, r, r)
      .permute(0, 1, 4, 2, 5, 3)
      .reshape(B, L * r * r, out);
    const [b0, b1, b3] = this.#smooth;
    const small = denseLinear(
      b1.forward(denseLinear(x, matrix(b0), b0.bias)),
      last.slice(1, out, joined).matmul(matrix(b3)),
      null,
    );
    const smooth = resizeBilinear(small.view(B, H, W, out).permute(0, 3, 1, 2), H * r, W * r)
      .permute(0, 2, 3, 1)
      .reshape(B, L * r * r, out);
    return denseLinear(grown, last.slice(1, 0, out).matmul(matrix(p3)), null, smooth);
  }

  /** The result as a map [B, C', H r, W r]. */
  forwardMap(x: Tensor, H: number, W: number): Tensor {
    const grown = this.forward(x, H, W);
    return grown.view(grown.shape[0], H * this.#factor, W * this.#factor, grown.shape[2]).permute(0, 3, 1, 2);
  }

  /** Layer by layer, as written; `forward` is tested against it. */
  forwardPlain(x: Tensor, H: number, W: number): Tensor {
    const [B, , C] = x.shape;
    const map = x.view(B, H, W, C).permute(0, 3, 1, 2).contiguous();
    return this.conv
      .forward(cat([this.up_p.forward(map), this.up_b.forward(map)], 1))
      .flatten(2)
      .transpose(1, 2);
  }
}
