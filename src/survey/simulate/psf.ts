/** Point spread: a Moffat (1969) profile, as the Legacy Surveys' stacks have it. */
import { convolve, type Kernel } from "./fourier.ts";
import type { Frame } from "./frame.ts";

/** How steeply the wings fall. */
export const MOFFAT_BETA = 3.2;

/**
 * A normalised kernel [k, k], k odd, of a Moffat of the given full width at half maximum in pixels, cut at `reach` such widths.
 */
export function moffatKernel(fwhmPx: number, beta: number, reach = 2.1): Kernel {
  const alpha = fwhmPx / (2 * Math.sqrt(2 ** (1 / beta) - 1));
  const half = Math.ceil(reach * fwhmPx);
  const size = 2 * half + 1;
  const values = new Float32Array(size * size);
  let total = 0;
  // One eighth of it; the rest mirrors this.
  for (let y = 0; y <= half; y++)
    for (let x = 0; x <= y; x++) {
      // A round cut: a square one shows around bright stars.
      if (Math.hypot(x, y) > half) continue;
      let value = 0;
      for (const sy of [-1 / 3, 0, 1 / 3])
        for (const sx of [-1 / 3, 0, 1 / 3]) value += (1 + ((x + sx) ** 2 + (y + sy) ** 2) / alpha ** 2) ** -beta;
      for (const [row, column] of [
        [y, x],
        [x, y],
      ])
        for (const at of [half + column, half - column]) {
          values[(half + row) * size + at] = value;
          values[(half - row) * size + at] = value;
        }
    }
  for (const value of values) total += value;
  for (let i = 0; i < values.length; i++) values[i] /= total;
  return { size, values };
}

/** Spreads each band of a frame by its kernel; light that leaves the frame is lost. */
export function spread({ sizePx, planes }: Frame, kernels: Kernel[]): Float32Array {
  return convolve(planes, sizePx, kernels);
}
