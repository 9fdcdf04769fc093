/** From images to logits, in blocks. */
import { blocks } from "../../base/blocks.ts";
import { noGrad, scope, type Tensor, tensor } from "../../torch/index.ts";
import { IMAGES_AT_ONCE } from "./data.ts";
import { ClassifyHead, classifyLogits } from "./head.ts";
import type { Classifier } from "./network.ts";

/** Numbers [n, ...] of places, `size` of them at a time, one below the other. */
export function perBlock(places: number[], size: number, of: (some: number[]) => Tensor): Float32Array {
  const parts = blocks(places.length, size).map(({ from, to }) =>
    noGrad(() => scope(() => of(places.slice(from, to)).toFloat32Array())),
  );
  const out = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Row numbers as an int64 tensor [rows], to select rows of another tensor. */
export const indexOf = (rows: number[]) => tensor(rows, [rows.length], "int64");

/** Features that a frozen encoder has read, by row of the images. */
export type FeaturesByRow = Map<number, Float32Array>;

/**
 * Logits [rows, classes] of some of the images, not augmented. With `known`, which must be of this network and these
 * images, a network with a head reads only what it has not read yet, and adds it.
 */
export function networkLogits(
  { network, head }: Classifier,
  images: Tensor,
  rows: number[],
  known?: FeaturesByRow,
): Float32Array {
  const read = (some: number[]) => network.reader.of(images.indexSelect(0, indexOf(some)).to("float32"));
  if (known === undefined || !(head instanceof ClassifyHead))
    return perBlock(rows, IMAGES_AT_ONCE, (some) => head.forward(read(some)));
  const missing = rows.filter((row) => !known.has(row));
  const found = perBlock(missing, IMAGES_AT_ONCE, read);
  const { dim } = network.reader;
  for (const [i, row] of missing.entries()) known.set(row, found.slice(i * dim, (i + 1) * dim));
  const features = new Float32Array(rows.length * dim);
  for (const [i, row] of rows.entries()) features.set(known.get(row) as Float32Array, i * dim);
  return classifyLogits(head, features, dim);
}
