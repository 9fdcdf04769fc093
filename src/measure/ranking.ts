/**
 * Measures of a ranking: scores of objects against what they are (1 positive, 0 not). Ties count as one step, as
 * scikit-learn has it.
 */
import { SkyloopError } from "../base/errors.ts";

interface Step {
  /** Positives and objects with a score at least this step's. */
  positives: number;
  objects: number;
}

function steps(scores: ArrayLike<number>, labels: ArrayLike<number>): Step[] {
  if (scores.length !== labels.length)
    throw new SkyloopError(
      "BAD_MEASURE",
      `a ranking needs one label a score, got ${scores.length} scores and ${labels.length} labels`,
    );
  for (let i = 0; i < scores.length; i++)
    if (Number.isNaN(scores[i]))
      throw new SkyloopError("BAD_MEASURE", `score ${i} is not a number; a model that gives NaN cannot be ranked`);
  const order = Array.from(scores, (_, i) => i).sort((a, b) => scores[b] - scores[a]);
  const found: Step[] = [];
  let positives = 0;
  for (let i = 0; i < order.length; i++) {
    positives += labels[order[i]];
    if (i + 1 === order.length || scores[order[i + 1]] !== scores[order[i]]) found.push({ positives, objects: i + 1 });
  }
  return found;
}

/**
 * Area under the precision-recall curve as average precision, sum of (R_n - R_(n-1)) P_n: scikit-learn's
 * average_precision_score. NaN where there is no positive.
 */
export function averagePrecision(scores: ArrayLike<number>, labels: ArrayLike<number>): number {
  const all = steps(scores, labels);
  const total = all.at(-1)?.positives ?? 0;
  if (total === 0) return Number.NaN;
  let [sum, before] = [0, 0];
  for (const { positives, objects } of all) {
    sum += ((positives - before) / total) * (positives / objects);
    before = positives;
  }
  return sum;
}

/** Area under the receiver operating curve (trapezoids). NaN unless both classes stand. */
export function auroc(scores: ArrayLike<number>, labels: ArrayLike<number>): number {
  const all = steps(scores, labels);
  const positives = all.at(-1)?.positives ?? 0;
  const negatives = scores.length - positives;
  if (positives === 0 || negatives === 0) return Number.NaN;
  let area = 0;
  let before: Step = { positives: 0, objects: 0 };
  for (const step of all) {
    const falseBefore = before.objects - before.positives;
    const falseNow = step.objects - step.positives;
    area += ((falseNow - falseBefore) / negatives) * ((step.positives + before.positives) / 2 / positives);
    before = step;
  }
  return area;
}

/** Mean and sample standard deviation (0 for one value); NaN values are left out. */
export function meanAndSd(values: number[]): { mean: number; sd: number } {
  const kept = values.filter((value) => !Number.isNaN(value));
  const mean = kept.reduce((sum, value) => sum + value, 0) / kept.length;
  const sd =
    kept.length > 1 ? Math.sqrt(kept.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (kept.length - 1)) : 0;
  return { mean, sd };
}

/** Wilson's 95 % interval of a share of `hits` in `tries`; [0, 1] where nothing was tried. */
export function wilsonInterval(hits: number, tries: number): [number, number] {
  if (tries === 0) return [0, 1];
  const z = 1.959963984540054;
  const p = hits / tries;
  const centre = p + (z * z) / (2 * tries);
  const spread = z * Math.sqrt((p * (1 - p)) / tries + (z * z) / (4 * tries * tries));
  const whole = 1 + (z * z) / tries;
  return [Math.max(0, (centre - spread) / whole), Math.min(1, (centre + spread) / whole)];
}
