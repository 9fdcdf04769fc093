/**
 * The classical measurements of the galaxy in the middle of a stamp. Everything is counted in pixels here, x along rows
 * and y up them, 0 at the centre of the first; `columnsOf` says how a table has it.
 */
import { adaptiveShape } from "./adaptive.ts";
import {
  type Aperture,
  apertureOf,
  type Ellipse,
  growthOf,
  kronRadius,
  moments,
  petrosianRadius,
  radiusOf,
} from "./ellipse.ts";
import { countedOf, filledOf, lightIn } from "./fill.ts";
import { FLAGS, type FlagName } from "./flags.ts";
import { reused } from "./scratch.ts";
import { type Segments, segmentSources } from "./segment.ts";
import { type StampSky, skyBeside, skyOf, smooth } from "./sky.ts";
import { asymmetry, brightestFirst, gini, m20 } from "./structure.ts";

/** How a stamp is measured. Lengths in pixels. */
export interface MeasureOptions {
  /** Band that shapes are measured in. */
  band: number;
  /** Radius of the circular aperture. */
  aperturePx: number;
  /** Full width at half maximum of the PSF; null where it is not known. */
  psfFwhmPx: number | null;
  /** "stamp": the sky is measured and taken off. "none": the stamps have none. */
  sky: "stamp" | "none";
  /** Standard deviation of a pixel of the sky where it is known; else it is measured. */
  sigma?: number;
  /** A source stands so many standard deviations of the sky above it, in the smoothed plane. */
  thresholdSigmas: number;
  minAreaPx: number;
  /** Share of a region's light that makes a peak a source of its own. */
  contrast: number;
}

/** What is used unless something else is asked for; SExtractor's values but for the contrast. */
export const MEASURE_DEFAULTS = {
  sky: "stamp",
  thresholdSigmas: 1.5,
  minAreaPx: 5,
  contrast: 0.02,
} as const satisfies Partial<MeasureOptions>;

/** Kron's ellipse has so many Kron radii, and at least the radius of a circle in pixels (SExtractor's). */
const KRON = { factor: 2.5, leastPx: 1.75 } as const;
/** Light is followed out to so many Kron ellipses, to find Petrosian's radius. */
const GROWTH_REACH = 1.75;
const LOW_SNR = 5;
/** Of a PSF's full width at half maximum: a Gaussian's half-light radius is 0.5 of it, a Moffat profile's up to 0.56. */
const UNRESOLVED = { ofFwhm: 0.6, px: 1.5 } as const;
const OFF_CENTRE = { share: 0.05, leastPx: 3 } as const;
/** Farther from the middle than this share of the side no source is taken for the stamp's own. */
const MIDDLE_SHARE = 0.25;
/** Least semi-minor axis of the moments that is more than a pixel's own. */
const LEAST_AXIS_PX = 0.5;

/** Adaptive moments of what is smaller are those of a pixel. */
const LEAST_WEIGHT_PX = 1.5;

/** Numbers of the shape, in pixels and degrees; NaN where there is none. */
export interface Shape {
  x: number;
  y: number;
  /** Semi-major axis of the Kron ellipse. */
  kronRadius: number;
  /** Circles and ellipses that hold a part of the Kron flux: half of it, a fifth, four fifths. */
  r50: number;
  r50Major: number;
  r20: number;
  r80: number;
  rPetro: number;
  axisRatio: number;
  /** From the x axis towards y, in degrees, 0 to below 180. */
  angleDeg: number;
  /** The same by adaptive moments: of all the light, weighted by a Gaussian of its shape as wide as `r50Major`. */
  adaptiveAxisRatio: number;
  adaptiveAngleDeg: number;
  concentration: number;
  asymmetry: number;
  gini: number;
  m20: number;
  snr: number;
  areaPx: number;
}

/** Light of one band, in the stamp's unit. */
export interface BandLight {
  kronFlux: number;
  kronFluxErr: number;
  apertureFlux: number;
  apertureFluxErr: number;
  sky: number;
  skySigma: number;
}

/** All that is measured of a stamp. */
export interface Measured {
  shape: Shape;
  bands: BandLight[];
  flags: number;
}

