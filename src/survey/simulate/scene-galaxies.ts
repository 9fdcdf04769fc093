/** Which galaxies a wide field holds: lenses that are hard to find, what is taken for them, and the sky they lie in. */
import type { Random } from "../../base/random.ts";
import { PIXEL_SCALE_ARCSEC } from "./frame.ts";
import { CLASS_SHARES, drawGalaxy, type Galaxy } from "./population.ts";
import type { Conditions } from "./render.ts";

/** Side of the stamps that the stamps' own population is drawn for; sizes are drawn anew. */
const STAMP_ARCSEC = 128 * PIXEL_SCALE_ARCSEC;
const LENS_ALONE = { shares: { lens: 1 }, radiusArcsec: null };
const WITHOUT_LENS = {
  shares: Object.fromEntries(
    Object.entries(CLASS_SHARES).map(([name, share]) => [name, name === "lens" ? 0 : share / (1 - CLASS_SHARES.lens)]),
  ),
  radiusArcsec: null,
};

/** A galaxy with the size and magnitude that galaxies in front of lenses have in such a survey. */
function resized(galaxy: Galaxy, random: Random): Galaxy {
  const magR = random.uniform(17.4, 19.6);
  const radius = Math.min(3, Math.max(0.6, 10 ** random.normal(0.18 - 0.1 * (magR - 18.5), 0.1)));
  const ratio = radius / galaxy.halfLightRadiusArcsec;
  const scaled = (length: number | null) => (length === null ? null : length * ratio);
  return {
    ...galaxy,
    magR,
    halfLightRadiusArcsec: radius,
    bulgeRadiusArcsec: galaxy.bulgeRadiusArcsec * ratio,
    barLengthArcsec: scaled(galaxy.barLengthArcsec),
    ringRadiusArcsec: scaled(galaxy.ringRadiusArcsec),
    companionSeparationArcsec: scaled(galaxy.companionSeparationArcsec),
    companionMagR: galaxy.companionMagR === null ? null : galaxy.companionMagR - galaxy.magR + magR,
  };
}

/** A lens that is hard to find: small, faint or far off the axis. */
export function drawLensGalaxy(random: Random): Galaxy {
  const galaxy = resized(drawGalaxy(random, STAMP_ARCSEC, LENS_ALONE), random);
  const einsteinRadiusArcsec = random.uniform(0.7, 2.6);
  return {
    ...galaxy,
    einsteinRadiusArcsec,
    sourceMagR: random.uniform(21.8, 24.6),
    sourceXArcsec: random.normal(0, 0.3 * einsteinRadiusArcsec),
    sourceYArcsec: random.normal(0, 0.3 * einsteinRadiusArcsec),
  };
}

/** A bright galaxy that is no lens; early types as red as the galaxies in front of lenses, so that colour tells nothing. */
export function drawConfuser(random: Random): Galaxy {
  const galaxy = resized(drawGalaxy(random, STAMP_ARCSEC, WITHOUT_LENS), random);
  if (galaxy.label !== "elliptical" && galaxy.label !== "lenticular") return galaxy;
  const { redshift, gMinusR, rMinusZ } = drawGalaxy(random, STAMP_ARCSEC, LENS_ALONE);
  return { ...galaxy, redshift, gMinusR, rMinusZ };
}

/** The stamps' seeing and depth. */
export function drawConditions(random: Random): Conditions {
  const { psfFwhmGArcsec, psfFwhmRArcsec, psfFwhmZArcsec, depthG, depthR, depthZ } = drawGalaxy(random);
  return { fwhmsArcsec: [psfFwhmGArcsec, psfFwhmRArcsec, psfFwhmZArcsec], depths: [depthG, depthR, depthZ] };
}
