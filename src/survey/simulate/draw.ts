/** Drawing each kind of galaxy into a frame, without telescope or noise. */
import type { Random } from "../../base/random.ts";
import {
  addComponent,
  type Colour,
  colourOf,
  type Frame,
  latticeNoise,
  PIXEL_SCALE_ARCSEC,
  type Placement,
} from "./frame.ts";
import { traceBack } from "./lens.ts";
import type { Galaxy } from "./population.ts";
import { bar, EXPONENTIAL_HALF_LIGHT, edgeOnDisc, exponential, ring, sersic, spiralArms } from "./profiles.ts";

const px = (arcsec: number) => arcsec / PIXEL_SCALE_ARCSEC;
const rad = (degrees: number) => (degrees * Math.PI) / 180;
const scaled = (colour: Colour, share: number): Colour => [colour[0] * share, colour[1] * share, colour[2] * share];
/** Old stars, and young ones that replace a share of a disc's light. */
const redder = ([g, r, z]: Colour): Colour => [g * 0.82, r, z * 1.12];
const bluer = ([g, r, z]: Colour): Colour => [g * 1.22, r, z * 0.84];

/** Dims what stands in the frame: transmission exp(-tau) in r, more in g, less in z (Calzetti-like slopes). */
function absorb({ sizePx: S, planes }: Frame, depth: (px: number, py: number) => number): void {
  for (let y = 0; y < S; y++)
    for (let x = 0; x < S; x++) {
      const tau = depth(x, y);
      if (tau <= 0.001) continue;
      for (const [band, slope] of [1.35, 1, 0.6].entries()) planes[band * S * S + y * S + x] *= Math.exp(-tau * slope);
    }
}

/** A spheroid: elliptical galaxy or bulge. */
export function drawSpheroid(frame: Frame, at: Placement, flux: Colour, n: number, radiusArcsec: number): void {
  const profile = sersic(n, px(radiusArcsec) * Math.sqrt(at.axisRatio));
  addComponent(frame, at, flux, (u, v) => profile(Math.hypot(u, v)));
}

/**
 * A disc galaxy seen from above or inclined: disc, arms with knots, bar, ring, bulge, dust at the arms' inner edges.
 */
export function drawDisc(frame: Frame, galaxy: Galaxy, at: Placement, flux: Colour, random: Random): void {
  const {
    bulgeToTotal,
    sersicN,
    bulgeRadiusArcsec,
    halfLightRadiusArcsec,
    armCount,
    pitchAngleDeg,
    armStrength,
    flocculence,
    barLengthArcsec,
    ringRadiusArcsec,
    dustStrength,
  } = galaxy;
  const h = px(halfLightRadiusArcsec) / EXPONENTIAL_HALF_LIGHT;
  const disc = exponential(h, random.uniform(3.2, 5));
  const barShare = barLengthArcsec === null ? 0 : 0.16;
  const ringShare = ringRadiusArcsec === null ? 0 : 0.25;
  const floc = flocculence ?? 0.3;
  const wobbleNoise = latticeNoise(random, 4, 3);
  const cloudNoise = latticeNoise(random, 7, 4);
  const lopsided = random.uniform(0, 0.25);
  const side = random.uniform(0, 2 * Math.PI);
  const inner = barLengthArcsec === null ? 0.35 * h : px(barLengthArcsec) * 0.95;
  const arms =
    armCount === null
      ? null
      : spiralArms(
          armCount,
          rad(pitchAngleDeg as number),
          barLengthArcsec === null ? random.uniform(0, 6) : 0,
          inner,
          random.uniform(1.6, 3.4),
          (lnR, phi) => 1.6 * wobbleNoise(lnR, phi) * (0.4 + floc),
        );
  const armShare = arms === null ? 0 : 0.3 * (armStrength as number) + 0.1;
  const discShare = 1 - bulgeToTotal - barShare - ringShare;
  const polar = (u: number, v: number): [number, number] => [Math.hypot(u, v), Math.atan2(v, u)];
  const uneven = (phi: number) => 1 + lopsided * Math.cos(phi - side);
  const smooth = (u: number, v: number) => {
    const [r, phi] = polar(u, v);
    return disc(r) * (1 + 0.35 * cloudNoise(Math.log(r / h + 0.1), phi)) * uneven(phi);
  };
  addComponent(frame, at, scaled(redder(flux), discShare * (1 - armShare)), smooth);
  if (arms !== null) {
    const knots = latticeNoise(random, 14, 3);
    addComponent(frame, at, scaled(bluer(flux), discShare * armShare), (u, v) => {
      const [r, phi] = polar(u, v);
      const lnR = Math.log(r / h + 0.05);
      const clumps = Math.max(0, 1 + (0.9 + floc) * knots(2 * lnR, phi) + 0.8 * floc * cloudNoise(lnR, phi));
      return Math.exp(-r / (h * 1.25)) * arms(r, phi) * clumps ** 1.6 * uneven(phi);
    });
  }
  if (ringRadiusArcsec !== null) {
    const shape = ring(px(ringRadiusArcsec), px(ringRadiusArcsec) * random.uniform(0.1, 0.2));
    addComponent(frame, at, scaled(bluer(flux), ringShare), (u, v) => {
      const [r, phi] = polar(u, v);
      return shape(r) * Math.max(0.15, 1 + 0.8 * cloudNoise(1, phi)) * uneven(phi);
    });
  }
  if (arms !== null && dustStrength > 0.05) {
    const [cos, sin] = [Math.cos(at.angle), Math.sin(at.angle)];
    absorb(frame, (x, y) => {
      const [dx, dy] = [x - at.x, y - at.y];
      const [r, phi] = polar(dx * cos + dy * sin, (dy * cos - dx * sin) / at.axisRatio);
      if (r > 4 * h) return 0;
      return (
        dustStrength *
        arms(r, phi + 0.22) *
        (0.6 + 0.8 * Math.max(0, cloudNoise(2 * Math.log(r / h + 0.1), phi))) *
        Math.exp(-r / (2.5 * h))
      );
    });
  }
  if (barLengthArcsec !== null) {
    const shape = bar(px(barLengthArcsec), random.uniform(0.22, 0.36));
    addComponent(frame, at, scaled(redder(flux), barShare), shape);
  }
  drawSpheroid(
    frame,
    { ...at, axisRatio: Math.max(at.axisRatio, 0.7) },
    scaled(redder(redder(flux)), bulgeToTotal),
    sersicN,
    bulgeRadiusArcsec,
  );
}

