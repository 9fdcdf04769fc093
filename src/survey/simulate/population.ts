/**
 * What galaxies there are: classes with their shares, and parameters drawn for each. Lengths in arcsec, angles in
 * degrees, magnitudes AB.
 */
import type { Random } from "../../base/random.ts";

/** Shares of the classes among simulated galaxies; they add up to 1. */
export const CLASS_SHARES = {
  elliptical: 0.2,
  lenticular: 0.08,
  spiral: 0.26,
  barred_spiral: 0.12,
  ring: 0.04,
  edge_on: 0.12,
  irregular: 0.07,
  merger: 0.07,
  lens: 0.04,
} as const;

/** A class of simulated galaxies, as in the catalogue's column `label`. */
export type GalaxyClass = keyof typeof CLASS_SHARES;

/** Everything that is true of a simulated galaxy before the telescope; null where it does not apply. */
export interface Galaxy {
  label: GalaxyClass;
  raDeg: number;
  decDeg: number;
  redshift: number;
  magR: number;
  gMinusR: number;
  rMinusZ: number;
  /** Share of the r flux in the bulge. */
  bulgeToTotal: number;
  sersicN: number;
  bulgeRadiusArcsec: number;
  halfLightRadiusArcsec: number;
  axisRatio: number;
  positionAngleDeg: number;
  inclinationDeg: number;
  armCount: number | null;
  pitchAngleDeg: number | null;
  armStrength: number | null;
  flocculence: number | null;
  barLengthArcsec: number | null;
  ringRadiusArcsec: number | null;
  dustStrength: number;
  einsteinRadiusArcsec: number | null;
  lensAxisRatio: number | null;
  sourceMagR: number | null;
  sourceXArcsec: number | null;
  sourceYArcsec: number | null;
  companionMagR: number | null;
  companionSeparationArcsec: number | null;
  neighbours: number;
  stars: number;
  psfFwhmGArcsec: number;
  psfFwhmRArcsec: number;
  psfFwhmZArcsec: number;
  depthG: number;
  depthR: number;
  depthZ: number;
  /** Seed of everything in the picture that is not a parameter: arm wobble, knots, field, noise. */
  seed: number;
}

const clip = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));

/** Which galaxies a survey is of. */
export interface Population {
  /** Share of each class; they add up to 1. */
  shares: Record<string, number>;
  /** Half-light radii drawn evenly from this range, arcsec, instead of by class and size of the stamp. */
  radiusArcsec: readonly [number, number] | null;
}

function drawClass(random: Random, shares: Population["shares"]): GalaxyClass {
  let left = random.next();
  for (const name of Object.keys(CLASS_SHARES) as GalaxyClass[]) {
    left -= shares[name] ?? 0;
    if (left < 0) return name;
  }
  return "elliptical";
}

/** Share of the light in the bulge: all of an elliptical's, none of an irregular's, little of a late disc's. */
function drawBulge(label: GalaxyClass, edge: boolean, random: Random): number {
  if (label === "elliptical" || label === "lens") return 1;
  if (label === "lenticular") return random.uniform(0.35, 0.65);
  if (label === "irregular") return 0;
  return clip(random.normal(edge ? 0.14 : 0.15, 0.09), 0.02, 0.45);
}

/** Mean colours of galaxies that still form stars: irregular ones are the bluest, dust reddens those seen edge-on. */
function lateColours(label: GalaxyClass, edge: boolean): { gMinusR: number; rMinusZ: number } {
  if (label === "irregular") return { gMinusR: 0.38, rMinusZ: 0.25 };
  return edge ? { gMinusR: 0.66, rMinusZ: 0.58 } : { gMinusR: 0.52, rMinusZ: 0.45 };
}

