/** Drawing a disc galaxy, part by part. */
import type { Random } from "../../base/random.ts";
import type { Colour, Frame, Placement } from "./frame.ts";
import { absorb, bluer, drawSpheroid, px, rad, reachOf, redder, scaled } from "./light.ts";
import { addComponent, FAINT, PixelGrid, PolarGrid } from "./plane.ts";
import type { Galaxy } from "./population.ts";
import { bar, EXPONENTIAL_HALF_LIGHT, exponential, ring, spiralArms } from "./profiles.ts";
import { latticeNoise, powerTable, tabulated } from "./tables.ts";

/** What the parts of a disc galaxy have in common. */
interface Disc {
  frame: Frame;
  galaxy: Galaxy;
  at: Placement;
  flux: Colour;
  random: Random;
  /** Scale length of the disc, px. */
  h: number;
  plane: PolarGrid;
  /** The largest radius of the plane. */
  reach: number;
  floc: number;
  clouds: ReturnType<typeof latticeNoise>;
  /** The disc's light is brighter on one side. */
  uneven(cos: number, sin: number): number;
}

/** Light along the arms at a radius and an angle. */
type Arms = ReturnType<typeof spiralArms>;

/**
 * A disc galaxy seen from above or inclined: disc, arms with knots, bar, ring, bulge, dust at the arms' inner edges.
 */
export function drawDisc(frame: Frame, galaxy: Galaxy, at: Placement, flux: Colour, random: Random): void {
  const { bulgeToTotal, sersicN, bulgeRadiusArcsec, halfLightRadiusArcsec, armStrength } = galaxy;
  const { barLengthArcsec, ringRadiusArcsec, dustStrength } = galaxy;
  const h = px(halfLightRadiusArcsec) / EXPONENTIAL_HALF_LIGHT;
  const plane = new PolarGrid(frame.sizePx, at);
  const reach = reachOf(frame, at);
  const light = tabulated(exponential(h, random.uniform(3.2, 5)), reach);
  const barShare = barLengthArcsec === null ? 0 : 0.16;
  const ringShare = ringRadiusArcsec === null ? 0 : 0.25;
  const floc = galaxy.flocculence ?? 0.3;
  // The order in which numbers are drawn is part of what a seed means.
  const wobbles = latticeNoise(random, 4, 3);
  const clouds = latticeNoise(random, 7, 4);
  const lopsided = random.uniform(0, 0.25);
  const side = random.uniform(0, 2 * Math.PI);
  const [cosSide, sinSide] = [lopsided * Math.cos(side), lopsided * Math.sin(side)];
  const uneven = (cos: number, sin: number) => 1 + cos * cosSide + sin * sinSide;
  const disc: Disc = { frame, galaxy, at, flux, random, h, plane, reach, floc, clouds, uneven };
  const arms = armsOf(disc, wobbles);
  const armShare = arms === null ? 0 : 0.3 * (armStrength as number) + 0.1;
  const discShare = 1 - bulgeToTotal - barShare - ringShare;
  drawStars(disc, light, discShare * (1 - armShare));
  if (arms !== null) drawArms(disc, arms, discShare * armShare);
  if (ringRadiusArcsec !== null) drawRing(disc, px(ringRadiusArcsec), ringShare);
  if (arms !== null && dustStrength > 0.05) drawDust(disc, arms);
  if (barLengthArcsec !== null) drawBar(disc, px(barLengthArcsec), barShare);
  const round = { ...at, axisRatio: Math.max(at.axisRatio, 0.7) };
  drawSpheroid(frame, round, scaled(redder(redder(flux)), bulgeToTotal), sersicN, bulgeRadiusArcsec);
}

/** A galaxy's arms, from its bar's end or its middle outwards; null where it has none. */
function armsOf({ galaxy, random, h, floc }: Disc, wobbles: Disc["clouds"]): Arms | null {
  const { armCount, pitchAngleDeg, barLengthArcsec } = galaxy;
  if (armCount === null) return null;
  return spiralArms(
    armCount,
    rad(pitchAngleDeg as number),
    barLengthArcsec === null ? random.uniform(0, 6) : 0,
    barLengthArcsec === null ? 0.35 * h : px(barLengthArcsec) * 0.95,
    random.uniform(1.6, 3.4),
    (lnR, phi) => 1.6 * wobbles(lnR, phi) * (0.4 + floc),
  );
}

function drawStars({ frame, plane, flux, h, clouds, uneven }: Disc, disc: (r: number) => number, share: number): void {
  addComponent(frame, plane, scaled(redder(flux), share), ({ count, r, phi, cos, sin }, into) => {
    for (let p = 0; p < count; p++) {
      const light = disc(r[p]);
      // Clouds of what is too faint to be seen are left out.
      into[p] =
        light < FAINT ? light : light * (1 + 0.35 * clouds(Math.log(r[p] / h + 0.1), phi[p])) * uneven(cos[p], sin[p]);
    }
  });
}

function drawArms(disc: Disc, arms: Arms, share: number): void {
  const { frame, plane, flux, random, h, reach, floc, clouds, uneven } = disc;
  const knots = latticeNoise(random, 14, 3);
  const fall = tabulated((r) => Math.exp(-r / (h * 1.25)), reach);
  const contrast = powerTable(1.6, 4);
  addComponent(frame, plane, scaled(bluer(flux), share), (points, into) => {
    const { count, r, lnR, phi, cos, sin } = points;
    for (let p = 0; p < count; p++) {
      const light = fall(r[p]) * arms(r[p], phi[p], lnR[p]);
      into[p] = light;
      if (light < FAINT) continue;
      const along = Math.log(r[p] / h + 0.05);
      const clumps = 1 + (0.9 + floc) * knots(2 * along, phi[p]) + 0.8 * floc * clouds(along, phi[p]);
      into[p] = light * contrast(Math.max(0, clumps)) * uneven(cos[p], sin[p]);
    }
  });
}

function drawRing({ frame, plane, flux, random, clouds, uneven }: Disc, radius: number, share: number): void {
  const shape = ring(radius, radius * random.uniform(0.1, 0.2));
  addComponent(frame, plane, scaled(bluer(flux), share), ({ count, r, phi, cos, sin }, into) => {
    for (let p = 0; p < count; p++) {
      const light = shape(r[p]);
      into[p] = light < FAINT ? light : light * Math.max(0.15, 1 + 0.8 * clouds(1, phi[p])) * uneven(cos[p], sin[p]);
    }
  });
}

/** Dust at the arms' inner edges. */
function drawDust({ frame, plane, galaxy: { dustStrength }, h, clouds }: Disc, arms: Arms): void {
  absorb(frame, plane, ({ count, r, lnR, phi }, into) => {
    for (let p = 0; p < count; p++) {
      if (r[p] > 4 * h) continue;
      const most = dustStrength * arms(r[p], phi[p] + 0.22, lnR[p]) * Math.exp(-r[p] / (2.5 * h));
      if (most < 5e-4) continue;
      into[p] = most * (0.6 + 0.8 * Math.max(0, clouds(2 * Math.log(r[p] / h + 0.1), phi[p])));
    }
  });
}

function drawBar({ frame, at, flux, random }: Disc, length: number, share: number): void {
  const shape = bar(length, random.uniform(0.22, 0.36));
  const within = new PixelGrid(frame.sizePx, at, 1.4 * length);
  addComponent(frame, within, scaled(redder(flux), share), ({ count, u, v }, into) => {
    for (let p = 0; p < count; p++) into[p] = shape(u[p], v[p]);
  });
}
