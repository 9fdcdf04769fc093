/**
 * Noise that does not touch the engine's process-wide generator, so that threads can draw it side by side and each gets
 * the same as alone.
 */
import { Random } from "../base/random.ts";
import { type Tensor, tensor } from "../torch/index.ts";

/** Standard normal numbers of a shape whose first axis counts images. */
export type Noise = (shape: number[]) => Tensor;

const TABLE = 2 ** 20;

/** What a batch's images draw from: one generator in turn, or each its own. */
export type Randoms = Random | Random[];

/** The generator of image `image`. */
export const randomOf = (randoms: Randoms, image: number): Random =>
  Array.isArray(randoms) ? randoms[image] : randoms;

/**
 * Noise from a table of a million normal numbers: each image reads it from a place of its own, forwards or backwards in
 * sign, as its generator draws. Two images may share a stretch of the table; no image sees one twice up to 591 px.
 */
export function noiseFrom(table: Float32Array, randoms: Randoms): Noise {
  return (shape) => {
    const [B, ...rest] = shape;
    const each = rest.reduce((product, side) => product * side, 1);
    const out = new Float32Array(B * each);
    for (let b = 0; b < B; b++) {
      const random = randomOf(randoms, b);
      const sign = random.next() < 0.5 ? -1 : 1;
      for (let done = 0, from = random.int(table.length); done < each; from = 0) {
        const part = table.subarray(from, Math.min(table.length, from + each - done));
        for (let i = 0, at = b * each + done; i < part.length; i++) out[at + i] = sign * part[i];
        done += part.length;
      }
    }
    return tensor(out, shape);
  };
}

/** The table for `noiseFrom` that a seed makes. */
export function noiseTable(seed: number): Float32Array {
  const random = new Random(seed).fork("noise table");
  return Float32Array.from({ length: TABLE }, () => random.normal(0, 1));
}