/** A disc seen from its edge, with a dust lane before its middle. */
export function drawEdgeOn(frame: Frame, galaxy: Galaxy, at: Placement, flux: Colour, random: Random): void {
  const h = (px(galaxy.halfLightRadiusArcsec) / EXPONENTIAL_HALF_LIGHT) * 1.7;
  const height = Math.max(1.2, h * galaxy.axisRatio * random.uniform(0.7, 1.1));
  const clouds = latticeNoise(random, 9, 4);
  const warp = random.uniform(-0.02, 0.02);
  const shape = edgeOnDisc(h, height);
  const bent = (u: number, v: number) => v + (warp * u * u) / h;
  addComponent(
    frame,
    { ...at, axisRatio: 1 },
    scaled(flux, 1 - galaxy.bulgeToTotal),
    (u, v) => shape(u, bent(u, v)) * (1 + 0.5 * clouds(u / (2 * h), 1 + v / height)),
  );
  drawSpheroid(
    frame,
    { ...at, axisRatio: 0.65 },
    scaled(redder(redder(flux)), galaxy.bulgeToTotal),
    galaxy.sersicN,
    galaxy.bulgeRadiusArcsec,
  );
  if (galaxy.dustStrength < 0.15) return;
  const [cos, sin] = [Math.cos(at.angle), Math.sin(at.angle)];
  const offset = random.uniform(-0.35, 0.35) * height;
  absorb(frame, (x, y) => {
    const [dx, dy] = [x - at.x, y - at.y];
    const u = dx * cos + dy * sin;
    const v = bent(u, dy * cos - dx * sin) - offset;
    return (
      galaxy.dustStrength *
      Math.exp(-Math.abs(u) / (1.3 * h)) *
      Math.exp(-((v / (0.38 * height)) ** 2)) *
      Math.max(0.2, 1 + 0.9 * clouds(u / h, 3))
    );
  });
}

/** An irregular: an off-centre low disc with clumps of young stars. */
export function drawIrregular(frame: Frame, galaxy: Galaxy, at: Placement, flux: Colour, random: Random): void {
  const h = px(galaxy.halfLightRadiusArcsec) / EXPONENTIAL_HALF_LIGHT;
  const noise = latticeNoise(random, 5, 4);
  const disc = exponential(h, 4);
  addComponent(frame, at, scaled(flux, 0.72), (u, v) => {
    const [r, phi] = [Math.hypot(u, v), Math.atan2(v, u)];
    return disc(r) * Math.max(0.05, 1 + 1.3 * noise(r / h, phi));
  });
  const clumps = 4 + random.int(10);
  const weights = Array.from({ length: clumps }, () => random.next() ** 2 + 0.05);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  for (const weight of weights) {
    const [r, phi] = [h * Math.abs(random.normal(0, 1.3)), random.uniform(0, 2 * Math.PI)];
    const size = random.uniform(0.8, 2.6);
    const place = {
      x: at.x + r * Math.cos(phi),
      y: at.y + r * Math.sin(phi) * at.axisRatio,
      angle: random.uniform(0, 3),
      axisRatio: random.uniform(0.6, 1),
    };
    addComponent(
      frame,
      place,
      scaled(bluer(bluer(flux)), (0.28 * weight) / total),
      (u, v) => Math.exp((-u * u - v * v) / (2 * size * size)),
      5 * size,
    );
  }
}

