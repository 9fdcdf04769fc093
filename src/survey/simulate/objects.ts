/** Objects of a simulated field, each drawn alone behind the seeing: its light without noise, its mask and its box. */
import type { Random } from "../../base/random.ts";
import type { MaskPx } from "../../contract/detection.ts";
import { drawArcs } from "./draw.ts";
import { type Colour, colourOf, type Frame, newFrame, PIXEL_SCALE_ARCSEC, type Placement } from "./frame.ts";
import { drawSpheroid } from "./light.ts";
import { skySigma } from "./noise.ts";
import { addComponent, PixelGrid, radial } from "./plane.ts";
import type { Galaxy } from "./population.ts";
import { sersic } from "./profiles.ts";
import { MOFFAT_BETA, moffatKernel, spread } from "./psf.ts";
import { addPoint, type Conditions, drawGalaxyAt } from "./render.ts";

/** Light [3, size, size] in nanomaggies without noise, behind the seeing; its pixel (0, 0) is the field's (x0, y0). */
export interface Light {
  x0: number;
  y0: number;
  size: number;
  planes: Float32Array;
}

/** Sky noise of a pixel in each band, nanomaggies. */
export const sigmasOf = ({ fwhmsArcsec, depths }: Conditions): number[] =>
  depths.map((depth, band) => skySigma(depth, fwhmsArcsec[band]));

/** Kernels of a field's seeing that reach `reach` FWHM: as far as stamps have it, or farther for what is bright. */
function kernelsOf({ fwhmsArcsec }: Conditions, reach: number) {
  return fwhmsArcsec.map((fwhm) => moffatKernel(fwhm / PIXEL_SCALE_ARCSEC, MOFFAT_BETA, reach));
}

/** Draws something alone around (x, y) in a window of at least `halfPx` on each side, and puts the seeing before it. */
function alone(
  { x, y }: { x: number; y: number },
  halfPx: number,
  conditions: Conditions,
  bright: boolean,
  draw: (frame: Frame, x: number, y: number) => void,
): Light {
  const half = Math.ceil(halfPx / 8) * 8;
  const [x0, y0] = [Math.round(x) - half, Math.round(y) - half];
  const frame = newFrame(2 * half);
  draw(frame, x - x0, y - y0);
  return { x0, y0, size: 2 * half, planes: spread(frame, kernelsOf(conditions, bright ? 4 : 2.1)) };
}

const px = (arcsec: number) => arcsec / PIXEL_SCALE_ARCSEC;
const clip = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));

/** A star of the given fluxes. */
export function starLight(place: { x: number; y: number }, colour: Colour, conditions: Conditions): Light {
  const bright = colour[1] > 10;
  return alone(place, bright ? 48 : 20, conditions, bright, (frame, x, y) => addPoint(frame, x, y, colour));
}

/** A plain galaxy: one Sersic profile. */
export interface Plain extends Placement {
  sersicN: number;
  /** Half-light radius along the major axis. */
  radiusArcsec: number;
  colour: Colour;
}

/** A faint galaxy. */
export function plainLight(galaxy: Plain, conditions: Conditions): Light {
  const radius = px(galaxy.radiusArcsec);
  return alone(galaxy, clip(10 + 7 * radius, 16, 64), conditions, galaxy.colour[1] > 10, (frame, x, y) => {
    const grid = new PixelGrid(frame.sizePx, { ...galaxy, x, y }, 4 + 7 * radius);
    addComponent(frame, grid, galaxy.colour, radial(sersic(galaxy.sersicN, radius)));
  });
}

/** A bright galaxy of any class but lens. */
export function galaxyLight(galaxy: Galaxy, place: { x: number; y: number }, random: Random, at: Conditions): Light {
  return alone(place, clip(12 * px(galaxy.halfLightRadiusArcsec), 40, 80), at, true, (frame, x, y) =>
    drawGalaxyAt(frame, galaxy, placementOf(galaxy, x, y), random),
  );
}

const placementOf = (galaxy: Galaxy, x: number, y: number): Placement => ({
  x,
  y,
  angle: ((galaxy.positionAngleDeg + 90) * Math.PI) / 180,
  axisRatio: galaxy.axisRatio,
});

/** A lens: the galaxy in front and the lensed images of the source behind it, apart. */
export function lensLight(
  galaxy: Galaxy,
  place: { x: number; y: number },
  random: Random,
  at: Conditions,
): { deflector: Light; arcs: Light } {
  const flux = colourOf(galaxy.magR, galaxy.gMinusR, galaxy.rMinusZ);
  const radius = px(galaxy.halfLightRadiusArcsec);
  const deflector = alone(place, clip(12 * radius, 40, 80), at, true, (frame, x, y) =>
    drawSpheroid(frame, placementOf(galaxy, x, y), flux, galaxy.sersicN, galaxy.halfLightRadiusArcsec),
  );
  const reach = 3 * px(galaxy.einsteinRadiusArcsec as number) + 12;
  const arcs = alone(place, reach, at, false, (frame, x, y) =>
    drawArcs(frame, galaxy, placementOf(galaxy, x, y), random),
  );
  return { deflector, arcs };
}