const NOTHING: Shape = {
  x: Number.NaN,
  y: Number.NaN,
  kronRadius: Number.NaN,
  r50: Number.NaN,
  r50Major: Number.NaN,
  r20: Number.NaN,
  r80: Number.NaN,
  rPetro: Number.NaN,
  axisRatio: Number.NaN,
  angleDeg: Number.NaN,
  adaptiveAxisRatio: Number.NaN,
  adaptiveAngleDeg: Number.NaN,
  concentration: Number.NaN,
  asymmetry: Number.NaN,
  gini: Number.NaN,
  m20: Number.NaN,
  snr: Number.NaN,
  areaPx: Number.NaN,
};

/** What is measured of a stamp that holds nothing, with the reason. */
export function nothingMeasured(bands: number, reason: FlagName): Measured {
  const none = Number.NaN;
  const light = {
    kronFlux: none,
    kronFluxErr: none,
    apertureFlux: none,
    apertureFluxErr: none,
    sky: none,
    skySigma: none,
  };
  return { shape: { ...NOTHING }, bands: Array.from({ length: bands }, () => ({ ...light })), flags: FLAGS[reason][0] };
}

/** The label of the source in the middle: that of the middle pixel, else the nearest within a quarter of the side; 0 for none. */
function middleSource(labels: Int32Array, W: number, H: number): number {
  const [cx, cy] = [(W - 1) / 2, (H - 1) / 2];
  let [label, nearest] = [0, (MIDDLE_SHARE * Math.min(W, H)) ** 2];
  const middle = labels[Math.floor(cy) * W + Math.floor(cx)];
  if (middle !== 0 && (cx % 1) ** 2 + (cy % 1) ** 2 < nearest) return middle;
  for (let y = 0, p = 0; y < H; y++)
    for (let x = 0; x < W; x++, p++) {
      if (labels[p] === 0) continue;
      const distance = (x - cx) ** 2 + (y - cy) ** 2;
      if (distance < nearest) [label, nearest] = [labels[p], distance];
    }
  return label;
}

/** Error of a sum: the scatter of its pixels, and of the sky that was taken off each of them. */
function errorOf({ areaPx }: Aperture, sky: StampSky, fixed: boolean): number {
  if (!(sky.sigma > 0)) return Number.NaN;
  return sky.sigma * Math.sqrt(areaPx + (fixed ? 0 : areaPx ** 2 / Math.max(1, sky.pixels)));
}

/** A pixel of the smoothed plane must stand above this; where the sky is constant, above a share of the brightest. */
function thresholdOf(soft: Float32Array, sigma: number, sigmas: number): number {
  if (sigma > 0) return sigmas * sigma;
  return 1e-3 * soft.reduce((most, value) => Math.max(most, value), 0);
}

/** Whether all finite values of a plane are one, or there is none. */
function isBlank(plane: Float32Array): boolean {
  let first = Number.NaN;
  for (let p = 0; p < plane.length; p++) {
    if (!Number.isFinite(plane[p])) continue;
    if (Number.isNaN(first)) first = plane[p];
    else if (plane[p] !== first) return false;
  }
  return true;
}

/**
 * Measures a stamp [bands, H, W] whose row 0 is the bottom. Never throws, whatever the pixels hold: a number that cannot
 * be had is NaN, and `flags` says why.
 */
