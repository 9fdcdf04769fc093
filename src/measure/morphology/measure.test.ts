import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { columnsOf, positionAngleOf, rowOf } from "./columns.ts";
import { FLAG_NAMES, FLAGS } from "./flags.ts";
import { MEASURE_DEFAULTS, type MeasureOptions, measureStamp } from "./measure.ts";
import { gini, m20 } from "./structure.ts";

const OPTIONS: MeasureOptions = { ...MEASURE_DEFAULTS, band: 0, aperturePx: 5, psfFwhmPx: null };

interface Galaxy {
  peak: number;
  scale: number;
  q: number;
  angle: number;
  x: number;
  y: number;
  seed: number;
}
interface Golden {
  by: string;
  sizePx: number;
  sigma: number;
  cases: (Galaxy & { sep: Record<string, number> })[];
}

/** As test/golden/gen/measure.py makes it. */
function galaxy({ peak, scale, q, angle, x: cx, y: cy, seed }: Galaxy, sizePx: number, sigma: number): Float32Array {
  const [c, s] = [Math.cos((angle * Math.PI) / 180), Math.sin((angle * Math.PI) / 180)];
  let state = seed;
  return Float32Array.from({ length: sizePx ** 2 }, (_, p) => {
    const [dx, dy] = [(p % sizePx) - cx, Math.floor(p / sizePx) - cy];
    const light = peak * Math.exp(-Math.hypot(dx * c + dy * s, (dy * c - dx * s) / q) / scale);
    let total = 0;
    for (let draw = 0; draw < 4; draw++) {
      state = (Math.imul(1664525, state) + 1013904223) >>> 0;
      total += state / 2 ** 32;
    }
    return light + sigma * (total - 2) * Math.sqrt(3);
  });
}

const ROUND: Galaxy = { peak: 200, scale: 3, q: 0.6, angle: 30, x: 31.5, y: 31.5, seed: 1 };
const [SIZE, SIGMA] = [64, 1];
const made = (more: Partial<Galaxy> = {}) => galaxy({ ...ROUND, ...more }, SIZE, SIGMA);
const measure = (data: Float32Array, more: Partial<MeasureOptions> = {}) =>
  measureStamp(data, 1, SIZE, SIZE, { ...OPTIONS, ...more });

describe("against SEP", () => {
  const golden = JSON.parse(readFileSync("test/golden/measure.json", "utf8")) as Golden;
  test("flux within 1 %, radii 2 %, axis ratio 0.01, angle 1 degree", () => {
    const largest: Record<string, number> = {};
    const note = (name: string, difference: number) => {
      largest[name] = Math.max(largest[name] ?? 0, Math.abs(difference));
    };
    for (const { sep, ...one } of golden.cases) {
      const data = galaxy(one, golden.sizePx, golden.sigma);
      // The same sky and the same threshold as there: only how light is counted is compared.
      const { shape, bands } = measureStamp(data, 1, golden.sizePx, golden.sizePx, {
        ...OPTIONS,
        contrast: 1,
        sky: "none",
        sigma: golden.sigma,
      });
      note("flux", bands[0].kronFlux / sep.flux - 1);
      note("flux error", bands[0].kronFluxErr / sep.fluxErr - 1);
      note("aperture", bands[0].apertureFlux / sep.aperture - 1);
      note("r50", shape.r50 / sep.r50 - 1);
      note("r50 major", shape.r50Major / sep.r50Major - 1);
      note("kron", shape.kronRadius / sep.kronPx - 1);
      note("axis ratio", shape.axisRatio - sep.q);
      if (sep.q < 0.8) note("angle", ((shape.angleDeg - sep.angle + 270) % 180) - 90);
      note("centre", Math.hypot(shape.x - sep.x, shape.y - sep.y));
      note("area", shape.areaPx - sep.area);
    }
    process.stdout.write(`largest differences from ${golden.by}: ${JSON.stringify(largest)}\n`);
    for (const [name, least] of [
      ["flux", 0.01],
      ["flux error", 0.01],
      ["aperture", 0.01],
      ["r50", 0.02],
      ["r50 major", 0.02],
      ["kron", 0.01],
      ["axis ratio", 0.01],
      ["angle", 1],
      ["centre", 0.01],
      ["area", 0],
    ] as const)
      expect(largest[name], name).toBeLessThanOrEqual(least);
  });
});

