/** The frame everything is drawn into, and the two things all drawing shares: turned coordinates and smooth noise. */
import type { Random } from "../../base/random.ts";

/** Bands of simulated galaxies, in the order of their planes. */
export const BANDS = ["g", "r", "z"] as const;
/** Side of a simulated pixel in arcsec: the Legacy Surveys' cutouts. */
export const PIXEL_SCALE_ARCSEC = 0.262;

/** Flux in each band, nanomaggies: magnitude 22.5 is 1. */
export type Colour = [number, number, number];

/** Flux in nanomaggies of an AB magnitude. */
export const fluxOf = (magnitude: number) => 10 ** (-0.4 * (magnitude - 22.5));
/** AB magnitude of a flux in nanomaggies. */
export const magnitudeOf = (flux: number) => 22.5 - 2.5 * Math.log10(flux);

/** Fluxes of an object of r magnitude `magR` and colours g - r and r - z. */
export function colourOf(magR: number, gMinusR: number, rMinusZ: number): Colour {
  return [fluxOf(magR + gMinusR), fluxOf(magR), fluxOf(magR - rMinusZ)];
}

/** Planes [3, size, size] of flux a pixel. */
export interface Frame {
  sizePx: number;
  planes: Float32Array;
}

/** A dark image of `sizePx` x `sizePx` pixels in three bands. */
export function newFrame(sizePx: number): Frame {
  return { sizePx, planes: new Float32Array(3 * sizePx * sizePx) };
}

/**
 * Where and how a component lies: centre in pixels, position angle of the major axis from +x in radians, minor over
 * major axis.
 */
export interface Placement {
  x: number;
  y: number;
  angle: number;
  axisRatio: number;
}

/**
 * Adds a component of the given total flux whose brightness at (u, v) is `profile`: u along the major axis and v across
 * it, both in pixels of the object's own plane. Pixels near the centre are averaged over 5 x 5 points. The sum over the
 * frame is scaled to the flux; nothing is drawn farther from the centre than `reachPx`.
 */
export function addComponent(
  frame: Frame,
  placement: Placement,
  flux: Colour,
  profile: (u: number, v: number) => number,
  reachPx = Infinity,
): void {
  const { sizePx: S, planes } = frame;
  const { x, y, angle, axisRatio } = placement;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const shape = new Float32Array(S * S);
  let total = 0;
  const [x0, x1] = [Math.max(0, Math.floor(x - reachPx)), Math.min(S - 1, Math.ceil(x + reachPx))];
  const [y0, y1] = [Math.max(0, Math.floor(y - reachPx)), Math.min(S - 1, Math.ceil(y + reachPx))];
  for (let py = y0; py <= y1; py++)
    for (let px = x0; px <= x1; px++) {
      const near = Math.abs(px - x) < 4 && Math.abs(py - y) < 4;
      const points = near ? 5 : 1;
      let value = 0;
      for (let sy = 0; sy < points; sy++)
        for (let sx = 0; sx < points; sx++) {
          const dx = px - x + (sx + 0.5) / points - 0.5;
          const dy = py - y + (sy + 0.5) / points - 0.5;
          value += profile(dx * cos + dy * sin, (dy * cos - dx * sin) / axisRatio);
        }
      shape[py * S + px] = value / (points * points);
      total += shape[py * S + px];
    }
  if (!(total > 0)) return;
  for (let band = 0; band < 3; band++) {
    const scale = flux[band] / total;
    for (let py = y0; py <= y1; py++)
      for (let px = x0; px <= x1; px++) planes[(band * S + py) * S + px] += shape[py * S + px] * scale;
  }
}

/**
 * Smooth random values in about [-1, 1] over (a, b), periodic in b with period 2 pi: a few octaves of interpolated
 * lattice noise.
 */
export function latticeNoise(random: Random, cells: number, octaves: number): (a: number, b: number) => number {
  const layers = Array.from({ length: octaves }, (_, octave) => {
    const around = cells * 2 ** octave;
    const values = Float32Array.from({ length: 64 * around }, () => random.uniform(-1, 1));
    return { around, values, weight: 0.6 ** octave, offset: random.uniform(0, 64) };
  });
  const total = layers.reduce((sum, { weight }) => sum + weight, 0);
  return (a, b) => {
    const turnOf = b / (2 * Math.PI);
    const turned = turnOf - Math.floor(turnOf);
    let sum = 0;
    for (const { around, values, weight, offset } of layers) {
      const along = (a * around) / 3 + offset;
      const at = along - 64 * Math.floor(along / 64);
      const turn = turned * around;
      const [i, j] = [at | 0, turn | 0];
      const [fs, ft] = [at - i, turn - j];
      const [s, t] = [fs * fs * (3 - 2 * fs), ft * ft * (3 - 2 * ft)];
      const [row, below] = [(i & 63) * around, ((i + 1) & 63) * around];
      const [left, right] = [j < around ? j : 0, j + 1 < around ? j + 1 : 0];
      const here = values[row + left] * (1 - s) + values[below + left] * s;
      const next = values[row + right] * (1 - s) + values[below + right] * s;
      sum += weight * (here * (1 - t) + next * t);
    }
    return sum / total;
  };
}
