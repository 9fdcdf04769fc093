/**
 * Intervals that hold as often as they say: a network's own spread, stretched by what held-out objects show (split
 * conformal prediction with a learned scale, Lei et al. 2018), for narrow, middling and wide ones apart.
 */

/** Shares that intervals promise. */
export const LEVELS = [0.68, 0.9, 0.95] as const;

/** By how many times its reach an interval is stretched, for ranges of spread. */
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

/** How far an object's interval of level number `level` reaches below and above its prediction before it is stretched. */
export type Reach = (i: number, level: number) => [below: number, above: number];

/**
 * The stretch by the residuals (truth less prediction) of held-out objects, the spreads that were said of them, and how
 * far intervals reach (unless given, a spread to either side); null for fewer than 50 of them.
 */
export function fitStretch(
  residuals: ArrayLike<number>,
  spreads: ArrayLike<number>,
  reach: Reach = (i) => [spreads[i], spreads[i]],
): SpreadScale | null {
  const n = residuals.length;
  if (n < LEAST_CALIBRATION) return null;
  const ranges = Math.max(1, Math.min(MOST_RANGES, Math.floor(n / LEAST_OF_A_RANGE)));
  const sorted = Float64Array.from(spreads).sort();
  const edges = Array.from({ length: ranges - 1 }, (_, r) => sorted[Math.floor(((r + 1) * n) / ranges)]);
  const rows: number[][] = Array.from({ length: ranges }, () => []);
  for (let i = 0; i < n; i++) rows[rangeOf(edges, spreads[i])].push(i);
  const score = (i: number, level: number) => Math.abs(residuals[i]) / reach(i, level)[residuals[i] < 0 ? 0 : 1];
  const factors = rows.map((own) =>
    LEVELS.map((share, level) => {
      const ordered = Float64Array.from(own, (i) => score(i, level)).sort();
      return Math.min(quantileOf(ordered, share), ordered[ordered.length - 1] ?? 1);
    }),
  );
  return { edges, factors, calibratedOn: n };
}

function rangeOf(edges: readonly number[], spread: number): number {
  let range = 0;
  while (range < edges.length && spread > edges[range]) range++;
  return range;
}

/** How far the interval of level number `level` of an object of some spread reaches below and above its prediction. */
export function stretched(
  { edges, factors }: SpreadScale,
  spread: number,
  level: number,
  [below, above]: ReturnType<Reach> = [spread, spread],
): ReturnType<Reach> {
  const factor = factors[rangeOf(edges, spread)][level];
  return [factor * below, factor * above];
}
