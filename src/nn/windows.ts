/**
 * Cutting a map into windows and back, and the index tables that windowed attention needs (Liu et al. 2021, "Swin
 * Transformer").
 */
import { keep, op, type Tensor, tensor } from "../torch/index.ts";

/** How a map [H, W] is cut: windows of w x w after zero padding to whole windows, rolled by `shift` first. */
export interface Grid {
  H: number;
  W: number;
  window: number;
  shift: number;
}

/** Height and width after padding to whole windows. */
export function paddedSize({ H, W, window }: Grid): [number, number] {
  return [Math.ceil(H / window) * window, Math.ceil(W / window) * window];
}

/** A map [B, H, W, C] with zeros after its rows and columns, up to whole windows. */
export function padMap(x: Tensor, grid: Grid): Tensor {
  const [padH, padW] = paddedSize(grid);
  const { H, W } = grid;
  return padH === H && padW === W ? x : op("constant_pad_nd", x, [0, 0, 0, padW - W, 0, padH - H], 0);
}

/** Cuts a map [B, H, W, C] into windows [B n, w w, C]. Inverse: `joinWindows`. */
export function splitWindows(x: Tensor, grid: Grid): Tensor {
  const [B, , , C] = x.shape;
  const { window, shift } = grid;
  const [padH, padW] = paddedSize(grid);
  let map = padMap(x, grid);
  // Roll before splitting: the Swin paper shifts the grid, not the windows.
  if (shift > 0) map = map.roll([-shift, -shift], [1, 2]);
  if (padH === window && padW === window) return map.reshape(B, window * window, C);
  return map
    .reshape(B, padH / window, window, padW / window, window, C)
    .permute(0, 1, 3, 2, 4, 5)
    .reshape(-1, window * window, C);
}

/** Puts windows [B n, w w, C] back into a map [B, H, W, C]. */
export function joinWindows(windows: Tensor, grid: Grid): Tensor {
  const C = windows.shape[2];
  const { H, W, window, shift } = grid;
  const [padH, padW] = paddedSize(grid);
  let map = windows
    .reshape(-1, padH / window, padW / window, window, window, C)
    .permute(0, 1, 3, 2, 4, 5)
    .reshape(-1, padH, padW, C);
  if (shift > 0) map = map.roll([shift, shift], [1, 2]);
  return padH === H && padW === W ? map : map.slice(1, 0, H).slice(2, 0, W);
}

/**
 * For each pair of the w w positions of a window, the row of a bias table [(2 t - 1)^2] that belongs to their offset;
 * [w w w w]. w may be smaller than the table's t: the offsets are then the inner part of the table.
 */
export function relativePositions(window: number, tableWindow: number): BigInt64Array {
  const N = window * window;
  const index = new BigInt64Array(N * N);
  for (let a = 0; a < N; a++)
    for (let b = 0; b < N; b++) {
      const dy = Math.floor(a / window) - Math.floor(b / window) + tableWindow - 1;
      const dx = (a % window) - (b % window) + tableWindow - 1;
      index[a * N + b] = BigInt(dy * (2 * tableWindow - 1) + dx);
    }
  return index;
}

/**
 * What keeps apart the parts of a rolled map that are neighbours only because it was rolled, and padding from
 * everything else: [n, w w, w w], 0 where two positions of a window may see each other, -100 where not. Null where
 * nothing has to be kept apart.
 */
export function windowMask(grid: Grid): Float32Array | null {
  const { H, W, window, shift } = grid;
  const [padH, padW] = paddedSize(grid);
  if (shift === 0 && padH === H && padW === W) return null;
  const part = (at: number, size: number) => (shift === 0 || at < size - window ? 0 : at < size - shift ? 1 : 2);
  const [columns, N] = [padW / window, window * window];
  const count = (padH / window) * columns;
  const mask = new Float32Array(count * N * N);
  for (let n = 0; n < count; n++) {
    const region = Array.from({ length: N }, (_, p) => {
      const y = Math.floor(n / columns) * window + Math.floor(p / window);
      const x = (n % columns) * window + (p % window);
      const padding = (y + shift) % padH >= H || (x + shift) % padW >= W;
      return padding ? -1 : part(y, padH) * 3 + part(x, padW);
    });
    for (let a = 0; a < N; a++)
      for (let b = 0; b < N; b++) if (region[a] !== region[b]) mask[(n * N + a) * N + b] = -100;
  }
  return mask;
}

/** Masks by grid, type and device, made once and kept with the model. */
export class WindowMasks {
  readonly #made = new Map<string, Tensor | null>();

  /** [n, w w, w w] in the type and on the device of `like`, or null. */
  get(grid: Grid, like: Tensor): Tensor | null {
    const { dtype, device } = like;
    const key = `${grid.H} ${grid.W} ${grid.window} ${grid.shift} ${dtype} ${device}`;
    let mask = this.#made.get(key);
    if (mask === undefined) {
      const values = windowMask(grid);
      const N = grid.window ** 2;
      mask =
        values === null
          ? null
          : keep(tensor(values, [values.length / N / N, N, N], dtype === "other" ? "float32" : dtype).toDevice(device));
      this.#made.set(key, mask);
    }
    return mask;
  }

  dispose(): void {
    for (const mask of this.#made.values()) mask?.dispose();
    this.#made.clear();
  }
}
