/**
 * Structures painted into pictures of real galaxies: bars, rings, arms, companions, tails and what else tells kinds of
 * galaxies apart. What painting one changes in an encoder's features is known without any person's label, in images
 * whose telescope, sky and other galaxies are real.
 */
import type { Random } from "../../base/random.ts";
import { type Disc, discIn, levelAt, type Picture } from "./disc.ts";

/** What can be painted, in the order of their statements. */
export const STRUCTURES = [
  "bar",
  "ring",
  "arms",
  "companion",
  "warp",
  "tail",
  "clumps",
  "lane",
  "nucleus",
  "tilt",
] as const;

/** What stands in a galaxy or befell it, and can be painted into the picture of another. */
export type Structure = (typeof STRUCTURES)[number];

/** Paints into a picture of which `disc` is the galaxy. */
type Painter = (picture: Picture, disc: Disc, random: Random) => Picture;

/** How much redder or bluer light is than its surroundings: factors of red, green and blue. */
const BLUE = [0.85, 1, 1.15] as const;
const VERY_BLUE = [0.75, 1, 1.3] as const;
const RED = [1.1, 1, 0.85] as const;
/** Dust lets red light through, blue light less. */
const DUST = [0.7, 1, 1.35] as const;

const average = (bands: number[]) => (bands[0] + bands[1] + bands[2]) / 3;
const bounded = (value: number) => Math.min(1, Math.max(0, value));
const hill = (distance: number, width: number) => Math.exp(-0.5 * (distance / width) ** 2);
const turnOf = (random: Random) => random.uniform(0, 2 * Math.PI);

/** A picture whose pixels are `to` of band, place and old value, within [0, 1]. */
function repaint({ sizePx, pixels }: Picture, to: (band: number, p: number, value: number) => number): Picture {
  const N = sizePx * sizePx;
  const out = new Float32Array(pixels.length);
  for (let band = 0; band < 3; band++)
    for (let p = 0; p < N; p++) out[band * N + p] = bounded(to(band, p, pixels[band * N + p]));
  return { sizePx, pixels: out };
}

/** A picture of which pixel (x, y) shows what `from` says of it, between the pixels; `outside` where that is none. */
function moved({ sizePx: S, pixels }: Picture, from: (x: number, y: number) => [number, number], outside?: number) {
  const N = S * S;
  const out = new Float32Array(pixels.length);
  for (let p = 0; p < N; p++) {
    const [fromX, fromY] = from(p % S, Math.floor(p / S));
    const isOutside = fromX < 0 || fromY < 0 || fromX > S - 1 || fromY > S - 1;
    const [x, y] = [Math.min(S - 1, Math.max(0, fromX)), Math.min(S - 1, Math.max(0, fromY))];
    const [x0, y0] = [Math.min(S - 2, Math.floor(x)), Math.min(S - 2, Math.floor(y))];
    const [fx, fy] = [x - x0, y - y0];
    for (let band = 0; band < 3; band++) {
      const at = band * N + y0 * S + x0;
      const upper = pixels[at] * (1 - fx) + pixels[at + 1] * fx;
      const lower = pixels[at + S] * (1 - fx) + pixels[at + S + 1] * fx;
      out[band * N + p] = isOutside && outside !== undefined ? outside : upper * (1 - fy) + lower * fy;
    }
  }
  return { sizePx: S, pixels: out };
}

/** A bar and, where `ringed`, a ring around its ends; a ring alone where there is no bar. */
function barAndRing(barred: boolean, ringed: boolean): Painter {
  return (picture, disc, random) => {
    const turn = random.uniform(0, Math.PI);
    const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
    const length = disc.halfLight * random.uniform(0.5, 1.1);
    const along = disc.u.map((u, p) => u * cos + disc.v[p] * sin);
    const across = disc.v.map((v, p) => v * cos - disc.u[p] * sin);
    const withBar = barred ? paintBar(picture, disc, { length, along, across }, random) : picture;
    return ringed ? paintRing(withBar, disc, { length, along, across }, random) : withBar;
  };
}

