/** The frame everything is drawn into, and what is drawn: colours and placements. */

/** Bands of simulated galaxies, in the order of their planes. */
export const BANDS = ["g", "r", "z"] as const;
/** Side of a simulated pixel in arcsec: the Legacy Surveys' cutouts. */
export const PIXEL_SCALE_ARCSEC = 0.262;

/** Flux in each band, nanomaggies: magnitude 22.5 is 1. */
export type Colour = [number, number, number];

/** Flux in nanomaggies of an AB magnitude. */
export const fluxOf = (magnitude: number) => 10 ** (-0.4 * (magnitude - 22.5));

/** Fluxes of an object of r magnitude `magR` and colours g - r and r - z. */
export function colourOf(magR: number, gMinusR: number, rMinusZ: number): Colour {
  return [fluxOf(magR + gMinusR), fluxOf(magR), fluxOf(magR - rMinusZ)];
}

/** Planes [3, size, size] of flux a pixel. */
export interface Frame {
  sizePx: number;
  planes: Float32Array;
}

/** A dark image of `sizePx` x `sizePx` pixels in three bands. */
export function newFrame(sizePx: number): Frame {
  return { sizePx, planes: new Float32Array(3 * sizePx * sizePx) };
}

/**
 * Where and how a component lies: centre in pixels, position angle of the major axis from +x in radians, minor over
 * major axis.
 */
export interface Placement {
  x: number;
  y: number;
  angle: number;
  axisRatio: number;
}