describe("formulas by hand", () => {
  test("Gini: equal values 0, one that holds all 1, and 1, 2, 3, 4", () => {
    expect(gini(Float32Array.of(2, 2, 2, -2))).toBe(0);
    expect(gini(Float32Array.of(0, 0, 0, 5))).toBe(1);
    // (-3 * 1 - 1 * 2 + 1 * 3 + 3 * 4) / (2.5 * 4 * 3)
    expect(gini(Float32Array.of(3, 1, 4, 2))).toBeCloseTo(10 / 30, 6);
    expect(gini(new Float32Array(4))).toBeNull();
  });
  test("M20: a row of 1, 2, 4, 2, 1 has a fifth of its light in the middle, which has no moment", () => {
    const row = Float32Array.of(1, 2, 4, 2, 1);
    expect(m20(row, [0, 1, 2, 3, 4], 5)).toBeNull();
    // Without the middle: total 4 + 2 + 2 + 4 = 12, of which one 2 holds a third of the light and 2 of the moment.
    row[2] = 0;
    expect(m20(row, [0, 1, 2, 3, 4], 5)).toBeCloseTo(Math.log10(2 / 12), 6);
  });
  test("a galaxy that is the same under half a turn has no asymmetry; half a galaxy has much", () => {
    const whole = measure(made({ peak: 2000 }));
    expect(Math.abs(whole.shape.asymmetry)).toBeLessThan(0.03);
    const half = made({ peak: 2000 }).map((value, p) => ((p % SIZE) + Math.floor(p / SIZE) < 63 ? 0.3 * value : value));
    expect(measure(half).shape.asymmetry).toBeGreaterThan(0.2);
  });
  test("an exponential disc: its half-light radius is 1.678 scale lengths, its concentration about 2.7", () => {
    const { shape, flags } = measure(made({ q: 1, peak: 5000 }));
    expect(flags).toBe(0);
    expect(shape.r50 / (1.678 * 3)).toBeGreaterThan(0.92);
    expect(shape.r50 / (1.678 * 3)).toBeLessThan(1.02);
    expect(Math.abs(shape.concentration - 2.7)).toBeLessThan(0.3);
    expect(measure(made({ q: 0.4, peak: 5000 })).shape.r50Major / (1.678 * 3)).toBeGreaterThan(0.9);
  });
});

describe("what a table has", () => {
  test("position angles run from north (up) through east (left)", () => {
    expect(positionAngleOf(90)).toBe(0);
    expect(positionAngleOf(0)).toBe(90);
    // 135 degrees from x towards y points up and to the left: north-east.
    expect(positionAngleOf(135)).toBe(45);
    const units = { bands: ["r"], shapeBand: "r", fluxUnit: "nanomaggy", pixelScaleArcsec: 0.5, aperturePx: 5 };
    const columns = columnsOf(units).map(({ name }) => name);
    const row = rowOf(measure(made({ angle: 135 })), 0.5);
    expect(row).toHaveLength(columns.length);
    expect(Math.abs(row[columns.indexOf("position_angle")] - 45)).toBeLessThan(2);
    expect(row[columns.indexOf("r50_major")]).toBeCloseTo(measure(made({ angle: 135 })).shape.r50Major * 0.5, 6);
    expect(columnsOf(units).find(({ name }) => name === "kron_flux_r")?.unit).toBe("nanomaggy");
  });
});