/** A galaxy whose light fills a good part of a stamp of `stampArcsec`, as in samples cut to size. */
export function drawGalaxy(
  random: Random,
  stampArcsec = 128 * 0.262,
  { shares, radiusArcsec }: Population = { shares: CLASS_SHARES, radiusArcsec: null },
): Galaxy {
  const label = drawClass(random, shares);
  const early = ["elliptical", "lenticular", "lens"].includes(label);
  const disc = ["spiral", "barred_spiral", "ring", "lenticular"].includes(label);
  const edge = label === "edge_on";
  const late = lateColours(label, edge);
  const redshift = clip(
    0.03 + Math.abs(random.normal(0, label === "lens" ? 0.12 : 0.05)) + (label === "lens" ? 0.2 : 0),
    0.01,
    0.6,
  );
  // Brighter galaxies look larger; the scatter is what a sample cut by apparent size shows.
  const bySize = clip(
    stampArcsec * 10 ** random.normal(label === "lens" ? -1.3 : early ? -1.08 : -0.9, 0.1),
    0.9,
    stampArcsec * 0.2,
  );
  const halfLight = radiusArcsec === null ? bySize : random.fork("radius").uniform(...radiusArcsec);
  const surfaceBrightness = random.normal(early ? 20.7 : label === "irregular" ? 22.4 : 21.5, 0.45);
  const magR = surfaceBrightness - 2.5 * Math.log10(2 * Math.PI * halfLight * halfLight);
  const inclination = edge ? random.uniform(84, 90) : disc ? (Math.acos(random.uniform(0.42, 1)) * 180) / Math.PI : 0;
  const axisRatio = disc
    ? Math.max(0.2, Math.cos((inclination * Math.PI) / 180))
    : edge
      ? random.uniform(0.1, 0.18)
      : clip(random.normal(0.75, 0.15), 0.4, 1);
  const armed = label === "spiral" || label === "barred_spiral" || (label === "ring" && random.next() < 0.4);
  const barred = label === "barred_spiral" || (label === "ring" && random.next() < 0.5);
  const einstein = label === "lens" ? random.uniform(1.2, 3.2) : null;
  const seeing = random.normal(0, 0.08);
  return {
    label,
    raDeg: random.uniform(0, 360),
    decDeg: (Math.asin(random.uniform(-0.3, 0.9)) * 180) / Math.PI,
    redshift,
    magR,
    gMinusR: random.normal(early ? 0.82 + 0.9 * redshift : late.gMinusR, 0.06),
    rMinusZ: random.normal(early ? 0.68 + 0.3 * redshift : late.rMinusZ, 0.06),
    bulgeToTotal: drawBulge(label, edge, random),
    sersicN: early ? clip(random.normal(3.8, 0.9), 2, 6) : random.uniform(1.2, 3),
    bulgeRadiusArcsec: label === "elliptical" || label === "lens" ? halfLight : halfLight * random.uniform(0.12, 0.28),
    halfLightRadiusArcsec: halfLight,
    axisRatio,
    positionAngleDeg: random.uniform(0, 180),
    inclinationDeg: inclination,
    armCount: armed ? [2, 2, 2, 2, 3, 4][random.int(6)] : null,
    pitchAngleDeg: armed ? random.uniform(11, 30) : null,
    armStrength: armed ? random.uniform(0.45, 0.95) : null,
    flocculence: armed ? random.uniform(0.1, 0.8) : null,
    barLengthArcsec: barred ? halfLight * random.uniform(0.55, 1.05) : null,
    ringRadiusArcsec: label === "ring" ? halfLight * random.uniform(0.9, 1.6) : null,
    dustStrength: edge ? random.uniform(0, 1.6) : disc && !early ? random.uniform(0, 0.7) : 0,
    einsteinRadiusArcsec: einstein,
    lensAxisRatio: einstein === null ? null : random.uniform(0.6, 0.95),
    sourceMagR: einstein === null ? null : random.uniform(21.3, 23),
    sourceXArcsec: einstein === null ? null : random.normal(0, 0.13 * einstein),
    sourceYArcsec: einstein === null ? null : random.normal(0, 0.13 * einstein),
    companionMagR: label === "merger" ? magR + random.uniform(0, 1.4) : null,
    companionSeparationArcsec: label === "merger" ? halfLight * random.uniform(1, 2.2) : null,
    neighbours: 1 + random.int(6),
    stars: random.next() < 0.7 ? random.int(3) : random.int(5),
    psfFwhmGArcsec: clip(1.42 + 1.1 * seeing, 1, 2),
    psfFwhmRArcsec: clip(1.3 + seeing, 0.95, 1.9),
    psfFwhmZArcsec: clip(1.2 + seeing, 0.9, 1.8),
    depthG: random.uniform(24.4, 25),
    depthR: random.uniform(23.8, 24.4),
    depthZ: random.uniform(22.9, 23.5),
    seed: random.nextUint32(),
  };
}
