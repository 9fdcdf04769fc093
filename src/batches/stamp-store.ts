/** Images that training draws from, in half precision: in memory, or in a file where they would take too much of it. */
import { closeSync, openSync, readSync, unlinkSync, writeSync } from "node:fs";
import { writeError } from "../base/files.ts";
import { cat, keep, type Tensor, tensor, tensorBytes, tensorFromBytes } from "../torch/index.ts";

export interface StampStore {
  /** Images [n, 3, S, S] in single precision, in the order asked for. */
  take(rows: number[]): Tensor;
  close(): void;
}

/** Takes blocks of images [n, 3, S, S] one after the other. */
export interface StampWriter {
  add(block: Tensor): void;
  finish(): StampStore;
}

/** A store in memory. */
export function storeInMemory(): StampWriter {
  const parts: Tensor[] = [];
  return {
    add: (block) => void parts.push(keep(block.to("float16"))),
    finish() {
      const images = keep(cat(parts, 0));
      for (const part of parts) part.dispose();
      return {
        take: (rows) => images.indexSelect(0, tensor(BigInt64Array.from(rows, BigInt), [rows.length])).to("float32"),
        close: () => images.dispose(),
      };
    },
  };
}

/**
 * A store in the file `path`, which nobody else sees: its name is taken away at once, and the system frees it when this process ends, however it does. Batches are
 * read image by image; what was read stays in the system's cache as far as there is memory. Throws DISK_FULL, WRITE_FAILED.
 */
export function storeInFile(path: string, sizePx: number): StampWriter {
  const bytes = 2 * 3 * sizePx * sizePx;
  let file: number;
  try {
    file = openSync(path, "w+");
    unlinkSync(path);
  } catch (cause) {
    throw writeError(path, cause);
  }
  return {
    add(block) {
      const half = tensorBytes(block.to("float16").contiguous());
      try {
        for (let done = 0; done < half.length; ) done += writeSync(file, half, done);
      } catch (cause) {
        throw writeError(path, cause);
      }
    },
    finish: () => ({
      take(rows) {
        const into = new Uint8Array(rows.length * bytes);
        for (const [i, row] of rows.entries()) readSync(file, into, i * bytes, bytes, row * bytes);
        return tensorFromBytes(into, [rows.length, 3, sizePx, sizePx], "float16").to("float32");
      },
      close: () => closeSync(file),
    }),
  };
}