/** Adds light to a field [3, S, S]; what lies beyond its border is lost. */
export function addLight(planes: Float32Array, sizePx: number, { x0, y0, size, planes: light }: Light): void {
  const [left, right] = [Math.max(0, -x0), Math.min(size, sizePx - x0)];
  for (let band = 0; band < 3; band++)
    for (let y = Math.max(0, -y0); y < Math.min(size, sizePx - y0); y++) {
      const from = (band * size + y) * size;
      const to = (band * sizePx + y0 + y) * sizePx + x0;
      for (let x = left; x < right; x++) planes[to + x] += light[from + x];
    }
}

/** What a mask takes in: bands that count, light in sigma of the sky, and a circle that always belongs to it. */
export interface MaskRule {
  bands: number[];
  sigmas: number[];
  circle?: { x: number; y: number; radiusPx: number };
}

/** Truth about an object in a field of a given size. */
export interface Outline {
  /** Null where no pixel of it lies in the field. */
  mask: MaskPx | null;
  /** Largest light of a pixel in sigma of the sky, over the bands that count. */
  peak: number;
  /** Share of the whole box that lies in the field. */
  inside: number;
  /** Root of the sum over mask and bands of (light / sigma) squared: the signal-to-noise of a matched filter. */
  snr: number;
}

/** The mask of an object: pixels whose light is above 1 sigma of the sky in one of the bands. */
export function outlineOf({ x0, y0, size, planes }: Light, sizePx: number, rule: MaskRule): Outline {
  const N = size * size;
  const bits = new Uint8Array(N);
  let peak = 0;
  for (const band of rule.bands) {
    const scale = 1 / rule.sigmas[band];
    for (let p = 0; p < N; p++) {
      const value = planes[band * N + p] * scale;
      if (value > 1) bits[p] = 1;
      if (value > peak) peak = value;
    }
  }
  // What is too faint for that is where its light is above half of its own peak.
  if (peak <= 1)
    for (let p = 0; p < N; p++)
      bits[p] = rule.bands.some((band) => planes[band * N + p] / rule.sigmas[band] > peak / 2) ? 1 : 0;
  if (rule.circle !== undefined) addCircle(bits, size, rule.circle.x - x0, rule.circle.y - y0, rule.circle.radiusPx);
  const whole = extent(bits, size, 0, 0, size, size);
  const seen = extent(
    bits,
    size,
    Math.max(0, -x0),
    Math.max(0, -y0),
    Math.min(size, sizePx - x0),
    Math.min(size, sizePx - y0),
  );
  if (whole === null || seen === null) return { mask: null, peak, inside: 0, snr: 0 };
  const area = ({ left, top, right, bottom }: Extent) => (right - left) * (bottom - top);
  const [width, height] = [seen.right - seen.left, seen.bottom - seen.top];
  const cut = new Uint8Array(width * height);
  let squares = 0;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const p = (seen.top + y) * size + seen.left + x;
      if (bits[p] === 0) continue;
      cut[y * width + x] = 1;
      for (let band = 0; band < 3; band++) squares += (planes[band * N + p] / rule.sigmas[band]) ** 2;
    }
  const mask = { x: x0 + seen.left, y: y0 + seen.top, width, height, bits: cut };
  return { mask, peak, inside: area(seen) / area(whole), snr: Math.sqrt(squares) };
}

interface Extent {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** The extent of set bits within columns left..right, rows top..bottom; right and bottom exclusive. */
function extent(
  bits: Uint8Array,
  size: number,
  left: number,
  top: number,
  right: number,
  bottom: number,
): Extent | null {
  const found = { left: size, top: size, right: 0, bottom: 0 };
  for (let y = top; y < bottom; y++)
    for (let x = left; x < right; x++) {
      if (bits[y * size + x] === 0) continue;
      if (x < found.left) found.left = x;
      if (x >= found.right) found.right = x + 1;
      if (y < found.top) found.top = y;
      found.bottom = y + 1;
    }
  return found.right === 0 ? null : found;
}

function addCircle(bits: Uint8Array, size: number, cx: number, cy: number, radiusPx: number): void {
  for (let y = Math.max(0, Math.ceil(cy - radiusPx)); y <= Math.min(size - 1, cy + radiusPx); y++)
    for (let x = Math.max(0, Math.ceil(cx - radiusPx)); x <= Math.min(size - 1, cx + radiusPx); x++)
      if (Math.hypot(x - cx, y - cy) <= radiusPx) bits[y * size + x] = 1;
}
