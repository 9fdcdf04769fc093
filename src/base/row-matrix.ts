/** Matrices of many rows that are read some at a time, whatever they are stored as. */
import { forgetPages, gatherRows } from "./map-file.ts";

/** Rows of numbers, [count, dim], in memory or in a mapped file. */
export interface RowMatrix {
  readonly count: number;
  readonly dim: number;
  /** Rows `from` to before `to`, [to - from, dim]: to be read, not written. A view where they are stored so. */
  rows(from: number, to: number): Float32Array;
  /** A copy of rows here and there, [rows.length, dim]; of a mapped file only they are read. */
  gather(rows: ArrayLike<number>): Float32Array;
  /** Says that a pass has left these rows behind it: a mapped file's go out of this process's memory. */
  forget(from: number, to: number): void;
}

/** Numbers in eight bits: column d holds `offset[d] + scale[d] * q` for a stored q from -127 to 127. */
export interface EightBits {
  offset: Float32Array;
  scale: Float32Array;
}

/** Rows that a pass over a matrix has at hand at a time. */
export const PASS_ROWS = 4096;

/** A matrix over float32 numbers, [values.length / dim, dim]. */
export function floatRows(values: Float32Array, dim: number): RowMatrix {
  const part = (from: number, to: number) => values.subarray(from * dim, to * dim);
  return {
    count: values.length / dim,
    dim,
    rows: part,
    gather: (rows) => gatherRows(values, dim, rows),
    forget: (from, to) => forgetPages(part(from, to)),
  };
}

/** A matrix over numbers of eight bits, [values.length / dim, dim], decoded as they are read. */
export function eightBitRows(values: Int8Array, dim: number, code: EightBits): RowMatrix {
  const part = (from: number, to: number) => values.subarray(from * dim, to * dim);
  // Four numbers together are as wide as the numbers that `gatherRows` copies.
  const wide = dim % 4 === 0 ? new Float32Array(values.buffer, values.byteOffset, values.length / 4) : null;
  return {
    count: values.length / dim,
    dim,
    rows: (from, to) => decoded(part(from, to), code),
    gather(rows) {
      if (wide !== null) return decoded(new Int8Array(gatherRows(wide, dim / 4, rows).buffer), code);
      const own = new Int8Array(rows.length * dim);
      for (let i = 0; i < rows.length; i++) own.set(part(rows[i], rows[i] + 1), i * dim);
      return decoded(own, code);
    },
    forget: (from, to) => forgetPages(part(from, to)),
  };
}

/** The numbers [n, dim] that stand for stored ones. */
export function decoded(stored: Int8Array, { offset, scale }: EightBits): Float32Array {
  const dim = offset.length;
  const out = new Float32Array(stored.length);
  for (let at = 0; at < out.length; ) for (let d = 0; d < dim; d++, at++) out[at] = offset[d] + scale[d] * stored[at];
  return out;
}

/** The nearest that can be stored for numbers [n, dim]; what lies beyond the range is stored as its end. */
export function encoded(values: Float32Array, { offset, scale }: EightBits): Int8Array {
  const dim = offset.length;
  const out = new Int8Array(values.length);
  for (let at = 0; at < out.length; )
    for (let d = 0; d < dim; d++, at++)
      out[at] = Math.max(-127, Math.min(127, Math.round((values[at] - offset[d]) / scale[d])));
  return out;
}

/** Calls `each` with every block of rows, first to last, and forgets what lies behind. */
export function passOver(matrix: RowMatrix, each: (block: Float32Array, from: number, to: number) => void): void {
  for (let from = 0; from < matrix.count; from += PASS_ROWS) {
    const to = Math.min(matrix.count, from + PASS_ROWS);
    each(matrix.rows(from, to), from, to);
    matrix.forget(from, to);
  }
}
