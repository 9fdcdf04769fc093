/** How good predicted numbers and their intervals are. */
import { type GaussianMixtures, mixtureCdf, mixtureCrps, normalCdf, normalDensity } from "./mixture.ts";
import { ranksOfValues } from "./ranks.ts";

/** Predictions of objects whose truth is known. */
export interface PredictedNumbers {
  truth: ArrayLike<number>;
  mean: ArrayLike<number>;
  /** Standard deviation that was predicted. */
  spread: ArrayLike<number>;
  /** Differences; truth less mean unless given (angles wrap). */
  residuals?: ArrayLike<number>;
  /** What was predicted where it is more than one normal distribution of that spread: CRPS and `pit` are of it. */
  mixtures?: GaussianMixtures | null;
}

/** Measures of predicted numbers, in the target's unit where they have one. */
export interface RegressionScores {
  n: number;
  /** Mean of prediction less truth. */
  bias: number;
  rmse: number;
  /** 1.4826 times the median absolute residual less its median. */
  nmad: number;
  r2: number;
  /** Rank correlation (Spearman). */
  spearman: number;
  /** Share of residuals beyond 3 NMAD; and beyond 0.15 (1 + truth), as for redshifts. */
  beyond3Nmad: number;
  beyond15Percent: number;
  /** Continuous ranked probability score of the distribution that is predicted. */
  crps: number;
  /** Objects by the tenth of the predicted distribution that their truth fell into; even where calibrated. */
  pit: number[];
}

const median = (values: Float64Array) => {
  const sorted = values.slice().sort();
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};

/** CRPS of a normal distribution (Gneiting & Raftery 2007, equation 21). */
function normalCrps(residual: number, sd: number): number {
  const z = residual / sd;
  return sd * (z * (2 * normalCdf(z) - 1) + 2 * normalDensity(z) - 1 / Math.sqrt(Math.PI));
}

function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const n = a.length;
  const mean = (of: ArrayLike<number>) => Array.from(of).reduce((sum, value) => sum + value, 0) / n;
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    ab += (a[i] - ma) * (b[i] - mb);
    aa += (a[i] - ma) ** 2;
    bb += (b[i] - mb) ** 2;
  }
  return aa > 0 && bb > 0 ? ab / Math.sqrt(aa * bb) : 0;
}

/** Measures of predictions. With `residuals` (truth less prediction) those count, as for angles. */
export function regressionScores({
  truth,
  mean,
  spread,
  residuals: given,
  mixtures = null,
}: PredictedNumbers): RegressionScores {
  const n = truth.length;
  const residuals = Float64Array.from({ length: n }, (_, i) => given?.[i] ?? truth[i] - mean[i]);
  const centre = median(residuals);
  const nmad = 1.4826 * median(residuals.map((value) => Math.abs(value - centre)));
  const average = Array.from(truth).reduce((sum, value) => sum + value, 0) / n;
  const total = Array.from(truth).reduce((sum, value) => sum + (value - average) ** 2, 0);
  const square = residuals.reduce((sum, value) => sum + value * value, 0);
  const pit = new Array<number>(10).fill(0);
  const below = (i: number) =>
    mixtures === null ? normalCdf(residuals[i] / spread[i]) : mixtureCdf(mixtures, i, truth[i]);
  for (let i = 0; i < n; i++) pit[Math.min(9, Math.floor(10 * below(i)))]++;
  const crps = (residual: number, i: number) =>
    mixtures === null ? normalCrps(residual, spread[i]) : mixtureCrps(mixtures, i, truth[i]);
  const share = (beyond: (value: number, i: number) => boolean) => residuals.filter(beyond).length / n;
  return {
    n,
    bias: -residuals.reduce((sum, value) => sum + value, 0) / n,
    rmse: Math.sqrt(square / n),
    nmad,
    r2: total > 0 ? 1 - square / total : 0,
    spearman: correlation(ranksOfValues(truth), ranksOfValues(mean)),
    beyond3Nmad: share((value) => Math.abs(value) > 3 * nmad),
    beyond15Percent: share((value, i) => Math.abs(value) > 0.15 * (1 + Math.abs(truth[i]))),
    crps: residuals.reduce((sum, value, i) => sum + crps(value, i), 0) / n,
    pit,
  };
}

/** How often intervals of one level hold: over all, and for the narrow, middling and wide third of them. */
export interface Coverage {
  level: number;
  all: number;
  thirds: [narrow: number, middle: number, wide: number];
  meanWidth: number;
}

/**
 * Coverage of intervals around predictions by the residuals (truth less prediction) and how far intervals reach below
 * and above; as far above as below unless given.
 */
export function coverageOf(
  level: number,
  residuals: ArrayLike<number>,
  below: ArrayLike<number>,
  above: ArrayLike<number> = below,
): Coverage {
  const n = residuals.length;
  const width = Float64Array.from({ length: n }, (_, i) => below[i] + above[i]);
  const order = Uint32Array.from({ length: n }, (_, i) => i).sort((a, b) => width[a] - width[b] || a - b);
  const reach = (i: number) => (residuals[i] < 0 ? below[i] : above[i]);
  const held = (rows: Uint32Array) =>
    rows.reduce((sum, i) => sum + Number(Math.abs(residuals[i]) <= reach(i) * (1 + 1e-9)), 0) /
    Math.max(1, rows.length);
  const cut = [0, Math.floor(n / 3), Math.floor((2 * n) / 3), n];
  const third = (k: number) => held(order.subarray(cut[k], cut[k + 1]));
  return {
    level,
    all: held(order),
    thirds: [third(0), third(1), third(2)],
    meanWidth: width.reduce((sum, value) => sum + value, 0) / n,
  };
}
