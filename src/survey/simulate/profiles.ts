/** Brightness profiles of galaxies, in arbitrary units; lengths in pixels. */
import { powerTable } from "./tables.ts";

/** Sersic (1963) with half-light radius `radius`; b by Ciotti & Bertin (1999), good for n > 0.36. */
export function sersic(n: number, radius: number): (r: number) => number {
  const b = 2 * n - 1 / 3 + 4 / (405 * n) + 46 / (25515 * n * n);
  const lnRadius = Math.log(radius);
  // The power as an exponential of a logarithm, which is twice as fast.
  return (r) => Math.exp(b - b * Math.exp((Math.log(r) - lnRadius) / n));
}

/** Half-light radius over scale length of an exponential disc. */
export const EXPONENTIAL_HALF_LIGHT = 1.678;

/** Exponential disc with a smooth outer cut at `cut` scale lengths. */
export function exponential(scaleLength: number, cut = 5): (r: number) => number {
  return (r) => Math.exp(-r / scaleLength) / (1 + Math.exp((r / scaleLength - cut) * 4));
}

/** A bar along u: flat inside, ending within a tenth of its half-length (after Ferrers 1877; boxy ellipse). */
export function bar(halfLength: number, axisRatio: number): (u: number, v: number) => number {
  return (u, v) => {
    const m = ((Math.abs(u) / halfLength) ** 2.5 + (Math.abs(v) / (halfLength * axisRatio)) ** 2.5) ** (1 / 2.5);
    return m < 1.3 ? (1 / (1 + Math.exp((m - 0.95) * 14))) * Math.exp(-1.2 * m) : 0;
  };
}

/** A ring of the given radius and Gaussian width. */
export function ring(radius: number, width: number): (r: number) => number {
  return (r) => Math.exp(-0.5 * ((r - radius) / width) ** 2);
}

/** A disc seen from its edge: exponential along u, sech^2 across (van der Kruit & Searle 1981). */
export function edgeOnDisc(scaleLength: number, scaleHeight: number): (u: number, v: number) => number {
  const along = exponential(scaleLength, 4);
  return (u, v) => {
    // Line of sight through an exponential disc: x K1(x), close to (1 + x) exp(-x) here.
    const x = Math.abs(u) / scaleLength;
    return ((1 + x) * along(Math.abs(u))) / Math.cosh(v / scaleHeight) ** 2;
  };
}

/**
 * Logarithmic spiral arms: 0 between the arms, 1 on their crests. `pitch` in radians, `phase` where the first arm meets
 * radius `inner`; arms begin there. The function takes r, phi and ln r.
 */
export function spiralArms(
  count: number,
  pitch: number,
  phase: number,
  inner: number,
  sharpness: number,
  wobble: (lnR: number, phi: number) => number,
): (r: number, phi: number, lnR: number) => number {
  const winding = 1 / Math.tan(pitch);
  const contrast = powerTable(sharpness, 1);
  const lnInner = Math.log(inner);
  return (r, phi, lnR) => {
    if (r < 0.2 * inner) return 0;
    const along = lnR - lnInner;
    const wave = Math.cos(count * (phi - phase - winding * along) + 1.6 * wobble(along, phi));
    const start = r > 3 * inner ? 1 : 1 / (1 + Math.exp(-(r / inner - 0.8) * 8));
    return start * contrast(0.5 + 0.5 * wave);
  };
}
