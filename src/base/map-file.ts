/** Large files as memory that processes share and the system reads when it is touched. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { PACKAGE_ROOT } from "./paths.ts";

const ADDON = join(PACKAGE_ROOT, "native/build/Release/map.node");

interface Addon {
  mapFile(path: string): ArrayBuffer;
  // Native parts of earlier versions have neither.
  forgetPages?(view: ArrayBufferView): void;
  gatherRows?(view: Float32Array, width: number, rows: Uint32Array, into: Float32Array): void;
}

let addon: Addon | null = null;
/** Memory that is a file's. Pages of any other would be lost with what is in them. */
const mapped = new WeakSet<ArrayBufferLike>();

/**
 * The bytes of a file, mapped: nothing is read before it is touched, and every process that maps the file has the same
 * pages. Null where it cannot be (no native part, a file system without maps): read it then. What is written there does
 * not reach the file. A file that is cut short while it is mapped ends the process that touches what is gone.
 */
export function mapFile(path: string): ArrayBuffer | null {
  if (!existsSync(ADDON)) return null;
  try {
    addon ??= createRequire(import.meta.url)(ADDON) as Addon;
    const bytes = addon.mapFile(path);
    mapped.add(bytes);
    return bytes;
  } catch {
    return null;
  }
}

/**
 * Takes a part of a mapped file out of this process's memory, so that a pass over a large file holds little of it at a
 * time: the system has the pages still, and gives them again when they are touched (what was written there is lost).
 * Nothing happens to memory of other kinds.
 */
export function forgetPages(view: ArrayBufferView): void {
  if (mapped.has(view.buffer)) addon?.forgetPages?.(view);
}

/**
 * Copies rows of a matrix [count, dim], [rows.length, dim]. Of a mapped file they are read from the file, so that rows
 * here and there do not bring all that lies around them into memory.
 */
export function gatherRows(matrix: Float32Array, dim: number, rows: ArrayLike<number>): Float32Array {
  const out = new Float32Array(rows.length * dim);
  if (mapped.has(matrix.buffer) && addon?.gatherRows !== undefined)
    addon.gatherRows(matrix, dim, rows instanceof Uint32Array ? rows : Uint32Array.from(rows), out);
  else for (let i = 0; i < rows.length; i++) out.set(matrix.subarray(rows[i] * dim, (rows[i] + 1) * dim), i * dim);
  return out;
}
