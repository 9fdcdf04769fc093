/** Masks of boxes: what the network learns them from, and how they are laid back onto the image. */
import type { MaskPx, Truth } from "../../contract/detection.ts";
import { roiAlign } from "../../nn/index.ts";
import { noGrad, type Tensor, tensor } from "../../torch/index.ts";
import type { Boxes } from "./boxes.ts";

/**
 * The masks of objects as seen through boxes [K]: for box k the share of each of side x side cells that lies in the
 * mask of `objects[k]`, [K, side, side]. Each object's mask is drawn in a window of its own.
 */
export function maskTargets(boxes: Boxes, objects: readonly Truth[], side: number): Tensor {
  const different = [...new Set(objects)];
  const masks = different.map(({ mask }) => mask as MaskPx);
  const [height, width] = [Math.max(...masks.map((mask) => mask.height)), Math.max(...masks.map((mask) => mask.width))];
  // A border of empty pixels: beyond it samples of boxes that are larger than the mask find nothing.
  const [H, W] = [height + 2, width + 2];
  const drawn = new Float32Array(masks.length * H * W);
  for (const [m, mask] of masks.entries())
    for (let y = 0; y < mask.height; y++)
      for (let x = 0; x < mask.width; x++) drawn[(m * H + y + 1) * W + x + 1] = mask.bits[y * mask.width + x];
  const places = new Float32Array(5 * objects.length);
  for (const [k, object] of objects.entries()) {
    const m = different.indexOf(object);
    const { x, y } = masks[m];
    const [x1, y1, x2, y2] = boxes.subarray(4 * k, 4 * k + 4);
    places.set([m, x1 - x + 1, y1 - y + 1, x2 - x + 1, y2 - y + 1], 5 * k);
  }
  return noGrad(() =>
    roiAlign(tensor(drawn, [masks.length, 1, H, W]), tensor(places, [objects.length, 5]), {
      scale: 1,
      bins: [side, side],
      samples: 0,
      aligned: false,
    }).squeeze(1),
  );
}

/** From which probability on a pixel belongs to an object. */
const INSIDE = 0.5;

/** Where a row of `to` samples lies among `from` cells: the two cells and the weight of the second. */
function between(to: number, from: number): { low: Int32Array; high: Int32Array; share: Float32Array } {
  const [low, high, share] = [new Int32Array(to), new Int32Array(to), new Float32Array(to)];
  const scale = from / to;
  for (let i = 0; i < to; i++) {
    const at = Math.max(0, scale * (i + 0.5) - 0.5);
    low[i] = Math.min(Math.floor(at), from - 1);
    high[i] = Math.min(low[i] + 1, from - 1);
    share[i] = at - low[i];
  }
  return { low, high, share };
}

/**
 * The pixels of an image of width x height that a mask of probabilities [side, side] over the box (x1, y1, x2, y2)
 * covers, with a margin of one empty cell around it, as torchvision has it.
 */
export function pasteMask(
  probabilities: Float32Array,
  side: number,
  [x1, y1, x2, y2]: readonly [number, number, number, number],
  image: { width: number; height: number },
): MaskPx {
  const cells = side + 2;
  const scale = Math.fround(cells / side);
  const f = Math.fround;
  const widened = (low: number, high: number): [number, number] => {
    const half = f(f(f(high - low) * 0.5) * scale);
    const middle = f(f(high + low) * 0.5);
    return [Math.trunc(f(middle - half)), Math.trunc(f(middle + half))];
  };
  const [[left, right], [top, bottom]] = [widened(x1, x2), widened(y1, y2)];
  const [wide, tall] = [Math.max(1, right - left + 1), Math.max(1, bottom - top + 1)];
  const x = Math.max(left, 0);
  const y = Math.max(top, 0);
  const width = Math.max(0, Math.min(right + 1, image.width) - x);
  const height = Math.max(0, Math.min(bottom + 1, image.height) - y);
  const bits = new Uint8Array(width * height);
  const across = between(wide, cells);
  const down = between(tall, cells);
  const cell = (row: number, column: number) =>
    row < 1 || column < 1 || row > side || column > side ? 0 : probabilities[(row - 1) * side + column - 1];
  for (let row = 0; row < height; row++) {
    const r = row + y - top;
    const [r0, r1, dr] = [down.low[r], down.high[r], down.share[r]];
    for (let column = 0; column < width; column++) {
      const c = column + x - left;
      const [c0, c1, dc] = [across.low[c], across.high[c], across.share[c]];
      const upper = (1 - dc) * cell(r0, c0) + dc * cell(r0, c1);
      const lower = (1 - dc) * cell(r1, c0) + dc * cell(r1, c1);
      if ((1 - dr) * upper + dr * lower >= INSIDE) bits[row * width + column] = 1;
    }
  }
  return { x, y, width, height, bits };
}
