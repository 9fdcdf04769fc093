/** What `skyloop measure` writes of a stamp: names, units and meanings of the columns, and the numbers of a row. */
import type { BandLight, Measured, Shape } from "./measure.ts";

/** How a table names, measures and explains one of its numbers. */
export interface MeasuredColumn {
  name: string;
  unit?: string;
  about: string;
}

/** What the columns depend on. */
export interface MeasuredUnits {
  /** Names of the bands, in the order of the planes. */
  bands: readonly string[];
  /** Band that shapes are measured in. */
  shapeBand: string;
  /** Unit of flux; absent where there is none. */
  fluxUnit?: string;
  /** Null: lengths stay in pixels. */
  pixelScaleArcsec: number | null;
  /** Of the circular aperture. */
  aperturePx: number;
}

/** Lengths of the shape with their meaning. */
const LENGTHS = {
  kronRadius: ["kron_radius", "semi-major axis of the Kron ellipse: 2.5 Kron radii"],
  r50: ["r50", "radius of the circle that holds half of the Kron flux"],
  r50Major: ["r50_major", "semi-major axis of the ellipse that holds half of the Kron flux"],
  r20: ["r20", "radius of the circle that holds a fifth of the Kron flux"],
  r80: ["r80", "radius of the circle that holds four fifths of the Kron flux"],
  rPetro: ["r_petro", "Petrosian radius along the major axis, eta = 0.2"],
} as const;

/** Numbers without a unit, or with one of their own. */
const NUMBERS = {
  axisRatio: ["axis_ratio", undefined, "minor by major axis, from second moments above the threshold"],
  positionAngle: ["position_angle", "deg", "of the major axis, from north through east, 0 to 180"],
  concentration: ["concentration", undefined, "5 log10(r80 / r20)"],
  asymmetry: ["asymmetry", undefined, "under half a turn, noise taken off"],
  gini: ["gini", undefined, "Gini's coefficient within the Petrosian ellipse"],
  m20: ["m20", undefined, "second moment of the brightest fifth of the light, log10 of its share"],
  snr: ["snr", undefined, "Kron flux by its error"],
  x: ["x", "pix", "centre of light, from 0 at the first pixel's centre"],
  y: ["y", "pix", "centre of light, from 0 at the first pixel's centre, row 0 at the bottom"],
  areaPx: ["area", "pix2", "pixels above the threshold"],
} as const;

const LIGHT: readonly (readonly [keyof BandLight, string, string])[] = [
  ["kronFlux", "kron_flux", "light within the Kron ellipse"],
  ["kronFluxErr", "kron_flux_err", "its error by the noise of the sky"],
  ["apertureFlux", "aperture_flux", "light within a circle"],
  ["apertureFluxErr", "aperture_flux_err", "its error by the noise of the sky"],
  ["sky", "sky", "level that was taken off each pixel"],
  ["skySigma", "sky_sigma", "standard deviation of a pixel of the sky"],
];

/** The columns, in the order of `rowOf`. */
export function columnsOf({
  bands,
  shapeBand,
  fluxUnit,
  pixelScaleArcsec,
  aperturePx,
}: MeasuredUnits): MeasuredColumn[] {
  const lengthUnit = pixelScaleArcsec === null ? "pix" : "arcsec";
  const radius = `${Number((aperturePx * (pixelScaleArcsec ?? 1)).toPrecision(6))} ${lengthUnit}`;
  const withUnit = (name: string, unit: string | undefined, about: string): MeasuredColumn =>
    unit === undefined ? { name, about } : { name, unit, about };
  return [
    ...Object.values(LENGTHS).map(([name, about]) => withUnit(name, lengthUnit, `${about}, in ${shapeBand}`)),
    ...Object.values(NUMBERS).map(([name, unit, about]) => withUnit(name, unit, `${about}, in ${shapeBand}`)),
    ...bands.flatMap((band) =>
      LIGHT.map(([key, name, about]) =>
        withUnit(
          `${name}_${band}`,
          fluxUnit,
          `${about}${key.startsWith("aperture") && !key.endsWith("Err") ? ` of radius ${radius}` : ""}, in ${band}`,
        ),
      ),
    ),
    { name: "flags", about: "why a number is missing or doubtful, as bits: docs/guides/measure.md" },
  ];
}

/** Position angle from north through east of an angle from x towards y; north is up and east is left. */
export function positionAngleOf(angleDeg: number): number {
  return (angleDeg + 90) % 180;
}

/** The numbers of a measured stamp, a column each. */
export function rowOf({ shape, bands, flags }: Measured, pixelScaleArcsec: number | null): number[] {
  const scale = pixelScaleArcsec ?? 1;
  const number = (key: keyof typeof NUMBERS) =>
    key === "positionAngle" ? positionAngleOf(shape.angleDeg) : shape[key as keyof Shape];
  return [
    ...(Object.keys(LENGTHS) as (keyof typeof LENGTHS)[]).map((key) => shape[key] * scale),
    ...(Object.keys(NUMBERS) as (keyof typeof NUMBERS)[]).map(number),
    ...bands.flatMap((band) => LIGHT.map(([key]) => band[key])),
    flags,
  ];
}