export function measureStamp(
  data: Float32Array,
  bands: number,
  W: number,
  H: number,
  options: MeasureOptions,
): Measured {
  const N = W * H;
  const planeOf = (band: number) => data.subarray(band * N, (band + 1) * N);
  const plane = planeOf(options.band);
  if (N === 0 || isBlank(plane)) return nothingMeasured(bands, "BLANK");
  const under = skyOf(plane, W, H);
  if (under === null) return nothingMeasured(bands, "BLANK");
  const leveled = (found: StampSky | null): StampSky | null =>
    found && { ...found, ...(options.sky === "none" ? { level: 0 } : {}), sigma: options.sigma ?? found.sigma };
  const sky = leveled(under.sky) as StampSky;
  const soft = smooth(plane, sky.level, W, H);
  const threshold = thresholdOf(soft, sky.sigma, options.thresholdSigmas);
  const segments = segmentSources(soft, W, H, { threshold, minAreaPx: options.minAreaPx, contrast: options.contrast });
  const label = middleSource(segments.labels, W, H);
  const shapeEllipse = label === 0 ? null : moments(soft, segments.labels, label, W);
  const skies = Array.from({ length: bands }, (_, band) =>
    band === options.band ? sky : leveled(skyBeside(planeOf(band), W, H, under.covered)),
  );
  const noise = sky.sigma > 0 ? 0 : FLAGS.NO_NOISE[0];
  const centre = shapeEllipse ?? { x: (W - 1) / 2, y: (H - 1) / 2 };
  const counted = countedOf(plane, sky.level, segments.labels, label);
  const filling = { counted, W, H, twiceX: Math.round(2 * centre.x), twiceY: Math.round(2 * centre.y) };
  const circle = apertureOf({ ...centre, a: options.aperturePx, b: options.aperturePx, theta: 0 }, W, H);
  const fixed = options.sky === "none";
  const lightOf = (kron: Aperture | null): BandLight[] =>
    skies.map((under, band) => {
      if (under === null) return nothingMeasured(1, "BLANK").bands[0];
      const lightOfBand = (aperture: Aperture) => lightIn(filling, planeOf(band), under.level, aperture);
      return {
        kronFlux: kron === null ? Number.NaN : lightOfBand(kron),
        kronFluxErr: kron === null ? Number.NaN : errorOf(kron, under, fixed),
        apertureFlux: lightOfBand(circle),
        apertureFluxErr: errorOf(circle, under, fixed),
        sky: under.level,
        skySigma: under.sigma,
      };
    });
  if (shapeEllipse === null)
    return { shape: { ...NOTHING, areaPx: 0 }, bands: lightOf(null), flags: FLAGS.NO_SOURCE[0] | noise };
  const own = filledOf(filling, plane, sky.level);
  const kron = kronEllipse(own, W, H, shapeEllipse);
  const aperture = apertureOf(kron.ellipse, W, H);
  const measuredBands = lightOf(aperture);
  const { shape, flags } = shapeOf(own, counted, W, H, {
    ellipse: shapeEllipse,
    kronPx: kron.ellipse.a,
    flux: measuredBands[options.band].kronFlux,
    sigma: sky.sigma,
  });
  shape.areaPx = segments.areaPx[label];
  shape.snr = measuredBands[options.band].kronFlux / measuredBands[options.band].kronFluxErr;
  const set = (name: FlagName, is: boolean) => (is ? FLAGS[name][0] : 0);
  const off = Math.hypot(centre.x - (W - 1) / 2, centre.y - (H - 1) / 2);
  const unresolvedPx =
    options.psfFwhmPx === null ? UNRESOLVED.px : Math.max(UNRESOLVED.px, UNRESOLVED.ofFwhm * options.psfFwhmPx);
  const all =
    flags |
    noise |
    company(aperture, segments, counted, label) |
    set("TRUNCATED", aperture.cut) |
    set("LOW_SNR", shape.snr < LOW_SNR || !(measuredBands[options.band].kronFlux > 0)) |
    set("OFF_CENTRE", off > Math.max(OFF_CENTRE.leastPx, OFF_CENTRE.share * Math.min(W, H))) |
    set("AT_LIMIT", kron.least || shapeEllipse.b < LEAST_AXIS_PX) |
    set("UNRESOLVED", shape.r50 < unresolvedPx);
  return { shape, bands: measuredBands, flags: all | missingReason(shape, measuredBands, all) };
}

/** The flags of an aperture with pixels that were filled, or with another source's, and of a source that was split. */
function company({ pixels }: Aperture, { labels, regionOf }: Segments, counted: Float32Array, label: number): number {
  let blended = regionOf.some((region, other) => other > 0 && other !== label && region === regionOf[label]);
  let masked = false;
  for (let i = 0; i < pixels.length; i++) {
    const of = labels[pixels[i]];
    if (of !== 0 && of !== label) blended = true;
    if (Number.isNaN(counted[pixels[i]])) masked = true;
  }
  return (blended ? FLAGS.BLENDED[0] : 0) | (masked ? FLAGS.MASKED[0] : 0);
}

