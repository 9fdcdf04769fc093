/** Sky and photon noise at the depth of the Legacy Surveys. */
import type { Random } from "../../base/random.ts";
import { fluxOf, PIXEL_SCALE_ARCSEC } from "./frame.ts";

/**
 * Share of each of four neighbours' white noise in a pixel's; the weights' squares sum to one, so that a pixel keeps
 * the stated sigma.
 */
const SHARED = 0.22;
const NOISE_NORM = 1 / Math.sqrt(1 + 4 * SHARED * SHARED);
const SUM_OVER_PIXEL = (1 + 4 * SHARED) * NOISE_NORM;

/**
 * Sky noise of one pixel in nanomaggies from the 5-sigma point-source depth. A point source measured with the PSF as
 * weight has the noise of N = 4 pi s^2 pixels, s the PSF's Gaussian width in pixels: 5 sigma sqrt(N) = flux of the
 * depth. Neighbouring pixels of a resampled stack share noise, which a sum over many pixels sees more of than one pixel
 * does: a pixel's own sigma is smaller by that factor. Measured in Legacy Survey cutouts: 0.0018, 0.0028, 0.008
 * nanomaggies in g, r, z.
 */
export function skySigma(depth5Sigma: number, fwhmArcsec: number): number {
  const s = fwhmArcsec / 2.3548 / PIXEL_SCALE_ARCSEC;
  return fluxOf(depth5Sigma) / 5 / Math.sqrt(4 * Math.PI * s * s) / SUM_OVER_PIXEL;
}

/**
 * Electrons a nanomaggy in a stack of three exposures (g, r 90 s and z 100 s each; zero points 26.5, 26.6, 26.2 for 1
 * e/s).
 */
export const ELECTRONS_PER_NANOMAGGY = [
  3 * 90 * 10 ** (0.4 * (26.5 - 22.5)),
  3 * 90 * 10 ** (0.4 * (26.6 - 22.5)),
  3 * 100 * 10 ** (0.4 * (26.2 - 22.5)),
];

/** Adds noise to planes [3, S, S]: sky, slightly correlated as resampled stacks are, and photons of the objects. */
export function addNoise(planes: Float32Array, sizePx: number, sigmas: number[], random: Random): void {
  const N = sizePx * sizePx;
  const white = new Float32Array(N);
  for (const [band, sigma] of sigmas.entries()) {
    for (let p = 0; p < N; p++) white[p] = random.normal();
    for (let y = 0; y < sizePx; y++)
      for (let x = 0; x < sizePx; x++) {
        const p = y * sizePx + x;
        const around =
          white[y * sizePx + Math.max(0, x - 1)] +
          white[y * sizePx + Math.min(sizePx - 1, x + 1)] +
          white[Math.max(0, y - 1) * sizePx + x] +
          white[Math.min(sizePx - 1, y + 1) * sizePx + x];
        const at = band * N + p;
        const photons = Math.sqrt(Math.max(0, planes[at]) / ELECTRONS_PER_NANOMAGGY[band]);
        planes[at] += sigma * NOISE_NORM * (white[p] + SHARED * around) + (photons > 0 ? photons * random.normal() : 0);
      }
  }
}
