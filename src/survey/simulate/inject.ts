/** Lensed arcs painted into pictures of real galaxies: what tells a lens from its host, and nothing that tells surveys apart. */
import type { Random } from "../../base/random.ts";
import { drawArcs } from "./draw.ts";
import { newFrame, PIXEL_SCALE_ARCSEC } from "./frame.ts";
import { drawGalaxy } from "./population.ts";
import { MOFFAT_BETA, moffatKernel, spread } from "./psf.ts";

/** Where the arcs are painted: the picture's scale and sharpness. */
export interface InjectOptions {
  pixelScaleArcsec: number;
  psfFwhmArcsec: number;
  random: Random;
}

/** What was painted: the Einstein radius, and the brightness of the arcs' brightest pixel in the picture's linear range. */
export interface InjectedArcs {
  pixels: Uint8Array;
  einsteinRadiusArcsec: number;
  peak: number;
}

/** Pictures are taken as v = asinh(f / S) / asinh(1 / S) of a linear brightness f from 0 to 1 (Lupton et al. 2004). */
const SOFTENING = 0.1;
/** What bands z, r and g are multiplied by for red, green and blue: an ordinary galaxy comes out white. */
const WHITE = [0.7, 1, 1.8];
const SCALE = Math.asinh(1 / SOFTENING);
const linear = (shown: number) => SOFTENING * Math.sinh(shown * SCALE);
const displayed = (light: number) => Math.asinh(light / SOFTENING) / SCALE;

/**
 * A picture [size, size, 3] of bytes with the images of a lensed source around its middle: a singular isothermal
 * ellipsoid of 1 to 2.6 arcsec, a blue source, blurred as the picture is, added in linear brightness. The same random
 * numbers give the same arcs.
 */
export function injectArcs(picture: Uint8Array, sizePx: number, options: InjectOptions): InjectedArcs {
  const { pixelScaleArcsec, psfFwhmArcsec, random } = options;
  const einsteinRadiusArcsec = random.uniform(1, 2.6);
  // The drawing counts in the pixels of its own survey.
  const drawn = PIXEL_SCALE_ARCSEC / pixelScaleArcsec;
  const lens = {
    ...drawGalaxy(random.fork("lens")),
    einsteinRadiusArcsec: einsteinRadiusArcsec * drawn,
    lensAxisRatio: random.uniform(0.6, 0.95),
    sourceMagR: 21,
    sourceXArcsec: random.normal(0, 0.15 * einsteinRadiusArcsec) * drawn,
    sourceYArcsec: random.normal(0, 0.15 * einsteinRadiusArcsec) * drawn,
  };
  const frame = newFrame(sizePx);
  const middle = (sizePx - 1) / 2;
  const at = { x: middle, y: middle, angle: random.uniform(0, Math.PI), axisRatio: 1 };
  drawArcs(frame, lens, at, random.fork("source"));
  const kernel = moffatKernel(psfFwhmArcsec / pixelScaleArcsec, MOFFAT_BETA);
  const planes = spread(frame, [kernel, kernel, kernel]);
  const peak = 10 ** random.uniform(Math.log10(0.06), Math.log10(0.5));
  const N = sizePx * sizePx;
  // Planes are g, r, z; a picture is red, green, blue.
  const arcs = Float32Array.from(picture, (_, at) => WHITE[at % 3] * planes[(2 - (at % 3)) * N + Math.floor(at / 3)]);
  const most = arcs.reduce((highest, value) => Math.max(highest, value), 0);
  const pixels = Uint8Array.from(picture, (value, at) =>
    Math.round(255 * Math.min(1, Math.max(0, displayed(linear(value / 255) + (peak * arcs[at]) / most)))),
  );
  return { pixels, einsteinRadiusArcsec, peak };
}
