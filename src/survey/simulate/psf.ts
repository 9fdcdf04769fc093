/** Point spread: a Moffat (1969) profile, as the Legacy Surveys' stacks have it. */
import type { Frame } from "./frame.ts";

/** A normalised kernel [k, k], k odd, of a Moffat of the given full width at half maximum in pixels. */
export function moffatKernel(fwhmPx: number, beta: number): { size: number; values: Float32Array } {
  const alpha = fwhmPx / (2 * Math.sqrt(2 ** (1 / beta) - 1));
  const half = Math.ceil(2.1 * fwhmPx);
  const size = 2 * half + 1;
  const values = new Float32Array(size * size);
  let total = 0;
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++) {
      // A round cut: a square one shows around bright stars.
      if (Math.hypot(x - half, y - half) > half) continue;
      let value = 0;
      for (const sy of [-1 / 3, 0, 1 / 3])
        for (const sx of [-1 / 3, 0, 1 / 3])
          value += (1 + ((x - half + sx) ** 2 + (y - half + sy) ** 2) / alpha ** 2) ** -beta;
      values[y * size + x] = value;
      total += value;
    }
  for (let i = 0; i < values.length; i++) values[i] /= total;
  return { size, values };
}

/** Spreads each band of a frame by its kernel; light that leaves the frame is lost. */
export function spread({ sizePx: S, planes }: Frame, kernels: { size: number; values: Float32Array }[]): Float32Array {
  const out = new Float32Array(planes.length);
  for (const [band, { size, values }] of kernels.entries()) {
    const half = (size - 1) / 2;
    const from = planes.subarray(band * S * S, (band + 1) * S * S);
    const into = out.subarray(band * S * S, (band + 1) * S * S);
    for (let y = 0; y < S; y++)
      for (let ky = Math.max(0, y + half - S + 1); ky < Math.min(size, y + half + 1); ky++) {
        const row = (y + half - ky) * S;
        for (let kx = 0; kx < size; kx++) {
          const weight = values[ky * size + kx];
          if (weight === 0) continue;
          const shift = half - kx;
          const end = Math.min(S, S - shift);
          for (let x = Math.max(0, -shift); x < end; x++) into[y * S + x] += weight * from[row + x + shift];
        }
      }
  }
  return out;
}
