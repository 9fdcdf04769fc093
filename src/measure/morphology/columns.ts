/** What `skyloop measure` writes of a stamp: names, units and meanings of the columns, and the numbers of a row. */
import { FLAG_NAMES } from "./flags.ts";
import type { BandLight, Measured } from "./measure.ts";

/** How a table names, measures and explains one of its numbers. */
export interface MeasuredColumn {
  name: string;
  unit?: string;
  about: string;
  /** IVOA's name of the quantity (UCD1+). */
  ucd: string;
  whole?: boolean;
  /** Of flags: what each bit is called, the lowest first. */
  bits?: string[];
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
  kronRadius: ["kron_radius", "semi-major axis of the Kron ellipse: 2.5 Kron radii", "phys.angSize.smajAxis"],
  r50: ["r50", "radius of the circle that holds half of the Kron flux", "phys.angSize"],
  r50Major: ["r50_major", "semi-major axis of the ellipse that holds half of the Kron flux", "phys.angSize.smajAxis"],
  r20: ["r20", "radius of the circle that holds a fifth of the Kron flux", "phys.angSize"],
  r80: ["r80", "radius of the circle that holds four fifths of the Kron flux", "phys.angSize"],
  rPetro: ["r_petro", "Petrosian radius along the major axis, eta = 0.2", "phys.angSize.smajAxis"],
} as const;

/** Numbers without a unit, or with one of their own. */
const NUMBERS = {
  axisRatio: [
    "axis_ratio",
    undefined,
    "minor by major axis, from second moments above the threshold",
    "phys.size.axisRatio",
  ],
  positionAngle: ["position_angle", "deg", "of the major axis, from north through east, 0 to 180", "pos.posAng"],
  adaptiveAxisRatio: [
    "adaptive_axis_ratio",
    undefined,
    "minor by major axis, from adaptive moments",
    "phys.size.axisRatio",
  ],
  adaptiveAngle: [
    "adaptive_angle",
    "deg",
    "of the major axis by adaptive moments, from north through east, 0 to 180",
    "pos.posAng",
  ],
  concentration: ["concentration", undefined, "5 log10(r80 / r20)", "src.morph.param"],
  asymmetry: ["asymmetry", undefined, "under half a turn, noise taken off", "src.morph.param"],
  gini: ["gini", undefined, "Gini's coefficient within the Petrosian ellipse", "src.morph.param"],
  m20: ["m20", undefined, "second moment of the brightest fifth of the light, log10 of its share", "src.morph.param"],
  snr: ["snr", undefined, "Kron flux by its error", "stat.snr"],
  x: ["x", "pix", "centre of light, from 0 at the first pixel's centre", "pos.cartesian.x"],
  y: ["y", "pix", "centre of light, from 0 at the first pixel's centre, row 0 at the bottom", "pos.cartesian.y"],
  areaPx: ["area", "pix2", "pixels above the threshold", "phys.angArea"],
} as const;

const LIGHT: readonly (readonly [keyof BandLight, string, string, string])[] = [
  ["kronFlux", "kron_flux", "light within the Kron ellipse", "phot.flux"],
  ["kronFluxErr", "kron_flux_err", "its error by the noise of the sky", "stat.error;phot.flux"],
  ["apertureFlux", "aperture_flux", "light within a circle", "phot.flux"],
  ["apertureFluxErr", "aperture_flux_err", "its error by the noise of the sky", "stat.error;phot.flux"],
  ["sky", "sky", "level that was taken off each pixel", "instr.skyLevel"],
  ["skySigma", "sky_sigma", "standard deviation of a pixel of the sky", "stat.stdev;instr.skyLevel"],
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
  const withUnit = (name: string, unit: string | undefined, about: string, ucd: string): MeasuredColumn =>
    unit === undefined ? { name, about, ucd } : { name, unit, about, ucd };
  return [
    ...Object.values(LENGTHS).map(([name, about, ucd]) => withUnit(name, lengthUnit, `${about}, in ${shapeBand}`, ucd)),
    ...Object.values(NUMBERS).map(([name, unit, about, ucd]) => withUnit(name, unit, `${about}, in ${shapeBand}`, ucd)),
    ...bands.flatMap((band) =>
      LIGHT.map(([key, name, about, ucd]) =>
        withUnit(
          `${name}_${band}`,
          fluxUnit,
          `${about}${key.startsWith("aperture") && !key.endsWith("Err") ? ` of radius ${radius}` : ""}, in ${band}`,
          ucd,
        ),
      ),
    ),
    {
      name: "flags",
      about: `why a number is missing or doubtful, as bits: ${FLAG_NAMES.map((name, bit) => `${2 ** bit} ${name}`).join(", ")}`,
      ucd: "meta.code.qual",
      whole: true,
      bits: [...FLAG_NAMES],
    },
  ];
}

/** Position angle from north through east of an angle from x towards y; north is up and east is left. */
export function positionAngleOf(angleDeg: number): number {
  return (angleDeg + 90) % 180;
}

/** The numbers of a measured stamp, a column each. */
export function rowOf({ shape, bands, flags }: Measured, pixelScaleArcsec: number | null): number[] {
  const scale = pixelScaleArcsec ?? 1;
  const number = (key: keyof typeof NUMBERS) => {
    if (key === "positionAngle") return positionAngleOf(shape.angleDeg);
    return key === "adaptiveAngle" ? positionAngleOf(shape.adaptiveAngleDeg) : shape[key];
  };
  return [
    ...(Object.keys(LENGTHS) as (keyof typeof LENGTHS)[]).map((key) => shape[key] * scale),
    ...(Object.keys(NUMBERS) as (keyof typeof NUMBERS)[]).map(number),
    ...bands.flatMap((band) => LIGHT.map(([key]) => band[key])),
    flags,
  ];
}
