import { describe, expect, it } from "vitest";
import { noGrad, scope, tensor, turned } from "../torch/index.ts";
import { ELLIPSE_PATTERN_DIM, ellipsePatterns } from "./ellipse-patterns.ts";

const S = 64;
const PERIODS = 6;
const RADII = 20;

/** One image, the same in all bands, of a function of the place (x, y) in pixels from the middle. */
const imageOf = (light: (x: number, y: number) => number) => {
  const band = Float32Array.from({ length: S * S }, (_, p) =>
    light((p % S) - (S - 1) / 2, Math.floor(p / S) - (S - 1) / 2),
  );
  return tensor(Float32Array.from([...band, ...band, ...band]), [1, 3, S, S]);
};

/** What is found in an image: strengths of each period of the light, innermost radius first, and means of the contrast. */
function found(light: (x: number, y: number) => number) {
  const values = scope(() => noGrad(() => ellipsePatterns(imageOf(light)).toFloat32Array()));
  expect(values).toHaveLength(ELLIPSE_PATTERN_DIM);
  const radii = Array.from({ length: RADII }, (_, radius) => radius);
  return {
    period: (m: number) => radii.map((radius) => values[radius * PERIODS + m - 1] ** 2),
    contrast: radii.map((radius) => values[2 * RADII * PERIODS + radius]),
  };
}
const most = (values: number[]) => values.indexOf(Math.max(...values));

/** A disc that is seen at an angle: `flat` times as high as wide, turned by `turn`. */
const disc =
  (flat: number, turn = 0.4) =>
  (x: number, y: number) => {
    const [u, v] = [x * Math.cos(turn) + y * Math.sin(turn), (y * Math.cos(turn) - x * Math.sin(turn)) / flat];
    return Math.exp(-Math.hypot(u, v) / 6);
  };

describe("patterns in ellipses", () => {
  it("are faint in a disc without structure, however it is tilted", () => {
    for (const flat of [1, 0.7, 0.5]) {
      const { period } = found(disc(flat));
      for (const m of [1, 2, 3]) expect(Math.max(...period(m).slice(6, 16))).toBeLessThan(0.08);
    }
  });
  it("find a bar by period two", () => {
    const bar = (x: number, y: number) => disc(1)(x, y) + 0.8 * Math.exp(-((x / 7) ** 2) - (y / 2) ** 2);
    const { period } = found(bar);
    // A part of the bar is in the shape, which the light decides.
    const two = period(2).slice(6, 16);
    expect(Math.max(...two)).toBeGreaterThan(0.1);
    expect(Math.max(...two)).toBeGreaterThan(2.5 * Math.max(...found(disc(1)).period(2).slice(6, 16)));
    expect(Math.max(...period(1))).toBeLessThan(0.02);
  });
  it("find a companion by period one, far out", () => {
    const two = (x: number, y: number) => disc(1)(x, y) + 0.5 * Math.exp(-((x - 17) ** 2 + y ** 2) / 8);
    const one = found(two).period(1);
    expect(most(one)).toBeGreaterThan(12);
    expect(one[most(one)]).toBeGreaterThan(0.15);
    expect(Math.max(...found(disc(1)).period(1))).toBeLessThan(0.02);
  });
  it("find a ring where it stands out of the light around it", () => {
    const ring = (x: number, y: number) => disc(1)(x, y) + 0.3 * Math.exp(-(((Math.hypot(x, y) - 11) / 1.5) ** 2));
    const [plain, ringed] = [found(disc(1)).contrast, found(ring).contrast];
    const gain = ringed.map((value, radius) => value - plain[radius]);
    expect(gain[most(gain)]).toBeGreaterThan(0.1);
    expect(most(gain)).toBeGreaterThan(8);
    expect(Math.min(...gain)).toBeLessThan(-0.02);
  });
  it("do not change when a galaxy is turned", () => {
    scope(() =>
      noGrad(() => {
        const image = imageOf((x, y) => disc(0.6)(x, y) + 0.4 * Math.exp(-((x + 9) ** 2 + (y - 5) ** 2) / 10));
        const change = ellipsePatterns(turned(image, 1, false))
          .sub(ellipsePatterns(image))
          .abs()
          .max()
          .item();
        expect(change).toBeLessThan(1e-3);
      }),
    );
  });
  it("are numbers of empty, dark and bright images too", () => {
    for (const value of [-1, 0, 1]) {
      const { period, contrast } = found(() => value);
      for (const list of [period(1), period(6), contrast])
        for (const number of list) expect(Math.abs(number)).toBeLessThan(0.01);
    }
  });
});
