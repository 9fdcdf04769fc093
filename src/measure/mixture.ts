/** Mixtures of normal distributions, one for each object: what lies below a value, quantiles, and how good they are as predictions. */

/** Mixtures of N objects. A part without weight counts for nothing. */
export interface GaussianMixtures {
  /** Normal distributions of an object. */
  parts: number;
  /** Mean, standard deviation and weight of each part of each object, [N, parts, 3]; weights of an object sum to 1. */
  values: Float32Array | Float64Array;
}

/** Normal distribution function, to 7e-8 (Abramowitz & Stegun 26.2.17). */
export function normalCdf(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const tail =
    normalDensity(z) * t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return z > 0 ? 1 - tail : tail;
}

/** Density of the standard normal distribution. */
export function normalDensity(z: number): number {
  return Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
}

/** The parts of object `i` that have weight. */
function* partsOf(
  { parts, values }: GaussianMixtures,
  i: number,
): Generator<[mean: number, sd: number, weight: number]> {
  for (let at = 3 * i * parts; at < 3 * (i + 1) * parts; at += 3)
    if (values[at + 2] > 0) yield [values[at], values[at + 1], values[at + 2]];
}

/** Mean and standard deviation of object `i`'s mixture. */
export function mixtureMoments(mixtures: GaussianMixtures, i: number): { mean: number; sd: number } {
  let mean = 0;
  for (const [at, , weight] of partsOf(mixtures, i)) mean += weight * at;
  let variance = 0;
  for (const [at, sd, weight] of partsOf(mixtures, i)) variance += weight * (sd * sd + (at - mean) ** 2);
  return { mean, sd: Math.sqrt(variance) };
}

/** Share of object `i`'s mixture below `x`. */
export function mixtureCdf(mixtures: GaussianMixtures, i: number, x: number): number {
  let share = 0;
  for (const [mean, sd, weight] of partsOf(mixtures, i)) share += weight * normalCdf((x - mean) / sd);
  return share;
}

/** Parts reach no farther than so many of their standard deviations for any quantile that is asked for. */
const REACH_SIGMAS = 8;
const MOST_STEPS = 80;
const TOLERANCE = 1e-9;

/** The value below which lies a share (between 0 and 1) of object `i`'s mixture: Newton's steps inside a bracket. */
export function mixtureQuantile(mixtures: GaussianMixtures, i: number, share: number): number {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const [mean, sd] of partsOf(mixtures, i)) {
    low = Math.min(low, mean - REACH_SIGMAS * sd);
    high = Math.max(high, mean + REACH_SIGMAS * sd);
  }
  const width = high - low;
  let x = (low + high) / 2;
  for (let step = 0; step < MOST_STEPS && high - low > TOLERANCE * width; step++) {
    let [excess, density] = [-share, 0];
    for (const [mean, sd, weight] of partsOf(mixtures, i)) {
      const z = (x - mean) / sd;
      excess += weight * normalCdf(z);
      density += (weight * normalDensity(z)) / sd;
    }
    if (excess < 0) low = x;
    else high = x;
    const next = x - excess / density;
    const inside = next > low && next < high;
    if (inside && Math.abs(next - x) < TOLERANCE * width) return next;
    x = inside ? next : (low + high) / 2;
  }
  return x;
}

/** Mean distance of 0 from a normal distribution. */
function meanDistance(mean: number, sd: number): number {
  const z = mean / sd;
  return 2 * sd * normalDensity(z) + mean * (2 * normalCdf(z) - 1);
}

/** Continuous ranked probability score of object `i`'s mixture at the truth (Grimit et al. 2006, equation 5). */
export function mixtureCrps(mixtures: GaussianMixtures, i: number, truth: number): number {
  let [toTruth, between] = [0, 0];
  for (const [mean, sd, weight] of partsOf(mixtures, i)) {
    toTruth += weight * meanDistance(truth - mean, sd);
    for (const [otherMean, otherSd, otherWeight] of partsOf(mixtures, i))
      between += weight * otherWeight * meanDistance(mean - otherMean, Math.hypot(sd, otherSd));
  }
  return toTruth - between / 2;
}

/** The mixtures of some objects. */
export function pickMixtures({ parts, values }: GaussianMixtures, rows: readonly number[]): GaussianMixtures {
  const out = new Float64Array(3 * parts * rows.length);
  for (const [to, row] of rows.entries())
    out.set(values.subarray(3 * parts * row, 3 * parts * (row + 1)), 3 * parts * to);
  return { parts, values: out };
}