/** Kron's ellipse; a small circle where that is smaller, or where it cannot be had. */
function kronEllipse(
  light: Float32Array,
  W: number,
  H: number,
  ellipse: Ellipse,
): { ellipse: Ellipse; least: boolean } {
  const radius = kronRadius(light, W, H, ellipse);
  if (radius === null || radius * Math.sqrt(ellipse.a * ellipse.b) < KRON.leastPx)
    return { ellipse: { ...ellipse, a: KRON.leastPx, b: KRON.leastPx }, least: true };
  const scale = KRON.factor * radius;
  return { ellipse: { ...ellipse, a: scale * ellipse.a, b: scale * ellipse.b }, least: false };
}

/** An angle in radians as degrees from 0 to below 180. */
const degreesOf = (theta: number) => ((((theta * 180) / Math.PI) % 180) + 180) % 180;

/** Radii and structure of a source whose ellipse and Kron flux are known. */
function shapeOf(
  light: Float32Array,
  counted: Float32Array,
  W: number,
  H: number,
  { ellipse, kronPx, flux, sigma }: { ellipse: Ellipse; kronPx: number; flux: number; sigma: number },
): { shape: Shape; flags: number } {
  const { x, y, a, b, theta } = ellipse;
  const round = growthOf(light, W, H, { ...ellipse, b: a }, kronPx);
  const far = Math.min(GROWTH_REACH * kronPx, Math.hypot(W, H));
  const oval = growthOf(light, W, H, ellipse, far);
  const [r20, r50, r80] = [0.2, 0.5, 0.8].map((share) => (flux > 0 ? radiusOf(round, share * flux) : null));
  const r50Major = flux > 0 ? radiusOf(oval, 0.5 * flux) : null;
  const adaptive = r50Major === null ? null : adaptiveShape(light, W, H, ellipse, Math.max(LEAST_WEIGHT_PX, r50Major));
  const rPetro = petrosianRadius(oval);
  const extent = rPetro ?? kronPx;
  const inside = apertureOf({ ...ellipse, a: extent, b: (extent * b) / a }, W, H);
  const pixels = mostlyInside(inside, counted);
  const order = brightestFirst(light, pixels);
  const turned = asymmetry(counted, W, H, { x, y, radiusPx: extent, sigma });
  const converged = [r20, r50, r80, r50Major, rPetro].every((radius) => radius !== null) && turned?.converged === true;
  const shape: Shape = {
    x,
    y,
    kronRadius: kronPx,
    r50: r50 ?? Number.NaN,
    r50Major: r50Major ?? Number.NaN,
    r20: r20 ?? Number.NaN,
    r80: r80 ?? Number.NaN,
    rPetro: rPetro ?? Number.NaN,
    axisRatio: b / a,
    angleDeg: degreesOf(theta),
    adaptiveAxisRatio: adaptive?.axisRatio ?? Number.NaN,
    adaptiveAngleDeg: adaptive === null ? Number.NaN : degreesOf(adaptive.theta),
    concentration: r20 === null || r80 === null || r20 === 0 ? Number.NaN : 5 * Math.log10(r80 / r20),
    asymmetry: turned?.value ?? Number.NaN,
    gini: gini(light, order) ?? Number.NaN,
    m20: m20(light, pixels, W, order) ?? Number.NaN,
    snr: Number.NaN,
    areaPx: 0,
  };
  return { shape, flags: converged ? 0 : FLAGS.NOT_CONVERGED[0] };
}

const insideMemory = reused((n) => new Int32Array(n));

/** The pixels that count of which an aperture holds at least a half. */
function mostlyInside({ pixels, shares }: Aperture, counted: Float32Array): Int32Array {
  const out = insideMemory(pixels.length);
  let n = 0;
  for (let i = 0; i < pixels.length; i++)
    if (shares[i] >= 0.5 && !Number.isNaN(counted[pixels[i]])) out[n++] = pixels[i];
  return out.subarray(0, n);
}

/** A number that is missing has a reason: where no other flag names one, it was not found. */
function missingReason(shape: Shape, bands: BandLight[], flags: number): number {
  const values = [...Object.values(shape), ...bands.flatMap((band) => Object.values(band))] as number[];
  const named = FLAGS.NOT_CONVERGED[0] | FLAGS.NO_SOURCE[0] | FLAGS.BLANK[0] | FLAGS.NO_NOISE[0];
  return values.every(Number.isFinite) || (flags & named) !== 0 ? 0 : FLAGS.NOT_CONVERGED[0];
}
