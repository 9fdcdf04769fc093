import { expect, test } from "vitest";
import { Random } from "../../base/random.ts";
import { adaptiveShape } from "./adaptive.ts";

const [W, H] = [64, 60];
const CENTRE = { x: 31.3, y: 28.6 };

/** An elliptical source whose brightness falls with the elliptical radius as `profile`, in units of `a` pixels. */
function source(a: number, axisRatio: number, theta: number, profile: (radius: number) => number): Float32Array {
  const [c, s] = [Math.cos(theta), Math.sin(theta)];
  return Float32Array.from({ length: W * H }, (_, p) => {
    const [dx, dy] = [(p % W) - CENTRE.x, Math.floor(p / W) - CENTRE.y];
    return profile(Math.hypot(dx * c + dy * s, (dy * c - dx * s) / axisRatio) / a);
  });
}
const round = { ...CENTRE, a: 5, b: 5, theta: 0 };
const gaussian = (radius: number) => Math.exp((-radius * radius) / 2);
const exponential = (radius: number) => Math.exp(-radius);
const apart = (a: number, b: number) => Math.abs(Math.sin(a - b));

test.each([
  ["a Gaussian", gaussian, 6, 0.5, 0.7],
  ["a Gaussian across the axes", gaussian, 5, 0.8, -1.2],
  ["an exponential disc", exponential, 4, 0.6, 2.4],
])("%s has its axis ratio and angle, from wherever one begins", (_, profile, a, axisRatio, theta) => {
  const light = source(a, axisRatio, theta, profile);
  for (const start of [round, { ...CENTRE, a: 5, b: 1.5, theta: theta + 1 }]) {
    const found = adaptiveShape(light, W, H, start, 6);
    expect(found?.axisRatio).toBeCloseTo(axisRatio, 2);
    expect(apart(found?.theta as number, theta)).toBeLessThan(0.005);
  }
});

test("noise far from the source turns it less than it turns moments of everything", () => {
  const random = new Random(5);
  const light = source(4, 0.6, 0.4, exponential).map((value) => value + random.normal(0, 0.03));
  const found = adaptiveShape(light, W, H, round, 5);
  expect(found?.axisRatio).toBeCloseTo(0.6, 1);
  expect(apart(found?.theta as number, 0.4)).toBeLessThan(0.1);
  const whole = { xx: 0, yy: 0, xy: 0 };
  for (const [p, value] of light.entries()) {
    const [dx, dy] = [(p % W) - CENTRE.x, Math.floor(p / W) - CENTRE.y];
    whole.xx += value * dx * dx;
    whole.yy += value * dy * dy;
    whole.xy += value * dx * dy;
  }
  expect(apart(Math.atan2(2 * whole.xy, whole.xx - whole.yy) / 2, 0.4)).toBeGreaterThan(
    apart(found?.theta as number, 0.4),
  );
});

test("without light, or with light that grows outwards, there is no shape", () => {
  expect(adaptiveShape(new Float32Array(W * H), W, H, round, 6)).toBeNull();
  expect(adaptiveShape(new Float32Array(W * H).fill(-1), W, H, round, 6)).toBeNull();
  expect(
    adaptiveShape(
      source(10, 1, 0, (radius) => radius ** 4),
      W,
      H,
      round,
      6,
    ),
  ).toBeNull();
  expect(adaptiveShape(new Float32Array(W * H).fill(Number.NaN), W, H, round, 6)).toBeNull();
});
