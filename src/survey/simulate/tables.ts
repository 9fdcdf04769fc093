/** Tables in place of slow functions: of radius, powers, and smooth noise on a lattice. */
import type { Random } from "../../base/random.ts";
import { NEAR_PX } from "./plane.ts";

/** Steps of a table of radii: even in the square root of r, so that they are finer near the centre. */
const STEPS = 40;

/**
 * A smooth function of radius by cubic interpolation (Lagrange's, through four neighbours) in a table from NEAR_PX to
 * `largestR`, and as it is nearer.
 */
export function tabulated(f: (r: number) => number, largestR: number): (r: number) => number {
  const first = Math.floor(STEPS * Math.sqrt(NEAR_PX)) - 1;
  const count = Math.max(4, Math.ceil(STEPS * Math.sqrt(largestR)) + 3 - first);
  const terms = new Float64Array(4 * count);
  const at = (i: number) => f(((first + i) / STEPS) ** 2);
  let [a, b, c, d] = [0, at(0), at(1), at(2)];
  for (let i = 1; i < count; i++) {
    [a, b, c, d] = [b, c, d, at(i + 2)];
    terms[4 * i] = b;
    terms[4 * i + 1] = c - a / 3 - b / 2 - d / 6;
    terms[4 * i + 2] = (a + c) / 2 - b;
    terms[4 * i + 3] = (d - a) / 6 + (b - c) / 2;
  }
  return (r) => {
    if (r < NEAR_PX) return f(r);
    const at = Math.sqrt(r) * STEPS - first;
    const i = at | 0;
    const t = at - i;
    const k = 4 * i;
    return terms[k] + t * (terms[k + 1] + t * (terms[k + 2] + t * terms[k + 3]));
  };
}

/** x^power for x in [0, largest], by linear interpolation in a table: within 2e-6 of largest^power for powers above 1.5. */
export function powerTable(power: number, largest: number): (x: number) => number {
  const steps = 2048;
  const table = new Float64Array(steps + 2);
  for (let i = 0; i < table.length; i++) table[i] = ((i * largest) / steps) ** power;
  return (x) => {
    const at = (x * steps) / largest;
    if (at >= steps) return x ** power;
    const i = at | 0;
    return table[i] + (at - i) * (table[i + 1] - table[i]);
  };
}

/**
 * Smooth random values in about [-1, 1] over (a, b), periodic in b with period 2 pi: a few octaves of interpolated
 * lattice noise.
 */
export function latticeNoise(random: Random, cells: number, octaves: number): (a: number, b: number) => number {
  const ROWS = 64;
  const around = Float64Array.from({ length: octaves }, (_, octave) => cells * 2 ** octave);
  const weights = Float64Array.from(around, (_, octave) => 0.6 ** octave);
  const offsets = new Float64Array(octaves);
  const starts = new Int32Array(octaves + 1);
  for (const [octave, count] of around.entries()) starts[octave + 1] = starts[octave] + (ROWS + 1) * (count + 1);
  // Each octave's lattice with its first row and column once more at the end, where it begins anew.
  const lattice = new Float64Array(starts[octaves] + 1);
  for (let octave = 0; octave < octaves; octave++) {
    const count = around[octave];
    const wide = count + 1;
    const start = starts[octave];
    for (let i = 0; i < ROWS; i++)
      for (let j = 0; j < count; j++) lattice[start + i * wide + j] = Math.fround(random.uniform(-1, 1));
    for (let i = 0; i < ROWS; i++) lattice[start + i * wide + count] = lattice[start + i * wide];
    lattice.copyWithin(start + ROWS * wide, start, start + wide);
    offsets[octave] = random.uniform(0, ROWS);
  }
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  for (let octave = 0; octave < octaves; octave++) weights[octave] /= total;
  const perTurn = 1 / (2 * Math.PI);
  return (a, b) => {
    const turnOf = b * perTurn;
    const turned = turnOf - Math.floor(turnOf);
    let sum = 0;
    for (let octave = 0; octave < octaves; octave++) {
      const count = around[octave];
      const along = a * count * (1 / 3) + offsets[octave];
      const turn = turned * count;
      const whole = Math.floor(along);
      const j = turn | 0;
      const fs = along - whole;
      const ft = turn - j;
      const wide = (count | 0) + 1;
      const k = starts[octave] + (whole & (ROWS - 1)) * wide + j;
      const s = fs * fs * (3 - 2 * fs);
      const t = ft * ft * (3 - 2 * ft);
      const here = lattice[k] + s * (lattice[k + wide] - lattice[k]);
      const next = lattice[k + 1] + s * (lattice[k + wide + 1] - lattice[k + 1]);
      sum += weights[octave] * (here + t * (next - here));
    }
    return sum;
  };
}
