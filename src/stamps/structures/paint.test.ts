import { describe, expect, it } from "vitest";
import { Random } from "../../base/random.ts";
import { discIn, levelAt, type Picture } from "./disc.ts";
import { paintable, paintOne, paintStructures, STRUCTURES } from "./paint.ts";

const S = 80;

/** An exponential disc, redder in the middle, before a sky of 0.05. */
function galaxy({ x = 40, y = 39, axisRatio = 0.7, angle = 0.5, scale = 9 } = {}): Picture {
  const pixels = new Float32Array(3 * S * S);
  for (let p = 0; p < S * S; p++) {
    const [dx, dy] = [(p % S) - x, Math.floor(p / S) - y];
    const u = dx * Math.cos(angle) + dy * Math.sin(angle);
    const v = (dy * Math.cos(angle) - dx * Math.sin(angle)) / axisRatio;
    const light = 0.6 * Math.exp(-Math.hypot(u, v) / scale);
    for (let band = 0; band < 3; band++) pixels[band * S * S + p] = 0.05 + light * (1 - 0.1 * band);
  }
  return { sizePx: S, pixels };
}

const same = (a: Picture, b: Picture) => Buffer.from(a.pixels.buffer).equals(Buffer.from(b.pixels.buffer));
const difference = (a: Picture, b: Picture) => a.pixels.map((value, i) => value - b.pixels[i]);
/** Mean change of all bands where `is` holds. */
const meanWhere = (change: Float32Array, is: (p: number) => boolean) => {
  const there = Array.from({ length: S * S }, (_, p) => p).filter(is);
  return there.reduce((sum, p) => sum + change[p] + change[S * S + p] + change[2 * S * S + p], 0) / there.length / 3;
};

describe("the disc in a picture", () => {
  it("has the middle, the flattening, the angle and the brightness that it was drawn with", () => {
    const disc = discIn(galaxy());
    expect(disc.x).toBeCloseTo(40, 0);
    expect(disc.y).toBeCloseTo(39, 0);
    expect(Math.abs(disc.axisRatio - 0.7)).toBeLessThan(0.05);
    expect(Math.abs(disc.angle - 0.5)).toBeLessThan(0.03);
    // Half of an exponential's light is within 1.68 scales; what is below the sky's edge and outside makes it less.
    expect(disc.halfLight / 9).toBeGreaterThan(1.2);
    expect(disc.halfLight / 9).toBeLessThan(1.7);
    const [red, , blue] = levelAt(disc, 9);
    expect(Math.abs(red - 0.6 / Math.E)).toBeLessThan(0.03);
    expect(blue / red).toBeCloseTo(0.8, 1);
  });
  it("is painted on where it is large and seen from above, and nowhere else", () => {
    expect(paintable(galaxy())).not.toBeNull();
    expect(paintable(galaxy({ axisRatio: 0.2 }))).toBeNull();
    expect(paintable(galaxy({ scale: 1.5 }))).toBeNull();
    const dark = { sizePx: S, pixels: new Float32Array(3 * S * S) };
    expect(paintable(dark)).toBeNull();
    expect(paintStructures(dark, new Random(1))).toBeNull();
  });
});

