/** Whether probabilities mean what they say: of the objects given 0.8, eight in ten should be right. */
import { SkyloopError } from "../base/errors.ts";
import { type ClassificationScores, classificationScores, mostProbable } from "./classification.ts";

/** Objects of one range of confidence, and how many of them are right. */
export interface ReliabilityBin {
  /** Range of confidence, (low, high]. */
  low: number;
  high: number;
  count: number;
  /** Mean confidence of the bin's objects and the share of them that are right; 0 in an empty bin. */
  confidence: number;
  accuracy: number;
}

/**
 * Confidence (probability of the most probable class) against accuracy in bins of equal width. `probabilities` [N,
 * classes], `truth` [N]. Throws BAD_MEASURE for lengths that do not fit.
 */
export function reliability(
  probabilities: ArrayLike<number>,
  truth: ArrayLike<number>,
  classes: number,
  bins = 15,
): ReliabilityBin[] {
  if (probabilities.length !== truth.length * classes)
    throw new SkyloopError(
      "BAD_MEASURE",
      `calibration needs ${classes} probabilities an object, got ${probabilities.length} for ${truth.length} objects`,
    );
  const found = Array.from({ length: bins }, (_, b) => ({
    low: b / bins,
    high: (b + 1) / bins,
    count: 0,
    confidence: 0,
    accuracy: 0,
  }));
  const predicted = mostProbable(probabilities, classes);
  for (let i = 0; i < truth.length; i++) {
    const confidence = probabilities[i * classes + predicted[i]];
    const bin = found[Math.min(bins - 1, Math.max(0, Math.ceil(confidence * bins) - 1))];
    bin.count++;
    bin.confidence += confidence;
    bin.accuracy += predicted[i] === truth[i] ? 1 : 0;
  }
  return found.map((bin) =>
    bin.count === 0 ? bin : { ...bin, confidence: bin.confidence / bin.count, accuracy: bin.accuracy / bin.count },
  );
}

/**
 * Expected calibration error: mean distance of confidence and accuracy over the bins, weighted by their objects (Guo et
 * al. 2017).
 */
export function expectedCalibrationError(bins: ReliabilityBin[]): number {
  const total = bins.reduce((sum, { count }) => sum + count, 0);
  return total === 0
    ? 0
    : bins.reduce((sum, { count, confidence, accuracy }) => sum + (count / total) * Math.abs(confidence - accuracy), 0);
}

/** Rows of logits [N, classes] divided by `temperature`, to probabilities. */
export function softmaxRows(logits: ArrayLike<number>, classes: number, temperature = 1): Float32Array {
  const out = new Float32Array(logits.length);
  for (let at = 0; at < logits.length; at += classes) {
    let top = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < classes; k++) top = Math.max(top, logits[at + k]);
    let sum = 0;
    for (let k = 0; k < classes; k++) sum += Math.exp((logits[at + k] - top) / temperature);
    for (let k = 0; k < classes; k++) out[at + k] = Math.exp((logits[at + k] - top) / temperature) / sum;
  }
  return out;
}

/** Mean negative logarithm of the probability that the true class gets, natural units. */
export function negativeLogLikelihood(
  logits: ArrayLike<number>,
  truth: ArrayLike<number>,
  classes: number,
  temperature = 1,
): number {
  let sum = 0;
  for (let i = 0; i < truth.length; i++) {
    const at = i * classes;
    let top = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < classes; k++) top = Math.max(top, logits[at + k] / temperature);
    let total = 0;
    for (let k = 0; k < classes; k++) total += Math.exp(logits[at + k] / temperature - top);
    sum += top + Math.log(total) - logits[at + truth[i]] / temperature;
  }
  return sum / truth.length;
}

/**
 * The temperature in [1/20, 20] that makes logits of held-out objects most likely (Guo et al. 2017), by golden-section
 * search over its logarithm; the likelihood has one maximum in 1 / T. Only the confidence changes, never which class is
 * most probable. 1 where there is nothing to fit on.
 */
export function fitTemperature(logits: ArrayLike<number>, truth: ArrayLike<number>, classes: number): number {
  if (truth.length === 0) return 1;
  const ratio = (Math.sqrt(5) - 1) / 2;
  const cost = (log: number) => negativeLogLikelihood(logits, truth, classes, Math.exp(log));
  let [low, high] = [-Math.log(20), Math.log(20)];
  while (high - low > 1e-4) {
    const [a, b] = [high - ratio * (high - low), low + ratio * (high - low)];
    if (cost(a) < cost(b)) high = b;
    else low = a;
  }
  return Math.exp((low + high) / 2);
}

/** Scores of a classifier with its calibration. */
export interface CalibratedScores extends ClassificationScores {
  temperature: number;
  /** Expected calibration error with the temperature, and as the head came. */
  calibrationError: number;
  calibrationErrorBefore: number;
  reliability: ReliabilityBin[];
}

/** Measures of logits [N, classes] against true classes, with probabilities at `temperature`. */
export function scoreLogits(
  logits: Float32Array,
  truth: ArrayLike<number>,
  classes: number,
  temperature: number,
): CalibratedScores {
  const probabilities = softmaxRows(logits, classes, temperature);
  const bins = reliability(probabilities, truth, classes);
  return {
    ...classificationScores(mostProbable(probabilities, classes), truth, classes),
    temperature,
    calibrationError: expectedCalibrationError(bins),
    calibrationErrorBefore: expectedCalibrationError(reliability(softmaxRows(logits, classes), truth, classes)),
    reliability: bins,
  };
}
