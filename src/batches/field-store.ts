/** The rendered pixels of many fields in one file, of which any is read in a moment. */
import { closeSync, existsSync, openSync, readSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import { SkyloopError } from "../base/errors.ts";
import { openToRead, writeError } from "../base/files.ts";
import type { Progress } from "../base/progress.ts";

const LEVELS = 65535;

/** A part of a field that begins at pixel (x, y). */
export interface Window {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Fields that are rendered once and read often: [3, height, width] in [0, 1] each, in steps of 1 / 65535. */
export class FieldStore {
  readonly #file: number;
  readonly #sizes: readonly { width: number; height: number }[];
  readonly #offsets: number[];

  private constructor(path: string, sizes: readonly { width: number; height: number }[]) {
    this.#file = openToRead(path);
    this.#sizes = sizes;
    this.#offsets = offsetsOf(sizes);
  }

  /**
   * Opens the file of these fields, and makes it where there is none of their size: `render` gives field i. Pixels that
   * are no numbers are dark. Throws WRITE_FAILED, DISK_FULL, and what `render` throws.
   */
  static async open(
    path: string,
    sizes: readonly { width: number; height: number }[],
    render: (i: number) => Promise<Float32Array>,
    progress: Progress,
  ): Promise<FieldStore> {
    const bytes = offsetsOf(sizes)[sizes.length];
    if (!existsSync(path) || statSync(path).size !== bytes) await write(path, sizes, render, progress);
    return new FieldStore(path, sizes);
  }

  /** Field i, [3, height, width]. */
  read(i: number): Float32Array {
    const { width, height } = this.#sizes[i];
    return this.window(i, { x: 0, y: 0, width, height });
  }

  /** The part of field i that begins at (x, y) and lies within it, [3, height, width]. */
  window(i: number, { x, y, width, height }: Window): Float32Array {
    const { width: W, height: H } = this.#sizes[i];
    const out = new Float32Array(3 * width * height);
    const rows = new Uint16Array(width === 0 || height === 0 ? 0 : (height - 1) * W + width);
    for (let band = 0; band < 3; band++) {
      this.#fill(new Uint8Array(rows.buffer), this.#offsets[i] + 2 * ((band * H + y) * W + x));
      for (let row = 0; row < height; row++) {
        const to = (band * height + row) * width;
        for (let column = 0; column < width; column++) out[to + column] = rows[row * W + column] / LEVELS;
      }
    }
    return out;
  }

  /** Reads bytes of the file from `from` on. */
  #fill(into: Uint8Array, from: number): void {
    for (let at = 0; at < into.length; ) {
      const got = readSync(this.#file, into, at, into.length - at, from + at);
      if (got === 0) throw new SkyloopError("FILE_UNREADABLE", "the file of rendered fields was cut short; delete it");
      at += got;
    }
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** Where each field begins, and where the last one ends, in bytes. */
function offsetsOf(sizes: readonly { width: number; height: number }[]): number[] {
  const offsets = [0];
  for (const { width, height } of sizes) offsets.push(offsets[offsets.length - 1] + 6 * width * height);
  return offsets;
}

async function write(
  path: string,
  sizes: readonly { width: number; height: number }[],
  render: (i: number) => Promise<Float32Array>,
  progress: Progress,
): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    const file = openSync(temporary, "w");
    try {
      for (let i = 0; i < sizes.length; i++) {
        const pixels = await render(i);
        const stored = Uint16Array.from(pixels, (value) =>
          Number.isFinite(value) ? Math.round(LEVELS * Math.min(1, Math.max(0, value))) : 0,
        );
        writeSync(file, new Uint8Array(stored.buffer));
        progress.update(i + 1, sizes.length);
      }
    } finally {
      closeSync(file);
      progress.end();
    }
    renameSync(temporary, path);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw writeError(path, cause);
  }
}