/** Places along a bar's axis and across it, and its half-length. */
interface Axis {
  length: number;
  along: Float32Array;
  across: Float32Array;
}

/** A boxy ellipse of a colour between that of its surroundings and the middle's; beside it the disc may be dimmed. */
function paintBar(picture: Picture, disc: Disc, { length, along, across }: Axis, random: Random): Picture {
  const [ratio, power, edge] = [random.uniform(0.2, 0.4), random.uniform(2, 3.5), random.uniform(4, 9)];
  const [fall, strength, dim] = [random.uniform(0, 0.8), 1.5 * random.uniform(0.35, 1), random.uniform(0, 0.35)];
  const [around, middle] = [levelAt(disc, length / 2), levelAt(disc, 1)];
  const [a, m] = [average(around), average(middle)];
  const colour = around.map((value, band) => (value / (a + 1e-3) + middle[band] / (m + 1e-3)) / 2);
  const bright = colour.map((value) => value * Math.max(a, 0.03) * strength);
  const N = along.length;
  const { pixels } = picture;
  const shape = along.map((u, p) => {
    const out = ((Math.abs(u) / length) ** power + (Math.abs(across[p]) / (ratio * length)) ** power) ** (1 / power);
    const room = Math.max(0.05, 1 - Math.max(pixels[p], pixels[N + p], pixels[2 * N + p]));
    return (Math.exp((-fall * Math.abs(u)) / length) * Math.min(1, room / 0.3)) / (1 + Math.exp((out - 1) * edge));
  });
  const beside = disc.r.map((r, p) => 1 - dim * hill(r - 0.6 * length, 0.35 * length) * (1 - Math.min(1, shape[p])));
  return repaint(picture, (band, p, value) => disc.sky + (value + bright[band] * shape[p] - disc.sky) * beside[p]);
}

/** A ring, a little oval along the bar, of uneven brightness, with less light within it. */
function paintRing(picture: Picture, disc: Disc, { length, along, across }: Axis, random: Random): Picture {
  const radius = length * random.uniform(0.95, 1.2);
  const [oval, width] = [random.uniform(0.75, 1), radius * random.uniform(0.08, 0.18)];
  const [strength, gap] = [random.uniform(0.4, 1.1), random.uniform(0.1, 0.45)];
  const [one, two, uneven] = [turnOf(random), turnOf(random), random.next()];
  const level = levelAt(disc, radius);
  const out = along.map((u, p) => Math.hypot(u, across[p] / oval));
  const shape = out.map((r, p) => {
    const angle = Math.atan2(across[p], along[p]);
    return hill(r - radius, width) * (1 + 0.3 * Math.cos(angle + one) + 0.3 * uneven * Math.cos(2 * angle + two));
  });
  const within = out.map((r) => 1 - gap * hill(r - 0.72 * radius, 0.16 * radius));
  return repaint(picture, (band, p, value) => {
    const lit = value + shape[p] * Math.max(level[band], 0.02) * BLUE[band] * strength;
    return disc.sky + (lit - disc.sky) * within[p];
  });
}

/** Logarithmic spiral arms, brighter than the disc and darker between them. */
const arms: Painter = (picture, disc, random) => {
  const count = [2, 2, 2, 3, 4][random.int(5)];
  const winding = (random.next() < 0.5 ? -1 : 1) / Math.tan((random.uniform(12, 32) * Math.PI) / 180);
  const [phase, sharp, strength] = [turnOf(random), random.uniform(1.5, 3), random.uniform(0.6, 1.6)];
  const { halfLight, sky } = disc;
  const wave = disc.r.map((r, p) => {
    const angle = Math.atan2(disc.v[p], disc.u[p]) - winding * Math.log(Math.max(r, 1) / halfLight);
    const within = bounded((r / halfLight - 0.5) / 0.4) * Math.exp(-r / (2.5 * halfLight));
    return strength * within * ((0.5 + 0.5 * Math.cos(count * angle + phase)) ** sharp - 0.3);
  });
  return repaint(picture, (band, p, value) => {
    const means = disc.rings[band];
    return value + wave[p] * BLUE[band] * (means[Math.min(means.length - 1, Math.floor(disc.r[p]))] - sky);
  });
};