/** Two galaxies that meet: tidal tails curve away from each, a bridge joins them, faint shells lie around. */
export function drawMerger(frame: Frame, galaxy: Galaxy, at: Placement, flux: Colour, random: Random): void {
  const separation = px(galaxy.companionSeparationArcsec as number);
  const direction = random.uniform(0, 2 * Math.PI);
  const other = {
    ...at,
    x: at.x + separation * Math.cos(direction),
    y: at.y + separation * Math.sin(direction),
    angle: random.uniform(0, Math.PI),
    axisRatio: random.uniform(0.45, 1),
  };
  const share = 10 ** (-0.4 * ((galaxy.companionMagR as number) - galaxy.magR));
  const tails = 0.22;
  const one = {
    ...galaxy,
    armCount: random.next() < 0.5 ? 2 : null,
    pitchAngleDeg: 25,
    armStrength: 0.8,
    flocculence: 0.7,
    dustStrength: random.uniform(0.1, 0.9),
  };
  drawDisc(frame, one, at, scaled(flux, (1 - tails) / (1 + share)), random);
  const two = {
    ...one,
    halfLightRadiusArcsec: galaxy.halfLightRadiusArcsec * random.uniform(0.5, 0.9),
    armCount: null,
  };
  drawDisc(
    frame,
    two,
    other,
    scaled(random.next() < 0.4 ? redder(flux) : bluer(flux), ((1 - tails) * share) / (1 + share)),
    random,
  );
  const noise = latticeNoise(random, 8, 3);
  const count = 1 + random.int(3);
  const spin = random.next() < 0.5 ? 1 : -1;
  for (let tail = 0; tail < count; tail++) {
    const from = tail % 2 === 0 ? at : other;
    const start = direction + (tail % 2 === 0 ? Math.PI : 0) + random.uniform(-0.7, 0.7);
    const reach = px(galaxy.halfLightRadiusArcsec) * random.uniform(1.8, 3.4);
    const width = Math.max(1.5, reach * random.uniform(0.06, 0.12));
    const bend = spin * random.uniform(0.5, 1.5);
    addComponent(
      frame,
      { x: from.x, y: from.y, angle: 0, axisRatio: 1 },
      scaled(bluer(flux), tails / count),
      (u, v) => {
        const r = Math.hypot(u, v);
        if (r > 1.6 * reach) return 0;
        const away = Math.atan2(v, u) - start - bend * (r / reach) ** 1.3;
        const off = ((((away + Math.PI) % (2 * Math.PI)) + 2 * Math.PI) % (2 * Math.PI)) - Math.PI;
        return (
          Math.exp(-0.5 * ((off * r) / (width * (0.7 + r / reach))) ** 2) *
          Math.exp(-r / (0.7 * reach)) *
          Math.max(0.1, 1 + 0.8 * noise(r / reach, start + off)) *
          (r / (r + 0.3 * reach))
        );
      },
    );
  }
  const debris = px(galaxy.halfLightRadiusArcsec) * random.uniform(1.6, 2.4);
  addComponent(
    frame,
    { x: (at.x + other.x) / 2, y: (at.y + other.y) / 2, angle: direction, axisRatio: 0.7 },
    scaled(redder(flux), 0.06),
    (u, v) => {
      const [r, phi] = [Math.hypot(u, v), Math.atan2(v, u)];
      return Math.exp(-r / debris) * Math.max(0, 1 + 1.2 * noise(r / debris, phi));
    },
  );
}

/** A massive elliptical and, around it, the lensed images of a source behind. */
export function drawLens(frame: Frame, galaxy: Galaxy, at: Placement, flux: Colour, random: Random): void {
  drawSpheroid(frame, at, flux, galaxy.sersicN, galaxy.halfLightRadiusArcsec);
  const { sizePx: S, planes } = frame;
  const sie = {
    einsteinRadius: px(galaxy.einsteinRadiusArcsec as number),
    axisRatio: galaxy.lensAxisRatio as number,
    angle: at.angle,
  };
  const size = px(random.uniform(0.22, 0.5));
  const profile = sersic(1, size);
  const ratio = random.uniform(0.5, 1);
  const turn = random.uniform(0, Math.PI);
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  const [sx, sy] = [px(galaxy.sourceXArcsec as number), px(galaxy.sourceYArcsec as number)];
  // Surface brightness is kept by lensing: total flux of the unlensed source sets it.
  const unlensed = 2 * Math.PI * size * size * ratio * 1.905;
  const colour = colourOf(galaxy.sourceMagR as number, random.uniform(-0.05, 0.3), random.uniform(-0.1, 0.25));
  const points = 4;
  for (let y = 0; y < S; y++)
    for (let x = 0; x < S; x++) {
      if (Math.hypot(x - at.x, y - at.y) > 3 * sie.einsteinRadius + 6 * size) continue;
      let value = 0;
      for (let i = 0; i < points; i++)
        for (let j = 0; j < points; j++) {
          const [bx, by] = traceBack(sie, x - at.x + (i + 0.5) / points - 0.5, y - at.y + (j + 0.5) / points - 0.5);
          const [dx, dy] = [bx - sx, by - sy];
          value += profile(Math.hypot(dx * cos + dy * sin, (dy * cos - dx * sin) / ratio));
        }
      for (let band = 0; band < 3; band++)
        planes[band * S * S + y * S + x] += (value / points ** 2 / unlensed) * colour[band];
    }
}
