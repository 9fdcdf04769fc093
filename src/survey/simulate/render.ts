/** From a galaxy's parameters to the stamp a survey would hold of it. */
import { Random } from "../../base/random.ts";
import { drawDisc } from "./disc.ts";
import { drawEdgeOn, drawIrregular, drawLens, drawMerger } from "./draw.ts";
import { type Colour, colourOf, type Frame, newFrame, PIXEL_SCALE_ARCSEC, type Placement } from "./frame.ts";
import { drawSpheroid } from "./light.ts";
import { addNoise, skySigma } from "./noise.ts";
import { addComponent, PixelGrid, radial } from "./plane.ts";
import type { Galaxy } from "./population.ts";
import { sersic } from "./profiles.ts";
import { MOFFAT_BETA, moffatKernel, spread } from "./psf.ts";

/** The galaxy alone, without field, seeing and noise: planes [3, S, S] in nanomaggies. */
export function renderIdeal(galaxy: Galaxy, sizePx: number): Frame {
  const frame = newFrame(sizePx);
  const random = new Random(galaxy.seed).fork("galaxy");
  const centre = (sizePx - 1) / 2;
  const at = {
    x: centre + random.uniform(-0.7, 0.7),
    y: centre + random.uniform(-0.7, 0.7),
    angle: ((galaxy.positionAngleDeg + 90) * Math.PI) / 180,
    axisRatio: galaxy.axisRatio,
  };
  drawGalaxyAt(frame, galaxy, at, random);
  return frame;
}

/** Draws a galaxy of any class into a frame. */
export function drawGalaxyAt(frame: Frame, galaxy: Galaxy, at: Placement, random: Random): void {
  const flux = colourOf(galaxy.magR, galaxy.gMinusR, galaxy.rMinusZ);
  switch (galaxy.label) {
    case "elliptical":
      drawSpheroid(frame, at, flux, galaxy.sersicN, galaxy.halfLightRadiusArcsec);
      break;
    case "edge_on":
      drawEdgeOn(frame, galaxy, at, flux, random);
      break;
    case "irregular":
      drawIrregular(frame, galaxy, at, flux, random);
      break;
    case "merger":
      drawMerger(frame, galaxy, at, flux, random);
      break;
    case "lens":
      drawLens(frame, galaxy, at, flux, random);
      break;
    default:
      drawDisc(frame, galaxy, at, flux, random);
  }
}

/** Faint galaxies and stars that happen to be near; mostly away from the centre. */
function drawField(frame: Frame, galaxy: Galaxy, random: Random): void {
  const S = frame.sizePx;
  const place = () => {
    for (;;) {
      const [x, y] = [random.uniform(-2, S + 2), random.uniform(-2, S + 2)];
      if (Math.hypot(x - S / 2, y - S / 2) > S * 0.16 || random.next() < 0.15) return { x, y };
    }
  };
  for (let i = 0; i < galaxy.neighbours; i++) {
    const magR = Math.min(24.2, 24.2 - Math.abs(random.normal(0, 1.7)));
    const red = random.next() < 0.35;
    const radius = (random.uniform(0.25, 0.75) * 10 ** ((22.5 - magR) * 0.09)) / PIXEL_SCALE_ARCSEC;
    const profile = sersic(red ? 3 : 1.1, radius);
    const colour = colourOf(
      magR,
      red ? random.normal(1, 0.2) : random.normal(0.45, 0.2),
      red ? random.normal(0.9, 0.2) : random.normal(0.4, 0.2),
    );
    const placement = { ...place(), angle: random.uniform(0, 3.14), axisRatio: random.uniform(0.35, 1) };
    addComponent(frame, new PixelGrid(S, placement, 4 + 7 * radius), colour, radial(profile));
  }
  for (let i = 0; i < galaxy.stars; i++) {
    const { x, y } = place();
    const colour = colourOf(23 - Math.abs(random.normal(0, 2.1)), random.uniform(0.2, 1.4), random.uniform(0.1, 1.5));
    addPoint(frame, x, y, colour);
  }
}

/** Adds a point source, spread over the four pixels around it. */
export function addPoint({ sizePx: S, planes }: Frame, x: number, y: number, colour: Colour): void {
  const [x0, y0] = [Math.floor(x), Math.floor(y)];
  for (const [dx, dy] of [
    [0, 0],
    [1, 0],
    [0, 1],
    [1, 1],
  ] as const) {
    const [px, py] = [x0 + dx, y0 + dy];
    if (px < 0 || py < 0 || px >= S || py >= S) continue;
    const weight = (1 - Math.abs(x - px)) * (1 - Math.abs(y - py));
    for (let band = 0; band < 3; band++) planes[band * S * S + py * S + px] += colour[band] * weight;
  }
}

/**
 * A stamp [3, S, S] in nanomaggies (g, r, z): the galaxy, its field, seeing, sky and noise. The same parameters always
 * give the same stamp.
 */
export function renderGalaxy(galaxy: Galaxy, sizePx: number): Float32Array {
  const frame = renderIdeal(galaxy, sizePx);
  const random = new Random(galaxy.seed);
  drawField(frame, galaxy, random.fork("field"));
  const fwhms = [galaxy.psfFwhmGArcsec, galaxy.psfFwhmRArcsec, galaxy.psfFwhmZArcsec];
  const planes = spread(
    frame,
    fwhms.map((fwhm) => moffatKernel(fwhm / PIXEL_SCALE_ARCSEC, MOFFAT_BETA)),
  );
  const depths = [galaxy.depthG, galaxy.depthR, galaxy.depthZ];
  addSky(planes, sizePx, { fwhmsArcsec: fwhms, depths }, random);
  return planes;
}

/** Seeing (FWHM) and depth (5 sigma, point sources) of the bands of an image. */
export interface Conditions {
  fwhmsArcsec: number[];
  depths: number[];
}

/** Adds to planes [3, S, S] what subtracting the sky leaves behind, and noise. */
export function addSky(
  planes: Float32Array,
  sizePx: number,
  { fwhmsArcsec, depths }: Conditions,
  random: Random,
): void {
  const sky = random.fork("sky");
  const N = sizePx * sizePx;
  const sigmas = depths.map((depth, band) => skySigma(depth, fwhmsArcsec[band]));
  for (const [band, sigma] of sigmas.entries()) {
    const residual = sky.normal(0, 0.04) * sigma;
    for (let p = 0; p < N; p++) planes[band * N + p] += residual;
  }
  addNoise(planes, sizePx, sigmas, random.fork("noise"));
}