/** Another galaxy near by: the same one smaller, turned, perhaps mirrored, of a slightly different colour. */
const companion: Painter = (picture, disc, random) => {
  const { sizePx: S } = picture;
  const [scale, turn, mirror] = [random.uniform(0.3, 0.75), turnOf(random), random.next() < 0.5 ? -1 : 1];
  const [way, distance] = [turnOf(random), disc.halfLight * random.uniform(0.9, 2.2)];
  const strength = [0, 1, 2].map(() => Math.exp(random.normal(0, 0.12)));
  const bright = random.uniform(0.6, 1.1);
  const [x, y] = [disc.x + distance * Math.cos(way), disc.y + distance * Math.sin(way)];
  const [cos, sin] = [Math.cos(turn) / scale, Math.sin(turn) / scale];
  const other = moved(
    picture,
    (px, py) => {
      const dx = (px - x) * mirror;
      const dy = py - y;
      return [disc.x + dx * cos + dy * sin, disc.y + dy * cos - dx * sin];
    },
    disc.sky,
  );
  const N = S * S;
  return repaint(picture, (band, p, value) => {
    const far = Math.hypot((p % S) - x, Math.floor(p / S) - y) / (scale * S);
    const light = Math.max(0, other.pixels[band * N + p] - disc.sky - 0.01);
    return value + light * strength[band] * bright * bounded((0.5 - far) / 0.175);
  });
};

/** What lies outside about one half-light radius is shifted, drawn out to one side, or bent like an S. */
const warp: Painter = (picture, disc, random) => {
  const { x, y, halfLight } = disc;
  const [kind, way, aside] = [random.int(3), turnOf(random), random.uniform(-0.9, 0.9)];
  const most = halfLight * random.uniform(0.35, 0.8);
  return moved(picture, (px, py) => {
    const dx = px - x;
    const dy = py - y;
    const far = most * Math.min(1.6, Math.hypot(dx, dy) / (2 * halfLight)) ** 2;
    const angle = Math.atan2(dy, dx) - way;
    if (kind === 0) return [px + far * Math.cos(way), py + far * Math.sin(way)];
    if (kind === 1) {
      const pulled = 1.5 * far * Math.exp(2 * (Math.cos(angle) - 1));
      return [px - pulled * Math.cos(way + aside), py - pulled * Math.sin(way)];
    }
    const bent = 1.3 * far * Math.sin(angle);
    return [px - bent * Math.sin(way), py + bent * Math.cos(way)];
  });
};

/** Changes the pixels of a map [S, S] within three sigma of a round spot, whose height there is up to 1. */
function addSpot(
  map: Float32Array,
  S: number,
  { x, y, sigma }: { x: number; y: number; sigma: number },
  to: (before: number, spot: number) => number,
): void {
  const reach = 3 * sigma;
  for (let py = Math.max(0, Math.ceil(y - reach)); py <= Math.min(S - 1, y + reach); py++)
    for (let px = Math.max(0, Math.ceil(x - reach)); px <= Math.min(S - 1, x + reach); px++)
      map[py * S + px] = to(map[py * S + px], hill(Math.hypot(px - x, py - y), sigma));
}

