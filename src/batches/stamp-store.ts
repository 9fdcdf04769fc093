/**
 * Images that training draws from, in half precision: in memory, or in a file where they would take too much of it.
 * Threads share them.
 */
import { closeSync, openSync, readSync, unlinkSync, writeSync } from "node:fs";
import { writeError } from "../base/files.ts";
import { type Tensor, tensorBytes, tensorFromBytes } from "../torch/index.ts";

/** Images in shared memory or in a file, described so that other threads of this process can read them. */
export interface StoredImages {
  sizePx: number;
  /** The images' bytes (shared, for other threads to read them), or the number of an open file that holds them. */
  images: ArrayBufferLike | number;
  /** Where not all images are held: the place of each row's image among those that are, -1 for the others. */
  heldAt?: Int32Array;
}

/** Images that were written, in memory or in a file; `close` removes the file. */
export interface StampStore {
  place: StoredImages;
  close(): void;
}

/** Takes blocks of images [n, 3, S, S] one after the other. */
export interface StampWriter {
  add(block: Tensor): void;
  finish(): StampStore;
}

/**
 * Reads images [n, 3, S, S] in single precision from where they lie, in the order asked for; closing them is the
 * business of who put them there.
 */
export function takeFrom({ sizePx, images, heldAt }: StoredImages): (rows: number[]) => Tensor {
  const bytes = 2 * 3 * sizePx * sizePx;
  const memory = typeof images === "number" ? null : new Uint8Array(images);
  return (rows) => {
    const into = new Uint8Array(rows.length * bytes);
    for (const [i, row] of rows.entries()) {
      const at = heldAt === undefined ? row : heldAt[row];
      if (at < 0) throw new Error(`the image of row ${row} is held by another process`);
      if (memory !== null) into.set(memory.subarray(at * bytes, (at + 1) * bytes), i * bytes);
      else readSync(images as number, into, i * bytes, bytes, at * bytes);
    }
    return tensorFromBytes(into, [rows.length, 3, sizePx, sizePx], "float16").to("float32");
  };
}

const halfBytes = (block: Tensor): Uint8Array => tensorBytes(block.to("float16").contiguous());

/** Keeps images [n, 3, S, S] in half precision in one buffer that threads share. */
export function storeInMemory(sizePx: number): StampWriter {
  const parts: Uint8Array[] = [];
  return {
    add: (block) => void parts.push(halfBytes(block)),
    finish() {
      const images = new SharedArrayBuffer(parts.reduce((sum, { length }) => sum + length, 0));
      const all = new Uint8Array(images);
      let at = 0;
      for (const part of parts.splice(0)) {
        all.set(part, at);
        at += part.length;
      }
      const place = { sizePx, images };
      return { place, close: () => {} };
    },
  };
}

/**
 * A store in the file `path`, which nobody else sees: its name is taken away at once, and the system frees it when this
 * process ends, however it does. Batches are read image by image; what was read stays in the system's cache as far as
 * there is memory. Throws DISK_FULL, WRITE_FAILED.
 */
export function storeInFile(path: string, sizePx: number): StampWriter {
  let file: number;
  try {
    file = openSync(path, "w+");
    unlinkSync(path);
  } catch (cause) {
    throw writeError(path, cause);
  }
  return {
    add(block) {
      const half = halfBytes(block);
      try {
        for (let done = 0; done < half.length; ) done += writeSync(file, half, done);
      } catch (cause) {
        throw writeError(path, cause);
      }
    },
    finish() {
      const place = { sizePx, images: file };
      return { place, close: () => closeSync(file) };
    },
  };
}
