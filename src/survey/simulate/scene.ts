/**
 * A wide simulated field: lenses, the bright galaxies that are taken for them, faint galaxies and stars, with the truth
 * about each.
 */
import type { Random } from "../../base/random.ts";
import type { MaskPx } from "../../contract/detection.ts";
import { type Colour, colourOf, PIXEL_SCALE_ARCSEC } from "./frame.ts";
import { addNoise } from "./noise.ts";
import {
  addLight,
  galaxyLight,
  type Light,
  lensLight,
  type MaskRule,
  outlineOf,
  plainLight,
  sigmasOf,
  starLight,
} from "./objects.ts";
import { addSky, type Conditions } from "./render.ts";
import { drawConditions, drawConfuser, drawLensGalaxy } from "./scene-galaxies.ts";

/** Classes of a field's annotations. */
export const SCENE_CLASSES = ["lens", "galaxy", "star"] as const;

/** An object of a field and what is true of it; null where it does not apply. Pixels are 0-based. */
export interface SceneObject {
  class: (typeof SCENE_CLASSES)[number];
  /** Class of a bright galaxy, `deflector` for the galaxy in front of a lens, `faint`, `neighbour`, `star`, or `lens`. */
  kind: string;
  x: number;
  y: number;
  /** AB magnitudes; of a lens those of its lensed images. */
  magG: number;
  magR: number;
  magZ: number;
  halfLightRadiusArcsec: number | null;
  mask: MaskPx;
  /** Signal-to-noise of its light in its mask, all bands. */
  snr: number;
  /** Too faint to be seen (no pixel above 2 sigma), or its box is cut to less than half: neither hit nor miss. */
  ignore: boolean;
  einsteinRadiusArcsec: number | null;
  sourceMagR: number | null;
  sourceXArcsec: number | null;
  sourceYArcsec: number | null;
  deflectorMagR: number | null;
}

/** A field [3, size, size] in nanomaggies (g, r, z), its sky and its objects. */
export interface Scene {
  sizePx: number;
  planes: Float32Array;
  conditions: Conditions;
  raDeg: number;
  decDeg: number;
  objects: SceneObject[];
}

/** Shares of fields of 256 px with no, one, two and three lenses. */
const LENSES = [0.35, 0.45, 0.15, 0.05];
/** Bright objects lie at least this far from each other: what is nearer is one object to every eye. */
const APART_PX = 14;
const NO_LENS = {
  einsteinRadiusArcsec: null,
  sourceMagR: null,
  sourceXArcsec: null,
  sourceYArcsec: null,
  deflectorMagR: null,
};

/** Poisson number (Knuth's products, in parts that do not underflow). */
function poisson(random: Random, mean: number): number {
  let count = 0;
  for (let left = mean; left > 0; left -= 20) {
    const limit = Math.exp(-Math.min(left, 20));
    for (let product = random.next(); product > limit; product *= random.next()) count++;
  }
  return count;
}

/** Adds an object to a field: its light, and its truth where any of its mask lies within. */
class Canvas {
  readonly objects: SceneObject[] = [];
  readonly sizePx: number;
  readonly planes: Float32Array;
  readonly conditions: Conditions;
  readonly #sigmas: number[];

  constructor(sizePx: number, conditions: Conditions) {
    this.sizePx = sizePx;
    this.planes = new Float32Array(3 * sizePx * sizePx);
    this.conditions = conditions;
    this.#sigmas = sigmasOf(conditions);
  }

