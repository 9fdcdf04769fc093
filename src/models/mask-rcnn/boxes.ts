/**
 * Boxes of detectors, (x1, y1, x2, y2): overlaps, and the code by which a network moves one box onto another (Girshick
 * et al. 2014, appendix C). Numbers of targets are rounded to float32 after every operation, as tensors are.
 */
import { op, type Tensor } from "../../torch/index.ts";

/** Boxes one after another, four numbers each. */
export type Boxes = Float32Array;

const f = Math.fround;

/** Sum of the products of the sides that two boxes share. */
function shared(a: Boxes, i: number, b: Boxes, j: number): number {
  const width = f(Math.min(a[4 * i + 2], b[4 * j + 2]) - Math.max(a[4 * i], b[4 * j]));
  const height = f(Math.min(a[4 * i + 3], b[4 * j + 3]) - Math.max(a[4 * i + 1], b[4 * j + 1]));
  return width > 0 && height > 0 ? f(width * height) : 0;
}

/** Product of the sides of the box with number `i`, px squared. */
export function areaOfBox(boxes: Boxes, i: number): number {
  return f(f(boxes[4 * i + 2] - boxes[4 * i]) * f(boxes[4 * i + 3] - boxes[4 * i + 1]));
}

/** Intersection over union of box `i` of `a` and box `j` of `b`. */
export function overlap(a: Boxes, i: number, b: Boxes, j: number): number {
  const both = shared(a, i, b, j);
  return f(both / f(f(areaOfBox(a, i) + areaOfBox(b, j)) - both));
}

/** Share of box `i` of `a` that lies in box `j` of `b`. */
export function shareInside(a: Boxes, i: number, b: Boxes, j: number): number {
  const area = areaOfBox(a, i);
  return area > 0 ? f(shared(a, i, b, j) / area) : 0;
}

/** Weights of the differences of middles and of the logarithms of sides: (x, y, width, height). */
export type CodeWeights = readonly [number, number, number, number];

/** What moves box `i` of `from` onto box `j` of `onto`, written to `out` at place `at`. */
export function encodeBox(
  from: Boxes,
  i: number,
  onto: Boxes,
  j: number,
  weights: CodeWeights,
  out: Float32Array,
  at: number,
): void {
  for (const axis of [0, 1]) {
    const side = f(from[4 * i + 2 + axis] - from[4 * i + axis]);
    const wanted = f(onto[4 * j + 2 + axis] - onto[4 * j + axis]);
    const middle = f(from[4 * i + axis] + f(0.5 * side));
    const aim = f(onto[4 * j + axis] + f(0.5 * wanted));
    out[4 * at + axis] = (weights[axis] * f(aim - middle)) / side;
    out[4 * at + 2 + axis] = weights[2 + axis] * Math.log(f(wanted / side));
  }
}

/** Sides grow by at most this factor's logarithm at once. */
const LARGEST_GROWTH = Math.log(1000 / 16);

/** Boxes [N, 4] moved by codes [N, K, 4] -> [N, K, 4]. */
export function decodeBoxes(codes: Tensor, boxes: Tensor, weights: CodeWeights): Tensor {
  const [N] = boxes.shape;
  const column = (of: Tensor, i: number) => of.select(-1, i);
  const along = (axis: number): [Tensor, Tensor] => {
    const first = column(boxes, axis).view(N, 1);
    const side = column(boxes, 2 + axis)
      .view(N, 1)
      .sub(first);
    const middle = first.add(side.mul(0.5));
    const moved = column(codes, axis).div(weights[axis]).mul(side).add(middle);
    const half = column(codes, 2 + axis)
      .div(weights[2 + axis])
      .clamp(null, LARGEST_GROWTH)
      .exp()
      .mul(side)
      .mul(0.5);
    return [moved.sub(half), moved.add(half)];
  };
  const [x1, x2] = along(0);
  const [y1, y2] = along(1);
  return op("stack", [x1, y1, x2, y2], -1);
}

/** Cuts boxes to an image, in place. */
export function clipBoxes(boxes: Boxes, width: number, height: number): void {
  for (let i = 0; i < boxes.length; i++) boxes[i] = Math.min(Math.max(boxes[i], 0), i % 2 === 0 ? width : height);
}

/** Numbers of the boxes whose sides are both at least `sidePx`. */
export function largeEnough(boxes: Boxes, sidePx: number): number[] {
  const least = f(sidePx);
  return Array.from({ length: boxes.length / 4 }, (_, i) => i).filter(
    (i) => f(boxes[4 * i + 2] - boxes[4 * i]) >= least && f(boxes[4 * i + 3] - boxes[4 * i + 1]) >= least,
  );
}

/** The boxes with these numbers, in their order. */
export function pickBoxes(boxes: Boxes, numbers: ArrayLike<number>): Boxes {
  const out = new Float32Array(4 * numbers.length);
  for (let n = 0; n < numbers.length; n++) out.set(boxes.subarray(4 * numbers[n], 4 * numbers[n] + 4), 4 * n);
  return out;
}
