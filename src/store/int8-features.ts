/**
 * Feature sets in eight bits: a quarter of the bytes on disk, and so of what a ranking reads. Offset and scale of each
 * column come from its range in the whole set, so that they are made of a finished set or of its finished parts.
 */
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "../base/checksum.ts";
import { writeError, writeFileAtomic } from "../base/files.ts";
import { lockFolder } from "../base/lock.ts";
import { decoded, type EightBits, encoded } from "../base/row-matrix.ts";
import { matrixIn, rowsOfBlock } from "./feature-blocks.ts";
import { type FeatureHeader, headerIn, openFeatures } from "./features.ts";

/**
 * Numbers further than so many standard deviations from their column's mean are cut to that: a damaged image would else
 * cost all others their digits. A step is then at most 0.13 of a standard deviation.
 */
const FURTHEST_SD = 16;
const STEPS = 127;

/** How large a column's numbers are and what they lose in eight bits. */
interface Columns {
  count: number;
  mean: Float64Array;
  sd: Float64Array;
  least: Float64Array;
  most: Float64Array;
}

/** What eight bits cost a set. */
export interface Int8Cost {
  header: FeatureHeader;
  /** The largest difference of a number that was not cut, in standard deviations of its column. */
  worstSd: number;
  /** Numbers beyond the range. */
  cut: number;
}

function columnsOf(blocks: Iterable<Float32Array>, dim: number): Columns {
  const [sum, square] = [new Float64Array(dim), new Float64Array(dim)];
  const least = new Float64Array(dim).fill(Number.POSITIVE_INFINITY);
  const most = new Float64Array(dim).fill(Number.NEGATIVE_INFINITY);
  let count = 0;
  for (const block of blocks) {
    count += block.length / dim;
    for (let at = 0; at < block.length; )
      for (let d = 0; d < dim; d++, at++) {
        const value = block[at];
        sum[d] += value;
        square[d] += value * value;
        if (value < least[d]) least[d] = value;
        if (value > most[d]) most[d] = value;
      }
  }
  const mean = sum.map((total) => total / count);
  return {
    count,
    mean,
    sd: square.map((total, d) => Math.sqrt(Math.max(0, total / count - mean[d] ** 2))),
    least,
    most,
  };
}

/** Offset and scale of each column, from its range. */
function codeFor({ mean, sd, least, most }: Columns): EightBits {
  const low = least.map((value, d) => Math.max(value, mean[d] - FURTHEST_SD * sd[d]));
  const high = most.map((value, d) => Math.min(value, mean[d] + FURTHEST_SD * sd[d]));
  const offset = Float32Array.from(low, (value, d) => (value + high[d]) / 2);
  const scale = Float32Array.from(offset, (middle, d) => Math.max(high[d] - middle, middle - low[d]) / STEPS);
  // A column that is the same for all needs no steps.
  return { offset, scale: scale.map((step) => (step > 0 ? step : 1)) };
}

/** The code in eight bits of features [count, dim]. */
export const eightBitsFor = (features: Float32Array, dim: number): EightBits => codeFor(columnsOf([features], dim));

/**
 * Writes blocks of features, in the order of their rows, as a set in eight bits into `folder`; `blocks` is asked twice.
 * What is there stays whole until the new set is.
 */
export function writeInt8(
  folder: string,
  { shard: _, ...from }: FeatureHeader,
  blocks: () => Iterable<Float32Array>,
): Int8Cost {
  const { dim } = from;
  const columns = columnsOf(blocks(), dim);
  const code = codeFor(columns);
  const int8 = { offset: [...code.offset], scale: [...code.scale] };
  const header: FeatureHeader = { ...from, count: columns.count, int8, blocksDone: [], sums: [] };
  const path = matrixIn(folder, header);
  const file = openSync(path, "w");
  let [worstSd, cut] = [0, 0];
  try {
    for (const block of blocks()) {
      const stored = encoded(block, code);
      writeSync(file, stored);
      header.blocksDone.push(header.blocksDone.length);
      header.sums?.push(crc32(stored));
      const back = decoded(stored, code);
      for (let at = 0; at < block.length; )
        for (let d = 0; d < dim; d++, at++) {
          const off = Math.abs(back[at] - block[at]);
          if (off > 0.51 * code.scale[d]) cut++;
          else if (off > worstSd * columns.sd[d]) worstSd = off / columns.sd[d];
        }
    }
    fsyncSync(file);
  } catch (cause) {
    throw writeError(path, cause);
  } finally {
    closeSync(file);
  }
  writeFileAtomic(join(folder, "features.json"), JSON.stringify(header));
  return { header, worstSd, cut };
}

/**
 * Stores a finished set in eight bits, in the place of its float32 file; null where it is so already. Throws
 * FEATURES_MISSING, FEATURES_UNFINISHED, FEATURES_BROKEN, LOCKED.
 */
export function storeInInt8(survey: string, model: string): Int8Cost | null {
  const features = openFeatures(survey, model);
  const folder = join(survey, "features", model);
  const release = lockFolder(folder, "embed");
  try {
    const header = headerIn(join(folder, "features.json"));
    if (header.int8 !== undefined) return null;
    const { blockRows } = header;
    const cost = writeInt8(folder, header, function* () {
      for (let block = 0; block * blockRows < header.count; block++)
        yield features.rows(block * blockRows, block * blockRows + rowsOfBlock(header, block));
    });
    rmSync(matrixIn(folder, {}), { force: true });
    return cost;
  } finally {
    release();
    features.close();
  }
}
