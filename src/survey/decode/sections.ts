/** Parts of large images, and images unpacked for that. */
import { closeSync, openSync, writeSync } from "node:fs";
import { writeError } from "../../base/files.ts";
import { openFits } from "../fits.ts";

/** Columns and rows x0, y0, width, height of an HDU. */
export interface Section {
  path: string;
  hdu: number;
  box: [number, number, number, number];
}

/** Rows unpacked at a time: a multiple of what tile compression usually takes together. */
const ROWS = 256;

/** Writes a packed image as float32 [planes, H, W]. Throws FITS_UNREADABLE, DISK_FULL. */
export function unpackImage({ path, hdu, to }: { path: string; hdu: number; to: string }): void {
  const source = openFits(path);
  const [widthPx, heightPx, ...others] = source.hdus[hdu].shape;
  const planes = others.reduce((product, n) => product * n, 1);
  const file = openSync(to, "w");
  try {
    for (let y = 0; y < heightPx; y += ROWS) {
      const rows = Math.min(ROWS, heightPx - y);
      const part = source.pixels(hdu, [0, y, widthPx, rows]);
      for (let plane = 0; plane < planes; plane++) {
        const own = part.subarray(plane * rows * widthPx, (plane + 1) * rows * widthPx);
        writeAll(file, own, 4 * widthPx * (plane * heightPx + y), to);
      }
    }
  } finally {
    closeSync(file);
  }
}

function writeAll(file: number, values: Float32Array, position: number, path: string): void {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  try {
    for (let done = 0; done < bytes.length; )
      done += writeSync(file, bytes, done, bytes.length - done, position + done);
  } catch (cause) {
    throw writeError(path, cause);
  }
}
