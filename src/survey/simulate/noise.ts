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

/**
 * Layers of equal area under the normal density, from the outermost in: their right ends in units of 2^-24, and the
 * density there (Marsaglia & Tsang 2000, "The ziggurat method for generating random variables").
 */
const LAYERS = 256;
const TAIL = 3.6541528853610088;
const AREA = 0.00492867323399;
const edges = new Float64Array(LAYERS + 1);
const densities = new Float64Array(LAYERS + 1);
const density = (x: number) => Math.exp(-0.5 * x * x);
edges[0] = AREA / density(TAIL);
edges[1] = TAIL;
for (let i = 2; i < LAYERS; i++) edges[i] = Math.sqrt(-2 * Math.log(AREA / edges[i - 1] + density(edges[i - 1])));
for (let i = 0; i <= LAYERS; i++) densities[i] = density(edges[i]);

/** A standard normal number from 32 random bits; from more of them in about one case of a hundred. */
function normalOf(random: Random): number {
  for (;;) {
    const bits = random.nextUint32();
    const layer = bits & 255;
    const share = (bits >> 8) / 2 ** 23;
    const x = share * edges[layer];
    if (Math.abs(x) < edges[layer + 1]) return x;
    if (layer === 0) {
      // Beyond the outermost layer's right end (Marsaglia 1964).
      for (;;) {
        const beyond = -Math.log(1 - random.next()) / TAIL;
        if (-2 * Math.log(1 - random.next()) > beyond * beyond) return share < 0 ? -TAIL - beyond : TAIL + beyond;
      }
    }
    if (densities[layer] + random.next() * (densities[layer + 1] - densities[layer]) < density(x)) return x;
  }
}

/** Adds noise to planes [3, S, S]: sky, slightly correlated as resampled stacks are, and photons of the objects. */
export function addNoise(planes: Float32Array, sizePx: number, sigmas: number[], random: Random): void {
  const S = sizePx;
  const white = new Float32Array(S * S);
  for (const [band, sigma] of sigmas.entries()) {
    for (let p = 0; p < white.length; p++) white[p] = normalOf(random);
    const [own, shared] = [sigma * NOISE_NORM, sigma * NOISE_NORM * SHARED];
    const perFlux = 1 / ELECTRONS_PER_NANOMAGGY[band];
    const plane = planes.subarray(band * S * S, (band + 1) * S * S);
    for (let y = 0; y < S; y++) {
      const above = Math.max(0, y - 1) * S;
      const below = Math.min(S - 1, y + 1) * S;
      for (let x = 0; x < S; x++) {
        const p = y * S + x;
        const around = white[x > 0 ? p - 1 : p] + white[x < S - 1 ? p + 1 : p] + white[above + x] + white[below + x];
        const flux = plane[p];
        const photons = flux > 0 ? Math.sqrt(flux * perFlux) * normalOf(random) : 0;
        plane[p] = flux + own * white[p] + shared * around + photons;
      }
    }
  }
}
