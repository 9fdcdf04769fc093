/**
 * Intervals that hold as often as they say: a network's own spread, stretched by what held-out objects show (split
 * conformal prediction with a learned scale, Lei et al. 2018), for narrow, middling and wide ones apart.
 */

/** Shares that intervals promise. */
export const LEVELS = [0.68, 0.9, 0.95] as const;

/** By how many spreads an interval reaches to either side, for ranges of spread. */
export interface SpreadScale {
  /** Upper ends of the ranges but the last. */
  edges: number[];
  /** For each range, a factor for each of LEVELS. */
  factors: number[][];
  /** Held-out objects that it was measured on. */
  calibratedOn: number;
}

/** Fewer held-out objects promise nothing. */
const LEAST_CALIBRATION = 50;
/** Objects in each range of spread. */
const LEAST_OF_A_RANGE = 100;
const MOST_RANGES = 3;

/** The k-th smallest of n scores that covers a share, with the correction for finite n; Infinity where n is too small. */
function quantileOf(sorted: Float64Array, share: number): number {
  const k = Math.ceil(share * (sorted.length + 1));
  return k > sorted.length ? Number.POSITIVE_INFINITY : sorted[k - 1];
}

/**
 * The stretch by the absolute residuals of held-out objects and the spreads that were said of them; null for fewer than
 * 50 of them.
 */
export function fitStretch(residuals: ArrayLike<number>, spreads: ArrayLike<number>): SpreadScale | null {
  const n = residuals.length;
  if (n < LEAST_CALIBRATION) return null;
  const ranges = Math.max(1, Math.min(MOST_RANGES, Math.floor(n / LEAST_OF_A_RANGE)));
  const sorted = Float64Array.from(spreads).sort();
  const edges = Array.from({ length: ranges - 1 }, (_, r) => sorted[Math.floor(((r + 1) * n) / ranges)]);
  const scores: number[][] = Array.from({ length: ranges }, () => []);
  for (let i = 0; i < n; i++) scores[rangeOf(edges, spreads[i])].push(Math.abs(residuals[i]) / spreads[i]);
  const factors = scores.map((own) => {
    const ordered = Float64Array.from(own).sort();
    return LEVELS.map((level) => Math.min(quantileOf(ordered, level), ordered[ordered.length - 1] ?? 1));
  });
  return { edges, factors, calibratedOn: n };
}

function rangeOf(edges: readonly number[], spread: number): number {
  let range = 0;
  while (range < edges.length && spread > edges[range]) range++;
  return range;
}

/** Half the width of an interval of level number `level` for an object of some spread. */
export function halfWidth({ edges, factors }: SpreadScale, spread: number, level: number): number {
  return factors[rangeOf(edges, spread)][level] * spread;
}