describe("a structure", () => {
  const host = galaxy();
  const disc = discIn(host);
  const seeds = Array.from({ length: 8 }, (_, seed) => seed);
  const painted = (name: (typeof STRUCTURES)[number], seed: number, options = {}) =>
    paintOne(host, disc, name, new Random(seed), options);

  it.each(STRUCTURES)(
    "%s changes the galaxy, leaves pixels in range, and is the same for the same generator",
    (name) => {
      for (const seed of seeds) {
        const out = painted(name, seed);
        expect(out.pixels.every((value) => value >= 0 && value <= 1)).toBe(true);
        expect(Math.max(...difference(out, host).map(Math.abs))).toBeGreaterThan(0.01);
        expect(same(out, painted(name, seed))).toBe(true);
        expect(same(out, painted(name, seed + 100))).toBe(false);
      }
    },
  );
  it("bar is brightest along one line through the middle", () => {
    for (const seed of seeds) {
      const change = difference(painted("bar", seed), host);
      const along = (turn: number) =>
        meanWhere(change, (p) => {
          const away = Math.atan2(disc.v[p], disc.u[p]) - turn;
          return disc.r[p] > 3 && disc.r[p] < 0.6 * disc.halfLight && Math.abs(Math.sin(away)) < 0.25;
        });
      const turns = Array.from({ length: 12 }, (_, i) => (i * Math.PI) / 12);
      const found = turns.map(along);
      const best = found.indexOf(Math.max(...found));
      expect(found[best]).toBeGreaterThan(0.01);
      expect(found[(best + 6) % 12]).toBeLessThan(found[best] / 2);
    }
  });
  it("ring adds light at one radius and takes it within, and a bar can have one around its ends", () => {
    for (const seed of seeds) {
      const change = difference(painted("ring", seed), host);
      const at = Array.from({ length: 25 }, (_, r) => meanWhere(change, (p) => Math.floor(disc.r[p]) === r));
      const peak = at.indexOf(Math.max(...at));
      expect(peak).toBeGreaterThan(0.4 * disc.halfLight);
      expect(peak).toBeLessThan(1.4 * disc.halfLight);
      expect(at[Math.round(0.65 * peak)]).toBeLessThan(0);
      expect(same(painted("bar", seed, { ringed: true }), painted("bar", seed))).toBe(false);
    }
  });
  it("companion and tail stand on one side, and a lane takes light", () => {
    for (const seed of seeds) {
      for (const name of ["companion", "tail"] as const) {
        const change = difference(painted(name, seed), host);
        const sides = Array.from({ length: 8 }, (_, i) =>
          meanWhere(change, (p) => {
            const angle = Math.atan2(Math.floor(p / S) - disc.y, (p % S) - disc.x) + Math.PI;
            return Math.floor((angle / (2 * Math.PI)) * 8) % 8 === i && disc.r[p] > disc.halfLight / 2;
          }),
        );
        expect(Math.max(...sides)).toBeGreaterThan(4 * Math.min(...sides.map(Math.abs)));
      }
      expect(Math.max(...difference(painted("lane", seed), host))).toBeLessThan(1e-6);
    }
  });
  it("tilt makes the galaxy flatter, and half the strength makes half the change", () => {
    for (const seed of seeds) expect(discIn(painted("tilt", seed)).axisRatio).toBeLessThan(0.6 * disc.axisRatio);
    const [whole, half] = [1, 0.5].map((strength) => difference(painted("arms", 3, { strength }), host));
    const most = Math.max(...whole.map(Math.abs));
    expect(Math.max(...whole.map((value, i) => Math.abs(value / 2 - half[i])))).toBeLessThan(1e-6 + most / 1e4);
  });
});

describe("structures drawn at random", () => {
  it("are those that are named, and a galaxy of which none is named stays as it is", () => {
    const host = galaxy();
    const all = Array.from({ length: 300 }, (_, seed) => paintStructures(host, new Random(seed)));
    const often = STRUCTURES.map((_, i) => all.filter((one) => (one?.structures[i] ?? 0) > 0).length / all.length);
    for (const share of often) {
      expect(share).toBeGreaterThan(0.06);
      expect(share).toBeLessThan(0.36);
    }
    for (const one of all) {
      const none = one?.structures.every((value) => value === 0);
      expect(one?.picture === host).toBe(none);
    }
    // A structure that is named alone is the one that was painted: only a tilt makes this galaxy flat.
    const alone = (name: (typeof STRUCTURES)[number]) =>
      all.filter((one) => one?.structures.every((value, i) => value === (STRUCTURES[i] === name ? 1 : 0)));
    for (const one of alone("tilt")) expect(discIn(one?.picture as Picture).axisRatio).toBeLessThan(0.45);
    for (const name of ["tilt", "bar"] as const) expect(alone(name).length).toBeGreaterThan(0);
    for (const one of alone("bar")) expect(discIn(one?.picture as Picture).axisRatio).toBeGreaterThan(0.45);
  });
});
