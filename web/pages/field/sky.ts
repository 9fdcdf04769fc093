/** Positions on the sky from the grid of unit vectors that the server gives: no projection is needed here. */
import type { FieldSky } from "../../../src/contract/fields.ts";

/** A position in ICRS degrees. */
export interface Sky {
  raDeg: number;
  decDeg: number;
}

type Vector = [number, number, number];
const DEG = Math.PI / 180;

/** The direction at a place in shares of the image's sides along the file's axes. */
function vectorAt({ columns, rows, vectors }: FieldSky, u: number, v: number): Vector {
  const [x, y] = [u * (columns - 1), v * (rows - 1)];
  const [i, j] = [clamp(Math.floor(x), 0, columns - 2), clamp(Math.floor(y), 0, rows - 2)];
  const [a, b] = [x - i, y - j];
  const corner = (di: number, dj: number, axis: number) => vectors[3 * ((j + dj) * columns + i + di) + axis];
  return [0, 1, 2].map(
    (axis) =>
      (1 - b) * ((1 - a) * corner(0, 0, axis) + a * corner(1, 0, axis)) +
      b * ((1 - a) * corner(0, 1, axis) + a * corner(1, 1, axis)),
  ) as Vector;
}

const clamp = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));

/** The position at a place in shares of the image's sides along the file's axes. */
export function skyAt(sky: FieldSky, u: number, v: number): Sky {
  const [x, y, z] = vectorAt(sky, u, v);
  return { raDeg: (Math.atan2(y, x) / DEG + 360) % 360, decDeg: Math.atan2(z, Math.hypot(x, y)) / DEG };
}

/** The directions of north and east in the file's axes at a place, as unit vectors of the image's pixels. */
export function compassAt(
  sky: FieldSky,
  [widthPx, heightPx]: readonly [number, number],
  u: number,
  v: number,
): { north: [number, number]; east: [number, number] } {
  const here = vectorAt(sky, u, v);
  const [x, y, z] = here;
  const flat = Math.hypot(x, y) || 1;
  const east: Vector = [-y / flat, x / flat, 0];
  const north: Vector = [(-z * x) / flat, (-z * y) / flat, flat];
  const step = 0.01;
  const along = difference(vectorAt(sky, u + step, v), here);
  const up = difference(vectorAt(sky, u, v + step), here);
  // Of a step along each axis, how much leads north and east; the inverse leads there in pixels.
  const [an, ae, un, ue] = [dot(along, north), dot(along, east), dot(up, north), dot(up, east)];
  const determinant = an * ue - ae * un;
  const inPixels = (a: number, b: number) => unit((a / determinant) * widthPx, (b / determinant) * heightPx);
  return { north: inPixels(ue, -ae), east: inPixels(-un, an) };
}

const difference = (a: Vector, b: Vector): Vector => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
const dot = (a: Vector, b: Vector) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

function unit(x: number, y: number): [number, number] {
  const length = Math.hypot(x, y) || 1;
  return [x / length, y / length];
}

const sixty = (value: number, digits: number): string =>
  value.toFixed(digits).padStart(digits === 0 ? 2 : digits + 3, "0");

/** Degrees as three parts of sixty, rounded as a whole so that no part shows 60. */
function sexagesimal(value: number, digits: number): string {
  const scale = 10 ** digits;
  const whole = Math.round(Math.abs(value) * 3600 * scale);
  const seconds = (whole % (60 * scale)) / scale;
  const minutes = Math.floor(whole / (60 * scale));
  return `${sixty(Math.floor(minutes / 60), 0)}:${sixty(minutes % 60, 0)}:${sixty(seconds, digits)}`;
}

/** A position as astronomers write it: hours and degrees in parts of sixty, and degrees. */
export function skyText({ raDeg, decDeg }: Sky): string {
  const hours = sexagesimal(raDeg / 15, 2).replace(/^24:/, "00:");
  return `${hours} ${decDeg < 0 ? "−" : "+"}${sexagesimal(decDeg, 1)} (${raDeg.toFixed(5)}°, ${decDeg.toFixed(5)}°)`;
}
