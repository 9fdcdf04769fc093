/** Whether blocks of features on disk are what was written: length, checksum, finite numbers. */
import { readSync } from "node:fs";
import { crc32 } from "../base/checksum.ts";

/** The part of features.json that says what must be there. */
export interface BlockHeader {
  dim: number;
  count: number;
  blockRows: number;
  blocksDone: number[];
  /** CRC-32 of each block of `blocksDone`, in its order; sets of earlier versions have none. */
  sums?: number[];
}

/** How many objects a block holds: the last one may have fewer. */
export const rowsOfBlock = ({ blockRows, count }: BlockHeader, block: number) =>
  Math.min(blockRows, count - block * blockRows);

/** Fills `into` from row `from` on; false where the file ends before. */
export function readRows(file: number, { dim }: BlockHeader, from: number, into: Float32Array): boolean {
  const view = new Uint8Array(into.buffer, into.byteOffset, into.byteLength);
  for (let done = 0; done < view.length; ) {
    const got = readSync(file, view, done, Math.min(view.length - done, 2 ** 30), from * dim * 4 + done);
    if (got === 0) return false;
    done += got;
  }
  return true;
}

/** The first row that holds a number that is not finite; -1 where there is none. */
export function notFinite(rows: Float32Array, dim: number): number {
  for (let i = 0; i < rows.length; i++) if (!Number.isFinite(rows[i])) return Math.floor(i / dim);
  return -1;
}

/**
 * What is wrong with a block that the header lists as done, in words; null where it is sound. Without a checksum (sets
 * of earlier versions) zeros are all that can be told by. A stamp that could not be read has zeros too: so a reader
 * takes a block of nothing but zeros for one that was never written, and a writer (`again`) any row of them.
 */
export function faultOf(header: BlockHeader, block: number, values: Float32Array, again = false): string | null {
  const sum = header.sums?.[header.blocksDone.indexOf(block)];
  if (sum === undefined) {
    const step = again ? header.dim : values.length;
    for (let at = 0; at < values.length; at += step)
      if (values.subarray(at, at + step).every((value) => value === 0)) return "has nothing but zeros";
  } else if (crc32(values) !== sum) return "is not what was written";
  return notFinite(values, header.dim) >= 0 ? "holds numbers that are not finite" : null;
}