  add(
    truth: Pick<SceneObject, "class" | "kind" | "x" | "y"> & Partial<SceneObject>,
    light: Light,
    [magG, magR, magZ]: number[],
    rule: Omit<MaskRule, "sigmas"> = { bands: [0, 1, 2] },
  ): void {
    addLight(this.planes, this.sizePx, light);
    const { mask, peak, inside, snr } = outlineOf(light, this.sizePx, { ...rule, sigmas: this.#sigmas });
    if (mask === null) return;
    const ignore = peak <= 2 || inside < 0.5;
    this.objects.push({ ...NO_LENS, halfLightRadiusArcsec: null, ...truth, magG, magR, magZ, mask, snr, ignore });
  }
}

const magnitudesOf = (colour: Colour) => colour.map((flux) => 22.5 - 2.5 * Math.log10(flux));

/** Total light of the window by band, as magnitudes; of what nothing is seen, 99. */
function magnitudesOfLight({ planes, size }: Light): number[] {
  return [0, 1, 2].map((band) => {
    let sum = 0;
    for (let p = band * size * size; p < (band + 1) * size * size; p++) sum += planes[p];
    return sum > 0 ? 22.5 - 2.5 * Math.log10(sum) : 99;
  });
}

function addLens(canvas: Canvas, place: { x: number; y: number }, random: Random): void {
  const galaxy = drawLensGalaxy(random);
  const { deflector, arcs } = lensLight(galaxy, place, random, canvas.conditions);
  const { magR, halfLightRadiusArcsec, einsteinRadiusArcsec, sourceMagR, sourceXArcsec, sourceYArcsec } = galaxy;
  const colour = colourOf(magR, galaxy.gMinusR, galaxy.rMinusZ);
  canvas.add({ class: "galaxy", kind: "deflector", ...place, halfLightRadiusArcsec }, deflector, magnitudesOf(colour));
  const lens = { einsteinRadiusArcsec, sourceMagR, sourceXArcsec, sourceYArcsec, deflectorMagR: magR };
  const radiusPx = (einsteinRadiusArcsec as number) / PIXEL_SCALE_ARCSEC;
  canvas.add({ class: "lens", kind: "lens", ...place, ...lens }, arcs, magnitudesOfLight(arcs), {
    bands: [0, 1],
    circle: { ...place, radiusPx },
  });
}

function addConfuser(canvas: Canvas, place: { x: number; y: number }, random: Random): void {
  const galaxy = drawConfuser(random);
  const light = galaxyLight(galaxy, place, random, canvas.conditions);
  const { label: kind, halfLightRadiusArcsec } = galaxy;
  canvas.add({ class: "galaxy", kind, ...place, halfLightRadiusArcsec }, light, magnitudesOfLight(light));
  if (kind !== "elliptical" || random.next() > 1 / 3) return;
  // Blue galaxies that stand beside it by chance.
  for (let i = 1 + random.int(2); i > 0; i--) {
    const [away, phi] = [random.uniform(1, 3.7) / PIXEL_SCALE_ARCSEC, random.uniform(0, 2 * Math.PI)];
    const beside = { x: place.x + away * Math.cos(phi), y: place.y + away * Math.sin(phi) };
    const colour = colourOf(random.uniform(21.8, 24), random.uniform(-0.05, 0.3), random.uniform(-0.1, 0.25));
    addPlain(canvas, "neighbour", beside, colour, 1, random.uniform(0.22, 0.5), random);
  }
}

function addPlain(
  canvas: Canvas,
  kind: string,
  place: { x: number; y: number },
  colour: Colour,
  sersicN: number,
  radiusArcsec: number,
  random: Random,
): void {
  const shape = { angle: random.uniform(0, Math.PI), axisRatio: random.uniform(0.35, 1) };
  const light = plainLight({ ...place, ...shape, sersicN, radiusArcsec, colour }, canvas.conditions);
  canvas.add({ class: "galaxy", kind, ...place, halfLightRadiusArcsec: radiusArcsec }, light, magnitudesOf(colour));
}

/** A faint galaxy; counts rise by 10^(0.35 r) to r = 24.4. */
function addFaint(canvas: Canvas, place: { x: number; y: number }, random: Random): void {
  const magR = Math.max(18.5, 24.4 + Math.log10(1 - random.next()) / 0.35);
  const red = random.next() < 0.35;
  const radius = random.uniform(0.25, 0.75) * 10 ** ((22.5 - magR) * 0.09);
  const [gMinusR, rMinusZ] = red
    ? [random.normal(1, 0.2), random.normal(0.9, 0.2)]
    : [random.normal(0.45, 0.2), random.normal(0.4, 0.2)];
  addPlain(canvas, "faint", place, colourOf(magR, gMinusR, rMinusZ), red ? 3 : 1.1, radius, random);
}

function addStar(canvas: Canvas, place: { x: number; y: number }, random: Random): void {
  const magR = Math.max(16.5, 23 - Math.abs(random.normal(0, 2.1)));
  const colour = colourOf(magR, random.uniform(0.2, 1.4), random.uniform(0.1, 1.5));
  canvas.add(
    { class: "star", kind: "star", ...place },
    starLight(place, colour, canvas.conditions),
    magnitudesOf(colour),
  );
}

/** How many lenses a field of 256 px holds. */
function lensesIn(random: Random): number {
  const drawn = random.next();
  return LENSES.slice(0, -1).filter((_, i) => drawn >= LENSES.slice(0, i + 1).reduce((sum, share) => sum + share))
    .length;
}

/** Photons of bright objects make noise of their own, whatever the sky. */
export const NO_SKY = [0, 0, 0];

/** Side of the window that a lens alone is drawn in. */
const ALONE_PX = 160;

/** One lens without sky or noise near the middle of a window, the galaxy in front with it. The same stream always gives the same. */
export function renderLens(random: Random): Scene {
  const conditions = drawConditions(random.fork("sky"));
  const canvas = new Canvas(ALONE_PX, conditions);
  const near = () => (ALONE_PX - 1) / 2 + random.uniform(-0.5, 0.5);
  addLens(canvas, { x: near(), y: near() }, random.fork("lens"));
  const objects = canvas.objects.filter((one) => one.class === "lens");
  return { sizePx: ALONE_PX, planes: canvas.planes, conditions, raDeg: 0, decDeg: 0, objects };
}

/**
 * The lenses of a field alone, with the noise of their photons and without sky, to be added to an image of the real sky; none within
 * `clearPx` of its middle, where what the image is of stands. The same stream always gives the same lenses.
 */
export function renderLenses(random: Random, sizePx: number, clearPx: number): Scene {
  const conditions = drawConditions(random.fork("sky"));
  const canvas = new Canvas(sizePx, conditions);
  const numbers = random.fork("numbers");
  const middle = (sizePx - 1) / 2;
  const places: { x: number; y: number }[] = [{ x: middle, y: middle }];
  for (let lens = 0, count = lensesIn(numbers); lens < count; lens++) {
    let place = places[0];
    for (let tries = 0; tries < 50; tries++) {
      place = { x: numbers.uniform(-0.5, sizePx - 0.5), y: numbers.uniform(-0.5, sizePx - 0.5) };
      const [x, y] = [place.x, place.y];
      if (places.every((other) => Math.hypot(other.x - x, other.y - y) >= clearPx)) break;
    }
    places.push(place);
    addLens(canvas, place, random.fork(`lens ${lens}`));
  }
  addNoise(canvas.planes, sizePx, NO_SKY, random.fork("photons"));
  const objects = canvas.objects.filter((one) => one.class === "lens");
  return { sizePx, planes: canvas.planes, conditions, raDeg: 0, decDeg: 0, objects };
}

/**
 * A field of `sizePx` x `sizePx` pixels; numbers of objects grow with its area. The same stream always gives the same
 * field. A third of the fields of 256 px hold no lens.
 */
export function renderScene(random: Random, sizePx: number): Scene {
  const area = (sizePx / 256) ** 2;
  const conditions = drawConditions(random.fork("sky"));
  const canvas = new Canvas(sizePx, conditions);
  const bright: { x: number; y: number }[] = [];
  const numbers = random.fork("numbers");
  const brightPlace = () => {
    for (let tries = 0; ; tries++) {
      const place = { x: numbers.uniform(-0.5, sizePx - 0.5), y: numbers.uniform(-0.5, sizePx - 0.5) };
      if (tries < 50 && bright.some(({ x, y }) => Math.hypot(x - place.x, y - place.y) < APART_PX)) continue;
      bright.push(place);
      return place;
    }
  };
  let lenses = 0;
  for (let part = 0; part < Math.max(1, Math.round(area)); part++) lenses += lensesIn(numbers);
  const confusers = Math.round(3 * area) + poisson(numbers, 2 * area);
  const [faint, stars] = [poisson(numbers, 35 * area), poisson(numbers, 4 * area)];
  const each = (count: number, name: string, add: (one: Random) => void) => {
    for (let i = 0; i < count; i++) add(random.fork(`${name} ${i}`));
  };
  const anywhere = (one: Random) => ({ x: one.uniform(-4, sizePx + 4), y: one.uniform(-4, sizePx + 4) });
  each(lenses, "lens", (one) => addLens(canvas, brightPlace(), one));
  each(confusers, "bright", (one) => addConfuser(canvas, brightPlace(), one));
  each(faint, "faint", (one) => addFaint(canvas, anywhere(one), one));
  each(stars, "star", (one) => addStar(canvas, anywhere(one), one));
  addSky(canvas.planes, sizePx, conditions, random);
  const sky = random.fork("place");
  return {
    sizePx,
    planes: canvas.planes,
    conditions,
    raDeg: sky.uniform(0, 360),
    decDeg: (Math.asin(sky.uniform(-0.3, 0.9)) * 180) / Math.PI,
    objects: canvas.objects,
  };
}
