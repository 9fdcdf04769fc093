/**
 * Windowed multi-head self-attention with relative position bias (Liu et al. 2021, "Swin Transformer", sections 3.1 and
 * 3.2).
 */
import { fused, keep, op, type Parameter, type Tensor, tensor } from "../torch/index.ts";
import { composedLinear, type FusedLayers, fusedLinear } from "./fused.ts";
import { truncatedNormal } from "./init.ts";
import { type LayerNorm, Linear } from "./layers.ts";
import { Module } from "./module.ts";
import { type Grid, joinWindows, paddedSize, padMap, relativePositions, splitWindows } from "./windows.ts";

/** Attention inside the windows of a map. */
export class WindowAttention extends Module {
  readonly relative_position_bias_table: Parameter; // [(2 window - 1)^2, heads]
  readonly qkv: Linear;
  readonly proj: Linear;
  readonly #window: number;
  readonly #heads: number;
  readonly #scale: number;
  readonly #positions = new Map<number, Tensor>();

  /** `window` is the one the bias table is made for; maps smaller than it are attended to with its inner offsets. */
  constructor(width: number, window: number, heads: number, scale: number) {
    super();
    this.relative_position_bias_table = truncatedNormal([(2 * window - 1) ** 2, heads]);
    this.qkv = new Linear(width, 3 * width, { init: "transformer" });
    this.proj = new Linear(width, width, { init: "transformer" });
    this.#window = window;
    this.#heads = heads;
    this.#scale = scale;
  }

  /** For each pair of positions of a w x w window, the row of the bias table: [w w w w], int64. */
  #positionsOf(window: number): Tensor {
    let positions = this.#positions.get(window);
    if (positions === undefined) {
      positions = keep(
        tensor(relativePositions(window, this.#window), [window ** 4]).toDevice(
          this.relative_position_bias_table.device,
        ),
      );
      this.#positions.set(window, positions);
    }
    return positions;
  }

  /** The learned bias of each head for each pair of positions of a w x w window: [heads, w w, w w]. */
  bias(window: number): Tensor {
    const N = window ** 2;
    return this.relative_position_bias_table
      .indexSelect(0, this.#positionsOf(window))
      .view(N, N, this.#heads)
      .permute(2, 0, 1)
      .contiguous();
  }

  /**
   * [B, H W, C] -> the same. `mask` [n, w w, w w] is added to the products of window n of every image; `around` stands
   * before (norm) and after (scale, residual).
   */
  forward(x: Tensor, grid: Grid, mask: Tensor | null, { norm, ...after }: FusedLayers = {}): Tensor {
    const parts = () => this.forwardComposed(x, grid, mask, { norm, ...after });
    return fused("skyloop::window_attention", x, () => this.#forwardFused(x, grid, mask, { norm, ...after }), parts);
  }

  #forwardFused(x: Tensor, grid: Grid, mask: Tensor | null, { norm, ...after }: FusedLayers): Tensor {
    const [B, L, C] = x.shape;
    const { H, W, window, shift } = grid;
    const [padH, padW] = paddedSize(grid);
    const whole = padH === H && padW === W;
    // Padding stands after the norm, so that it says nothing.
    const joined = whole
      ? fusedLinear(x, this.qkv, { norm })
      : fusedLinear(padMap((norm?.forward(x) ?? x).view(B, H, W, C), grid), this.qkv);
    const qkv = joined.view(B, padH, padW, 3 * C);
    const mixed = op(
      "skyloop::window_attention",
      qkv,
      this.relative_position_bias_table,
      this.#positionsOf(window),
      mask,
      window,
      shift,
      this.#scale,
    );
    const inside = whole ? mixed : mixed.slice(1, 0, H).slice(2, 0, W);
    return fusedLinear(inside.reshape(B, L, C), this.proj, after);
  }

  /**
   * A whole block, x + attention(norm(x)) and the feed-forward part of that, by one operator
   * (native/operators/block.cc) where windows fit the map: [B, H W, C] -> the same. `drop` multiply each image's two
   * branches, [B] each; `layers` is the same step by step.
   */
  wholeBlock(
    x: Tensor,
    grid: Grid,
    mask: Tensor | null,
    norm: LayerNorm,
    after: { norm: LayerNorm; first: Linear; second: Linear },
    drop: (Tensor | null)[],
    layers: () => Tensor,
  ): Tensor {
    const { H, W, window, shift } = grid;
    if (H % window !== 0 || W % window !== 0 || after.norm.eps !== norm.eps) return layers();
    const parameters = (...of: (LayerNorm | Linear)[]) => of.flatMap(({ weight, bias }) => [weight, bias]);
    const whole = () =>
      op(
        "skyloop::swin_block",
        x,
        [H, W, window, shift],
        this.#scale,
        norm.eps,
        [
          ...parameters(norm, this.qkv),
          this.relative_position_bias_table,
          ...parameters(this.proj, after.norm, after.first, after.second),
        ],
        this.#positionsOf(window),
        mask,
        ...drop,
      );
    return fused("skyloop::swin_block", x, whole, layers);
  }

  /**
   * `forward` as a composition of ATen's operators, for devices without our own one (native/operators/attention.cc), which is
   * tested against it.
   */
  forwardComposed(x: Tensor, grid: Grid, mask: Tensor | null, { norm, ...after }: FusedLayers = {}): Tensor {
    const [B, L, width] = x.shape;
    const split = splitWindows((norm?.forward(x) ?? x).view(B, grid.H, grid.W, width), grid);
    const [windows, N, C] = split.shape;
    const heads = this.#heads;
    const [q, k, v] = this.qkv
      .forward(split)
      .view(windows, N, 3, heads, C / heads)
      .permute(2, 0, 3, 1, 4)
      .unbind(0);
    const products = q.mul(this.#scale).matmul(k.transpose(-2, -1)).add(this.bias(grid.window));
    const n = mask?.shape[0] ?? 1;
    const logits =
      mask === null
        ? products
        : products
            .view(windows / n, n, heads, N, N)
            .add(mask.unsqueeze(1))
            .view(windows, heads, N, N);
    const mixed = logits.softmax(-1).matmul(v).transpose(1, 2).reshape(windows, N, C);
    return composedLinear(joinWindows(mixed, grid).reshape(B, L, C), this.proj, after);
  }

  override dispose(): void {
    super.dispose();
    for (const positions of this.#positions.values()) positions.dispose();
    this.#positions.clear();
  }
}
