/** Windowed multi-head self-attention with relative position bias (Liu et al. 2021, "Swin Transformer", sections 3.1 and 3.2). */
import { gradsRecorded, keep, op, type Parameter, type Tensor, tensor } from "../torch/index.ts";
import { truncatedNormal } from "./init.ts";
import { Linear } from "./layers.ts";
import { Module } from "./module.ts";
import { relativePositions } from "./windows.ts";

/** Attention inside windows: [B n, w w, C] -> the same shape. */
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

  /** The learned bias of each head for each pair of positions of a w x w window: [heads, w w, w w]. */
  bias(window: number): Tensor {
    let positions = this.#positions.get(window);
    if (positions === undefined) {
      positions = keep(tensor(relativePositions(window, this.#window), [window ** 4]).toDevice(this.relative_position_bias_table.device));
      this.#positions.set(window, positions);
    }
    const N = window ** 2;
    return this.relative_position_bias_table.indexSelect(0, positions).view(N, N, this.#heads).permute(2, 0, 1).contiguous();
  }

  /** `mask` [n, w w, w w] is added to the products of window n of every image. */
  forward(x: Tensor, mask: Tensor | null): Tensor {
    const [windows, N, C] = x.shape;
    const heads = this.#heads;
    const joined = this.qkv.forward(x);
    const bias = this.bias(Math.sqrt(N));
    if (!gradsRecorded() && x.device === "cpu" && x.dtype === "float32") {
      // One pass instead of six through memory (native/attention.cc); it has no gradient.
      const whole = mask === null ? bias.unsqueeze(0) : bias.unsqueeze(0).add(mask.unsqueeze(1));
      return this.proj.forward(op("skyloop::window_attention", joined, whole, this.#scale));
    }
    const [q, k, v] = joined
      .view(windows, N, 3, heads, C / heads)
      .permute(2, 0, 3, 1, 4)
      .unbind(0);
    const products = q.mul(this.#scale).matmul(k.transpose(-2, -1));
    const n = mask?.shape[0] ?? 1;
    const logits =
      mask === null
        ? products.add(bias)
        : products
            .view(windows / n, n, heads, N, N)
            .add(bias.unsqueeze(0).add(mask.unsqueeze(1)))
            .view(windows, heads, N, N);
    const mixed = logits.softmax(-1).matmul(v).transpose(1, 2).reshape(windows, N, C);
    return this.proj.forward(mixed);
  }

  override dispose(): void {
    super.dispose();
    for (const positions of this.#positions.values()) positions.dispose();
    this.#positions.clear();
  }
}
