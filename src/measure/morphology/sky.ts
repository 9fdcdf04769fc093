/** The sky of a stamp: its level and its scatter, from the pixels that no source covers. */
import { clip } from "./clip.ts";
import { reused } from "./scratch.ts";

/** Sky of a plane, in the plane's unit. */
export interface StampSky {
  level: number;
  /** Standard deviation of a pixel; 0 where the sky is constant. */
  sigma: number;
  /** How many pixels it was measured on. */
  pixels: number;
}

/** Width of the edge that a first guess is made from, as a share of the side. */
const EDGE_SHARE = 0.08;
/** A pixel is of a source from so many standard deviations of the sky on, in the smoothed plane. */
const SOURCE_SIGMAS = 1;
/** Sources are grown by so many pixels. */
const GROWN_PX = 3;

const [rowsMemory, smoothMemory, valuesMemory] = [1, 2, 3].map(() => reused((n) => new Float32Array(n)));
const coverMemory = reused((n) => new Uint8Array(n));

/**
 * The plane less a level through SExtractor's 3 x 3 kernel (1 2 1, 2 4 2, 1 2 1) / 16; 0 beyond the edge and for what is
 * not finite.
 */
export function smooth(plane: Float32Array, level: number, W: number, H: number): Float32Array {
  const rows = rowsMemory(W * H);
  const out = smoothMemory(W * H);
  for (let y = 0, p = 0; y < H; y++) {
    let left = 0;
    let here = plane[p] - level;
    // Infinite or NaN less itself is NaN.
    if (here - here !== 0) here = 0;
    for (let x = 1; x <= W; x++, p++) {
      let right = x < W ? plane[p + 1] - level : 0;
      if (right - right !== 0) right = 0;
      rows[p] = (left + 2 * here + right) / 4;
      left = here;
      here = right;
    }
  }
  for (let y = 0, p = 0; y < H; y++) {
    const below = y > 0;
    const above = y + 1 < H;
    if (below && above) for (let x = 0; x < W; x++, p++) out[p] = (rows[p - W] + 2 * rows[p] + rows[p + W]) / 4;
    else
      for (let x = 0; x < W; x++, p++)
        out[p] = ((below ? rows[p - W] : 0) + 2 * rows[p] + (above ? rows[p + W] : 0)) / 4;
  }
  return out;
}

/** The sky of the first `n` of some finite values, at least one. */
function skyOfValues(values: Float32Array, n: number): StampSky {
  const { median, mean, sd, kept } = clip(values, n);
  // The mode, where the distribution is nearly symmetric: faint wings of sources move it less than the median.
  const level = Math.abs(mean - median) < 0.3 * sd ? 2.5 * median - 1.5 * mean : median;
  return { level, sigma: sd, pixels: kept };
}

/** Marks pixels within `radius` of one above `least`, in a square: along rows, then along columns. */
function coverAbove(plane: Float32Array, W: number, H: number, least: number, radius: number): Uint8Array {
  const out = coverMemory(plane.length);
  // The last row in which each column, or one within the radius of it, had such a pixel.
  const seen = new Int32Array(W).fill(-1 - 2 * radius);
  for (let row = 0; row < H + radius; row++) {
    if (row < H) {
      let until = -1;
      for (let x = -radius, p = row * W; x < W; x++, p++) {
        if (x + radius < W && plane[p] > least) until = x + 2 * radius;
        if (x >= 0 && x <= until) seen[x] = row;
      }
    }
    const y = row - radius;
    if (y >= 0) for (let x = 0, p = y * W; x < W; x++, p++) out[p] = seen[x] >= y - radius ? 1 : 0;
  }
  return out;
}

/** The finite values of pixels whose `covered` is 0, in a new array, and how many there are. */
function uncovered(plane: Float32Array, covered: Uint8Array): { values: Float32Array; n: number } {
  const values = valuesMemory(plane.length);
  let n = 0;
  for (let p = 0; p < plane.length; p++) {
    const value = plane[p];
    // Infinite or NaN less itself is NaN.
    if (covered[p] === 0 && value - value === 0) values[n++] = value;
  }
  return { values, n };
}

/** The finite values within `edge` pixels of a plane's edge, in a new array, and how many there are. */
function edgeValues(plane: Float32Array, W: number, H: number, edge: number): { values: Float32Array; n: number } {
  const values = valuesMemory(plane.length);
  let n = 0;
  for (let y = 0, p = 0; y < H; y++) {
    const whole = y < edge || y >= H - edge || 2 * edge >= W;
    for (let x = 0; x < W; x++, p++) {
      if (!whole && x === edge) {
        p += W - 2 * edge;
        x = W - edge;
      }
      const value = plane[p];
      if (value - value === 0) values[n++] = value;
    }
  }
  return { values, n };
}

/** The sky by a plane's edge alone, or by all of it where that has hardly a pixel; null without a finite one. */
function skyOfEdge(plane: Float32Array, W: number, H: number): StampSky | null {
  let { values, n } = edgeValues(plane, W, H, Math.max(2, Math.round(EDGE_SHARE * Math.min(W, H))));
  if (n < 16) ({ values, n } = edgeValues(plane, W, H, H));
  return n === 0 ? null : skyOfValues(values, n);
}

/** The sky of the pixels that no source covers; that of the edge where a galaxy leaves hardly any. */
export function skyBeside(plane: Float32Array, W: number, H: number, covered: Uint8Array): StampSky | null {
  const { values, n } = uncovered(plane, covered);
  return n < 0.02 * plane.length ? skyOfEdge(plane, W, H) : skyOfValues(values, n);
}

/**
 * The sky of a plane [H, W]: a first guess from its edge, then from all pixels that are not above it (`covered` is 1 for
 * those that are), clipped at 3 standard deviations; the level is the mode (2.5 median - 1.5 mean, as SExtractor's)
 * where the distribution is nearly symmetric, else the median. Null without a finite pixel.
 */
export function skyOf(plane: Float32Array, W: number, H: number): { sky: StampSky; covered: Uint8Array } | null {
  const guess = skyOfEdge(plane, W, H);
  if (guess === null) return null;
  const soft = smooth(plane, guess.level, W, H);
  const covered = coverAbove(soft, W, H, SOURCE_SIGMAS * guess.sigma, GROWN_PX);
  return { sky: skyBeside(plane, W, H, covered) ?? guess, covered };
}
