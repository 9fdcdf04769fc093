/** The sky of a stamp: its level and its scatter, from the pixels that no source covers. */

/** Sky of a plane, in the plane's unit. */
export interface StampSky {
  level: number;
  /** Standard deviation of a pixel; 0 where the sky is constant. */
  sigma: number;
  /** How many pixels it was measured on. */
  pixels: number;
}

const CLIP = { sigmas: 3, rounds: 5 } as const;
/** Width of the edge that a first guess is made from, as a share of the side. */
const EDGE_SHARE = 0.08;
/** A pixel is of a source from so many standard deviations of the sky on, in the smoothed plane. */
const SOURCE_SIGMAS = 1;
/** Sources are grown by so many pixels. */
const GROWN_PX = 3;

/** The k-th smallest of the first `n` values, which are put in another order (Hoare's selection). */
function select(values: Float32Array, n: number, k: number): number {
  let [low, high] = [0, n - 1];
  while (low < high) {
    const pivot = values[(low + high) >> 1];
    let [i, j] = [low, high];
    while (i <= j) {
      while (values[i] < pivot) i++;
      while (values[j] > pivot) j--;
      if (i <= j) {
        const kept = values[i];
        values[i++] = values[j];
        values[j--] = kept;
      }
    }
    if (k <= j) high = j;
    else if (k >= i) low = i;
    else break;
  }
  return values[k];
}

/**
 * The plane less a level through SExtractor's 3 x 3 kernel (1 2 1, 2 4 2, 1 2 1) / 16; 0 beyond the edge and for what is
 * not finite.
 */
export function smooth(plane: Float32Array, level: number, W: number, H: number): Float32Array {
  const rows = new Float32Array(W * H);
  const out = new Float32Array(W * H);
  for (let y = 0; y < H; y++) {
    let [left, here] = [0, 0];
    for (let x = -1, p = y * W - 1; x < W; x++, p++) {
      let right = x + 1 < W ? plane[p + 1] - level : 0;
      if (right - right !== 0) right = 0;
      if (x >= 0) rows[p] = (left + 2 * here + right) / 4;
      left = x >= 0 ? here : 0;
      here = right;
    }
  }
  for (let y = 0; y < H; y++) {
    const [below, above] = [y > 0 ? -W : 0, y + 1 < H ? W : 0];
    for (let x = 0, p = y * W; x < W; x++, p++)
      out[p] = ((below === 0 ? 0 : rows[p + below]) + 2 * rows[p] + (above === 0 ? 0 : rows[p + above])) / 4;
  }
  return out;
}

/** Median and scatter of values after clipping at 3 standard deviations; `values` are put in another order. */
function clipped(values: Float32Array, n: number): StampSky {
  let kept = n;
  let [median, sd, mean] = [0, 0, 0];
  for (let round = 0; round < CLIP.rounds && kept > 0; round++) {
    median = select(values, kept, kept >> 1);
    let [sum, square] = [0, 0];
    for (let i = 0; i < kept; i++) {
      sum += values[i] - median;
      square += (values[i] - median) ** 2;
    }
    mean = median + sum / kept;
    sd = Math.sqrt(Math.max(0, square / kept - (sum / kept) ** 2));
    let next = 0;
    for (let i = 0; i < kept; i++) if (Math.abs(values[i] - median) <= CLIP.sigmas * sd) values[next++] = values[i];
    if (next === kept) break;
    kept = next;
  }
  // The mode, where the distribution is nearly symmetric: faint wings of sources move it less than the median.
  const level = Math.abs(mean - median) < 0.3 * sd ? 2.5 * median - 1.5 * mean : median;
  return { level, sigma: sd, pixels: kept };
}

/** Marks pixels within `radius` of a marked one, in a square: along rows, then along columns. */
function grow(mask: Uint8Array, W: number, H: number, radius: number): Uint8Array {
  const wide = new Uint8Array(mask.length);
  for (let y = 0; y < H; y++) {
    let until = -1;
    for (let x = 0, ahead = -radius; ahead < W; ahead++, x = Math.max(0, ahead)) {
      const seen = ahead + radius;
      if (seen < W && mask[y * W + seen] === 1) until = seen + radius;
      if (ahead >= 0 && x <= until) wide[y * W + x] = 1;
    }
  }
  const out = new Uint8Array(mask.length);
  for (let y = 0; y < H; y++) {
    const [first, last] = [Math.max(0, y - radius), Math.min(H - 1, y + radius)];
    for (let x = 0, p = y * W; x < W; x++, p++) {
      if (wide[p] === 0) continue;
      // A pixel between two marked ones of its column was marked by the one above it.
      const from = y > 0 && wide[p - W] === 1 ? last : first;
      for (let v = from; v <= last; v++) out[v * W + x] = 1;
    }
  }
  return out;
}

/** The finite values of pixels whose `covered` is 0, in a new array, and how many there are. */
function uncovered(plane: Float32Array, covered: Uint8Array): { values: Float32Array; n: number } {
  const values = new Float32Array(plane.length);
  let n = 0;
  for (let p = 0; p < plane.length; p++) {
    const value = plane[p];
    // Infinite or NaN less itself is NaN.
    if (covered[p] === 0 && value - value === 0) values[n++] = value;
  }
  return { values, n };
}

/** 1 but for the edge of a plane. */
function inner(W: number, H: number): Uint8Array {
  const edge = Math.max(2, Math.round(EDGE_SHARE * Math.min(W, H)));
  const covered = new Uint8Array(W * H);
  for (let y = edge; y < H - edge; y++) covered.fill(1, y * W + edge, Math.max(y * W + edge, (y + 1) * W - edge));
  return covered;
}

/** The sky by a plane's edge alone, or by all of it where that has hardly a pixel; null without a finite one. */
function skyOfEdge(plane: Float32Array, W: number, H: number): StampSky | null {
  let { values, n } = uncovered(plane, inner(W, H));
  if (n < 16) ({ values, n } = uncovered(plane, new Uint8Array(plane.length)));
  return n === 0 ? null : clipped(values, n);
}

/** The sky of the pixels that no source covers; that of the edge where a galaxy leaves hardly any. */
export function skyBeside(plane: Float32Array, W: number, H: number, covered: Uint8Array): StampSky | null {
  const { values, n } = uncovered(plane, covered);
  return n < 0.02 * plane.length ? skyOfEdge(plane, W, H) : clipped(values, n);
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
  const sources = new Uint8Array(W * H);
  const least = SOURCE_SIGMAS * guess.sigma;
  for (let p = 0; p < sources.length; p++) if (soft[p] > least) sources[p] = 1;
  const covered = grow(sources, W, H, GROWN_PX);
  return { sky: skyBeside(plane, W, H, covered) ?? guess, covered };
}
