/**
 * From scores to probabilities by a logistic curve through few answers (Platt 1999, with his smoothed targets; Lin, Lin
 * & Weng 2007).
 */

/** P(positive | score) = 1 / (1 + exp(-(slope * logit(score) + offset))). */
export interface Platt {
  slope: number;
  offset: number;
}

/** Log odds of a score in [0, 1], kept within +-12. */
export function logit(score: number): number {
  const inside = Math.min(1 - 6.2e-6, Math.max(6.2e-6, score));
  return Math.log(inside / (1 - inside));
}

/** The probability of a yes for a score in [0, 1]: a logistic curve over the score's logit (Platt 1999). */
export const plattProbability = ({ slope, offset }: Platt, score: number): number =>
  1 / (1 + Math.exp(-(slope * logit(score) + offset)));

/** Keeps the curve finite where the answers are perfectly separated. */
const RIDGE = 0.02;

/**
 * Fits the curve to scores in [0, 1] and answers (1 or 0) by Newton's method. The slope is not allowed below 0: a
 * higher score never means a lower probability.
 */
export function fitPlatt(scores: ArrayLike<number>, answers: ArrayLike<number>): Platt {
  const N = scores.length;
  let positives = 0;
  for (let i = 0; i < N; i++) positives += answers[i];
  const [high, low] = [(positives + 1) / (positives + 2), 1 / (N - positives + 2)];
  const x = Float64Array.from(scores, logit);
  let [slope, offset] = [1, 0];
  for (let step = 0; step < 60; step++) {
    // Gradient and Hessian of the cross entropy, with a weak pull of the slope to 1.
    let [ga, gb, haa, hab, hbb] = [RIDGE * (slope - 1), 0, RIDGE, 0, 1e-9];
    for (let i = 0; i < N; i++) {
      const p = 1 / (1 + Math.exp(-(slope * x[i] + offset)));
      const error = p - (answers[i] > 0.5 ? high : low);
      const weight = p * (1 - p);
      ga += error * x[i];
      gb += error;
      haa += weight * x[i] * x[i];
      hab += weight * x[i];
      hbb += weight;
    }
    const determinant = haa * hbb - hab * hab;
    const bounded = (value: number) => Math.min(2, Math.max(-2, value));
    const [da, db] = [bounded((hbb * ga - hab * gb) / determinant), bounded((haa * gb - hab * ga) / determinant)];
    slope = Math.max(0, slope - da);
    offset -= db;
    if (Math.abs(da) + Math.abs(db) < 1e-9) break;
  }
  return { slope, offset };
}

/** The offset with which the probabilities of some objects add up to `sum` (kept within what they can). */
export function offsetFor(slope: number, scores: ArrayLike<number>, sum: number): number {
  let [low, high] = [-40, 40];
  for (let step = 0; step < 60; step++) {
    const offset = (low + high) / 2;
    let total = 0;
    for (let i = 0; i < scores.length; i++) total += plattProbability({ slope, offset }, scores[i]);
    if (total < sum) low = offset;
    else high = offset;
  }
  return (low + high) / 2;
}