/** A tail that curves away from the galaxy, wider and fainter outwards. */
const tail: Painter = (picture, disc, random) => {
  const { sizePx: S } = picture;
  const { halfLight } = disc;
  const [start, bend, inner] = [turnOf(random), random.uniform(-1.6, 1.6), random.uniform(0.9, 1.3)];
  const [reach, width, strength] = [random.uniform(0.8, 2.2), random.uniform(0.1, 0.22), random.uniform(0.6, 1.6)];
  const colour = [random.uniform(0.8, 1.1), 1, random.uniform(0.9, 1.25)];
  const level = levelAt(disc, 1.3 * halfLight).map((value) => Math.max(value, 0.05) * strength);
  const shape = new Float32Array(S * S);
  const STEPS = 40;
  for (let step = 0; step < STEPS; step++) {
    const t = step / (STEPS - 1);
    const [r, angle] = [halfLight * (inner + reach * t), start + bend * t];
    const [x, y] = [disc.x + r * Math.cos(angle), disc.y + r * Math.sin(angle)];
    const sigma = halfLight * width * (1 + t);
    const bright = (1 - t) ** 0.7;
    addSpot(shape, S, { x, y, sigma }, (before, spot) => Math.max(before, bright * spot));
  }
  return repaint(picture, (band, p, value) => value + shape[p] * level[band] * colour[band]);
};

/** Knots of young stars in the disc. */
const clumps: Painter = (picture, disc, random) => {
  const { sizePx: S } = picture;
  const { halfLight, angle, axisRatio } = disc;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const level = levelAt(disc, halfLight).map((value) => 1.2 * Math.max(value, 0.05));
  const shape = new Float32Array(S * S);
  for (let count = 4 + random.int(10); count > 0; count--) {
    const [r, turn] = [halfLight * Math.abs(random.normal(0, 1.1)), turnOf(random)];
    const [a, b] = [r * Math.cos(turn), r * Math.sin(turn) * axisRatio];
    const [x, y] = [disc.x + a * cos - b * sin, disc.y + a * sin + b * cos];
    const [sigma, bright] = [(S / 80) * random.uniform(0.7, 2), random.uniform(0.3, 1)];
    addSpot(shape, S, { x, y, sigma }, (before, spot) => before + bright * spot);
  }
  return repaint(picture, (band, p, value) => value + shape[p] * level[band] * VERY_BLUE[band]);
};

/** A lane of dust along the major axis. */
const lane: Painter = (picture, disc, random) => {
  const { sizePx: S } = picture;
  const { halfLight, sky } = disc;
  const turn = disc.angle + random.normal(0, 0.1);
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  const [aside, depth] = [halfLight * random.uniform(-0.15, 0.15), random.uniform(0.4, 1.2)];
  const width = halfLight * random.uniform(0.08, 0.16);
  const depths = disc.r.map((_, p) => {
    const dx = (p % S) - disc.x;
    const dy = Math.floor(p / S) - disc.y;
    return depth * hill(dy * cos - dx * sin - aside, width) * hill(dx * cos + dy * sin, halfLight);
  });
  return repaint(picture, (band, p, value) => sky + (value - sky) * Math.exp(-depths[p] * DUST[band]));
};

/** A bright middle. */
const nucleus: Painter = (picture, disc, random) => {
  const { sizePx: S } = picture;
  const [sigma, bright] = [disc.halfLight * random.uniform(0.15, 0.4), random.uniform(0.15, 0.4)];
  return repaint(picture, (band, p, value) => {
    const far = Math.hypot((p % S) - disc.x, Math.floor(p / S) - disc.y);
    return value + bright * RED[band] * hill(far, sigma);
  });
};

/** The galaxy seen nearer to its edge. */
const tilt: Painter = (picture, disc, random) => {
  const flat = random.uniform(0.25, 0.5);
  const [cos, sin] = [Math.cos(disc.angle), Math.sin(disc.angle)];
  return moved(
    picture,
    (px, py) => {
      const dx = px - disc.x;
      const dy = py - disc.y;
      const [along, across] = [dx * cos + dy * sin, (dy * cos - dx * sin) / flat];
      return [disc.x + along * cos - across * sin, disc.y + along * sin + across * cos];
    },
    disc.sky,
  );
};