describe("stamps that cannot be measured", () => {
  const noise = made({ peak: 0 });
  const stamps: Record<string, [Float32Array, number]> = {
    blank: [new Float32Array(SIZE ** 2), FLAGS.BLANK[0]],
    constant: [new Float32Array(SIZE ** 2).fill(3), FLAGS.BLANK[0]],
    "all NaN": [new Float32Array(SIZE ** 2).fill(Number.NaN), FLAGS.BLANK[0]],
    infinite: [new Float32Array(SIZE ** 2).fill(Number.POSITIVE_INFINITY), FLAGS.BLANK[0]],
    "noise alone": [noise.map((value) => Math.min(value, 0.5)), FLAGS.NO_SOURCE[0]],
    "negative sky": [made().map((value) => value - 500), 0],
    "a hole of NaN": [made().map((value, p) => (p % SIZE > 33 && p % SIZE < 37 ? Number.NaN : value)), FLAGS.MASKED[0]],
    "over the edge": [made({ x: 20, y: 3, scale: 5 }), FLAGS.TRUNCATED[0] | FLAGS.OFF_CENTRE[0]],
    "two galaxies": [
      made({ q: 1 }).map((value, p) => value + made({ q: 1, x: 42.5, seed: 3 })[p]),
      FLAGS.BLENDED[0] | FLAGS.MASKED[0],
    ],
    "a faint one": [made({ peak: 2, scale: 2.2, seed: 8 }), 0],
    "a star": [made({ peak: 3000, scale: 0.5, q: 1 }), FLAGS.UNRESOLVED[0]],
    "one bright pixel": [noise.map((value, p) => (p === 32 * SIZE + 32 ? 1e6 : value)), FLAGS.UNRESOLVED[0]],
    "no noise": [galaxy(ROUND, SIZE, 0).map((value) => (value < 1e-3 ? 0 : value)), FLAGS.NO_NOISE[0]],
    "huge values": [made().map((value) => value * 1e30), 0],
  };
  test.each(Object.entries(stamps))("%s", (_, [data, expected]) => {
    const found = measure(data);
    expect(found.flags & expected).toBe(expected);
    const row = rowOf(found, null);
    if (!row.every(Number.isFinite)) expect(found.flags).toBeGreaterThan(0);
    expect(found.bands).toHaveLength(1);
  });
  test("the column of flags names its bits as they are set", () => {
    const units = { bands: ["r"], shapeBand: "r", pixelScaleArcsec: null, aperturePx: 5 };
    const bits = columnsOf(units).find(({ name }) => name === "flags")?.bits;
    expect(bits).toEqual(FLAG_NAMES);
    expect(FLAG_NAMES[Math.log2(FLAGS.LOW_SNR[0])]).toBe("low S/N");
    expect(FLAG_NAMES[Math.log2(FLAGS.UNREADABLE[0])]).toBe("unreadable");
  });
  test("a sky of -500 changes no flux", () => {
    const [plain, below] = [measure(made()), measure(made().map((value) => value - 500))];
    expect(below.bands[0].kronFlux / plain.bands[0].kronFlux).toBeCloseTo(1, 3);
    expect(plain.flags).toBe(0);
  });
  test("a neighbour takes no light: two galaxies apart measure as one does", () => {
    const one = made({ q: 1 });
    const other = made({ q: 1, x: 52, y: 52, peak: 400, scale: 2, seed: 3 });
    const both = measure(one.map((value, p) => value + other[p]));
    expect(both.bands[0].kronFlux / measure(one).bands[0].kronFlux).toBeGreaterThan(0.97);
    expect(both.bands[0].kronFlux / measure(one).bands[0].kronFlux).toBeLessThan(1.03);
  });
  test("sizes from 1 pixel on, and not square, do not fail", () => {
    for (const [W, H] of [
      [1, 1],
      [2, 3],
      [5, 40],
    ])
      expect(measureStamp(galaxy(ROUND, 64, 1).subarray(0, W * H), 1, W, H, OPTIONS).flags).toBeGreaterThanOrEqual(0);
  });
});
