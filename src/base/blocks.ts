/** A range of rows: `from` to before `to`. */
export interface Block {
  from: number;
  to: number;
}

/** Rows 0 to before `count` in blocks of `size`, in order; the last one may be smaller. */
export function blocks(count: number, size: number): Block[] {
  return Array.from({ length: Math.ceil(count / size) }, (_, i) => ({
    from: i * size,
    to: Math.min(count, (i + 1) * size),
  }));
}
