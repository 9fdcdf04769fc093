/** Drawing the other kinds of galaxies into a frame, without telescope or noise. */
import type { Random } from "../../base/random.ts";
import { drawDisc } from "./disc.ts";
import { type Colour, colourOf, type Frame, type Placement } from "./frame.ts";
import { traceBack } from "./lens.ts";
import { absorb, bluer, drawSpheroid, px, reachOf, redder, scaled } from "./light.ts";
import { addComponent, FAINT, PixelGrid, PolarGrid } from "./plane.ts";
import type { Galaxy } from "./population.ts";
import { EXPONENTIAL_HALF_LIGHT, edgeOnDisc, exponential, sersic } from "./profiles.ts";
import { latticeNoise, tabulated } from "./tables.ts";

/** A disc seen from its edge, with a dust lane before its middle. */
export function drawEdgeOn(frame: Frame, galaxy: Galaxy, at: Placement, flux: Colour, random: Random): void {
  const h = (px(galaxy.halfLightRadiusArcsec) / EXPONENTIAL_HALF_LIGHT) * 1.7;
  const height = Math.max(1.2, h * galaxy.axisRatio * random.uniform(0.7, 1.1));
  const clouds = latticeNoise(random, 9, 4);
  const warp = random.uniform(-0.02, 0.02);
  const shape = edgeOnDisc(h, height);
  const bent = (u: number, v: number) => v + (warp * u * u) / h;
  const plane = new PixelGrid(frame.sizePx, { ...at, axisRatio: 1 });
  addComponent(frame, plane, scaled(flux, 1 - galaxy.bulgeToTotal), ({ count, u, v }, into) => {
    for (let p = 0; p < count; p++) {
      const light = shape(u[p], bent(u[p], v[p]));
      into[p] = light < FAINT ? light : light * (1 + 0.5 * clouds(u[p] / (2 * h), 1 + v[p] / height));
    }
  });
  drawSpheroid(
    frame,
    { ...at, axisRatio: 0.65 },
    scaled(redder(redder(flux)), galaxy.bulgeToTotal),
    galaxy.sersicN,
    galaxy.bulgeRadiusArcsec,
  );
  if (galaxy.dustStrength < 0.15) return;
  const offset = random.uniform(-0.35, 0.35) * height;
  absorb(frame, plane, ({ count, u, v }, into) => {
    for (let p = 0; p < count; p++) {
      const across = (bent(u[p], v[p]) - offset) / (0.38 * height);
      const most = galaxy.dustStrength * Math.exp(-Math.abs(u[p]) / (1.3 * h) - across ** 2);
      if (most >= 5e-4) into[p] = most * Math.max(0.2, 1 + 0.9 * clouds(u[p] / h, 3));
    }
  });
}

/** An irregular: an off-centre low disc with clumps of young stars. */
export function drawIrregular(frame: Frame, galaxy: Galaxy, at: Placement, flux: Colour, random: Random): void {
  const h = px(galaxy.halfLightRadiusArcsec) / EXPONENTIAL_HALF_LIGHT;
  const noise = latticeNoise(random, 5, 4);
  const disc = tabulated(exponential(h, 4), reachOf(frame, at));
  addComponent(frame, new PolarGrid(frame.sizePx, at), scaled(flux, 0.72), ({ count, r, phi }, into) => {
    for (let p = 0; p < count; p++) {
      const light = disc(r[p]);
      into[p] = light < FAINT ? light : light * Math.max(0.05, 1 + 1.3 * noise(r[p] / h, phi[p]));
    }
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
    const colour = scaled(bluer(bluer(flux)), (0.28 * weight) / total);
    addComponent(frame, new PixelGrid(frame.sizePx, place, 5 * size), colour, ({ count, u, v }, into) => {
      for (let p = 0; p < count; p++) into[p] = Math.exp((-u[p] * u[p] - v[p] * v[p]) / (2 * size * size));
    });
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
    const plane = new PolarGrid(frame.sizePx, { x: from.x, y: from.y, angle: 0, axisRatio: 1 });
    addComponent(frame, plane, scaled(bluer(flux), tails / count), (points, into) => {
      const { r, phi } = points;
      for (let p = 0; p < points.count; p++) {
        into[p] = 0;
        if (r[p] > 1.6 * reach) continue;
        const away = phi[p] - start - bend * (r[p] / reach) ** 1.3;
        const off = ((((away + Math.PI) % (2 * Math.PI)) + 2 * Math.PI) % (2 * Math.PI)) - Math.PI;
        const across = (off * r[p]) / (width * (0.7 + r[p] / reach));
        const light = Math.exp(-0.5 * across ** 2 - r[p] / (0.7 * reach)) * (r[p] / (r[p] + 0.3 * reach));
        into[p] = light < FAINT ? light : light * Math.max(0.1, 1 + 0.8 * noise(r[p] / reach, start + off));
      }
    });
  }
  const debris = px(galaxy.halfLightRadiusArcsec) * random.uniform(1.6, 2.4);
  const between = { x: (at.x + other.x) / 2, y: (at.y + other.y) / 2, angle: direction, axisRatio: 0.7 };
  addComponent(frame, new PolarGrid(frame.sizePx, between), scaled(redder(flux), 0.06), ({ count, r, phi }, into) => {
    for (let p = 0; p < count; p++)
      into[p] = Math.exp(-r[p] / debris) * Math.max(0, 1 + 1.2 * noise(r[p] / debris, phi[p]));
  });
}

/** A massive elliptical and, around it, the lensed images of a source behind. */
export function drawLens(frame: Frame, galaxy: Galaxy, at: Placement, flux: Colour, random: Random): void {
  drawSpheroid(frame, at, flux, galaxy.sersicN, galaxy.halfLightRadiusArcsec);
  drawArcs(frame, galaxy, at, random);
}

/** The lensed images of a lens's source alone. */
export function drawArcs(frame: Frame, galaxy: Galaxy, at: Placement, random: Random): void {
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
      const away = Math.hypot(x - at.x, y - at.y);
      if (away > 3 * sie.einsteinRadius + 6 * size) continue;
      // A pixel is no wider in the source plane than in the picture, but for the middle, where rays part.
      const [cx, cy] = traceBack(sie, x - at.x, y - at.y);
      if (away > 2 && Math.hypot(cx - sx, cy - sy) > 8 * size + 1) continue;
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
