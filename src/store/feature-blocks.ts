/** Whether blocks of features on disk are what was written: length, checksum, finite numbers. */
import { readSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "../base/checksum.ts";
import type { EightBits } from "../base/row-matrix.ts";

/** The part of features.json that says what must be there. */
export interface BlockHeader {
  dim: number;
  count: number;
  blockRows: number;
  blocksDone: number[];
  /** CRC-32 of each block of `blocksDone`, in its order; sets of earlier versions have none. */
  sums?: number[];
  /** Of a set that is stored in eight bits: column d of a stored q is offset[d] + scale[d] * q. */
  int8?: { offset: number[]; scale: number[] };
}

/** Numbers as they are stored: float32, or eight bits. */
export type Stored = Float32Array | Int8Array;

type Layout = Pick<BlockHeader, "count" | "dim" | "int8">;

/** The file of a set's numbers, in its folder. */
export const matrixIn = (folder: string, { int8 }: Pick<Layout, "int8">): string =>
  join(folder, int8 === undefined ? "features.f32" : "features.i8");

/** How many bytes a whole set has. */
export const bytesOf = ({ count, dim, int8 }: Layout): number => count * dim * (int8 === undefined ? 4 : 1);

/** Place for `length` numbers as a set stores them. */
export const storedOf = ({ int8 }: Pick<Layout, "int8">, length: number): Stored =>
  int8 === undefined ? new Float32Array(length) : new Int8Array(length);

/** The offsets and scales of a set in eight bits. */
export function eightBitsOf({ int8 }: Pick<Layout, "int8">): EightBits | null {
  return int8 === undefined ? null : { offset: Float32Array.from(int8.offset), scale: Float32Array.from(int8.scale) };
}

/** How many objects a block holds: the last one may have fewer. */
export const rowsOfBlock = ({ blockRows, count }: BlockHeader, block: number) =>
  Math.min(blockRows, count - block * blockRows);

/** Fills `into` from row `from` on; false where the file ends before. */
export function readRows(file: number, { dim }: BlockHeader, from: number, into: Stored): boolean {
  const start = from * dim * into.BYTES_PER_ELEMENT;
  const view = new Uint8Array(into.buffer, into.byteOffset, into.byteLength);
  for (let done = 0; done < view.length; ) {
    const got = readSync(file, view, done, Math.min(view.length - done, 2 ** 30), start + done);
    if (got === 0) return false;
    done += got;
  }
  return true;
}

/** The first row that holds a number that is not finite; -1 where there is none. */
export function notFinite(rows: Stored, dim: number): number {
  if (rows instanceof Int8Array) return -1;
  for (let i = 0; i < rows.length; i++) if (!Number.isFinite(rows[i])) return Math.floor(i / dim);
  return -1;
}

/**
 * What is wrong with a block that the header lists as done, in words; null where it is sound. Without a checksum (sets
 * of earlier versions) zeros are all that can be told by. A stamp that could not be read has zeros too: so a reader
 * takes a block of nothing but zeros for one that was never written, and a writer (`again`) any row of them.
 */
export function faultOf(header: BlockHeader, block: number, values: Stored, again = false): string | null {
  // Most often the blocks stand in their order: millions of objects have many.
  const at = header.blocksDone[block] === block ? block : header.blocksDone.indexOf(block);
  const sum = header.sums?.[at];
  if (sum === undefined) {
    const step = again ? header.dim : values.length;
    for (let at = 0; at < values.length; at += step)
      if (values.subarray(at, at + step).every((value) => value === 0)) return "has nothing but zeros";
  } else if (crc32(values) !== sum) return "is not what was written";
  return notFinite(values, header.dim) >= 0 ? "holds numbers that are not finite" : null;
}