const PAINTERS: Record<Structure, Painter> = {
  bar: barAndRing(true, false),
  ring: barAndRing(false, true),
  arms,
  companion,
  warp,
  tail,
  clumps,
  lane,
  nucleus,
  tilt,
};

/** Galaxies that are seen from farther aside or that are smaller (half-light radius over the side) are left alone. */
const LEAST = { axisRatio: 0.35, halfLight: 0.056 } as const;

/** The disc in a picture that can be painted on; null where the galaxy is too small or too flat for that. */
export function paintable(picture: Picture): Disc | null {
  const disc = discIn(picture);
  return disc.axisRatio >= LEAST.axisRatio && disc.halfLight >= LEAST.halfLight * picture.sizePx ? disc : null;
}

/** `before` with a share of the change to `after`. */
function faded(before: Picture, after: Picture, share: number): Picture {
  return repaint(before, (band, p, value) => {
    const at = band * before.sizePx * before.sizePx + p;
    return value + (after.pixels[at] - value) * share;
  });
}

/** A picture with one structure, at a share of its full strength; `bar` with a ring around it where `ringed`. */
export function paintOne(
  picture: Picture,
  disc: Disc,
  structure: Structure,
  random: Random,
  { strength = 1, ringed = false }: { strength?: number; ringed?: boolean } = {},
): Picture {
  const painter = structure === "bar" && ringed ? barAndRing(true, true) : PAINTERS[structure];
  const painted = painter(picture, disc, random);
  return strength === 1 ? painted : faded(picture, painted, strength);
}

/** How often each is painted, and in what order: what changes the galaxy's shape first, what lies before it last. */
const OFTEN: [Structure, number][] = [
  ["tilt", 0.12],
  ["arms", 0.15],
  ["clumps", 0.12],
  ["nucleus", 0.1],
  ["bar", 0.25],
  ["ring", 0.22],
  ["lane", 0.12],
  ["warp", 0.15],
  ["tail", 0.15],
  ["companion", 0.15],
];
/** How often a bar has a ring around its ends. */
const RINGED = 0.2;
/** Structures that show as they are; the others are painted at a share of their strength, drawn from the range. */
const UNFADED: readonly Structure[] = ["tilt", "warp", "companion"];
const STRENGTH: readonly [number, number] = [0.15, 1];

/** How strongly a structure is painted where one strength stands for all: as in nature, more is rare. */
export const strengthOf = (structure: Structure): number => (UNFADED.includes(structure) ? 1 : 0.5);

/** Which structures a galaxy gets, [STRUCTURES] of 0 and 1. */
function drawStructures(random: Random): Float32Array {
  const drawn = new Map(OFTEN.map(([name, share]) => [name, random.next() < share]));
  if (drawn.get("bar") && random.next() < RINGED) drawn.set("ring", true);
  return Float32Array.from(STRUCTURES, (name) => (drawn.get(name) ? 1 : 0));
}

/**
 * A picture with structures drawn at random, and which they are, [STRUCTURES] of 0 and 1; null where it cannot be painted
 * on.
 */
export function paintStructures(
  picture: Picture,
  random: Random,
): { picture: Picture; structures: Float32Array } | null {
  const shown = drawStructures(random);
  const has = (name: Structure) => shown[STRUCTURES.indexOf(name)] > 0;
  let disc = paintable(picture);
  if (disc === null) return null;
  let painted = picture;
  for (const [name] of OFTEN) {
    if (!has(name) || (name === "ring" && has("bar"))) continue;
    const strength = UNFADED.includes(name) ? 1 : random.uniform(...STRENGTH);
    painted = paintOne(painted, disc, name, random, { strength, ringed: has("ring") });
    if (name === "tilt") disc = discIn(painted);
  }
  return { picture: painted, structures: shown };
}
