import { describe, expect, it } from "vitest";
import { Random } from "../base/random.ts";
import {
  expectedCalibrationError,
  fitTemperature,
  negativeLogLikelihood,
  reliability,
  softmaxRows,
} from "./calibration.ts";

/** Logits of `count` objects whose classes are drawn from the softmax of those logits: perfectly calibrated. */
function calibrated(count: number, classes: number, seed: number) {
  const random = new Random(seed);
  const logits = Float64Array.from({ length: count * classes }, () => random.normal(0, 2));
  const probabilities = softmaxRows(logits, classes);
  const truth = Int32Array.from({ length: count }, (_, i) => {
    let left = random.next();
    for (let k = 0; k < classes - 1; k++) {
      left -= probabilities[i * classes + k];
      if (left < 0) return k;
    }
    return classes - 1;
  });
  return { logits, probabilities, truth };
}

describe("calibration", () => {
  it("worked by hand: three objects in two bins", () => {
    const bins = reliability([0.9, 0.1, 0.8, 0.2, 0.4, 0.6], [0, 1, 1], 2, 2);
    expect(bins[0].count).toBe(0);
    expect(bins[1]).toMatchObject({ count: 3, accuracy: 2 / 3 });
    expect(bins[1].confidence).toBeCloseTo((0.9 + 0.8 + 0.6) / 3, 12);
    expect(expectedCalibrationError(bins)).toBeCloseTo((0.9 + 0.8 + 0.6) / 3 - 2 / 3, 12);
  });

  it("finds next to no error where classes are drawn from the probabilities", () => {
    const { probabilities, truth } = calibrated(20_000, 3, 1);
    expect(expectedCalibrationError(reliability(probabilities, truth, 3))).toBeLessThan(0.015);
  });

  it("finds the factor by which logits were made too large, and mends the error", () => {
    const { logits, truth } = calibrated(20_000, 3, 2);
    const large = logits.map((value) => value * 3);
    const temperature = fitTemperature(large, truth, 3);
    expect(temperature).toBeCloseTo(3, 0);
    expect(Math.abs(temperature / 3 - 1)).toBeLessThan(0.05);
    const error = (t: number) => expectedCalibrationError(reliability(softmaxRows(large, 3, t), truth, 3));
    expect(error(temperature)).toBeLessThan(0.015);
    expect(error(1)).toBeGreaterThan(0.08);
    expect(negativeLogLikelihood(large, truth, 3, temperature)).toBeLessThan(negativeLogLikelihood(large, truth, 3));
  });

  it("leaves logits alone where there is nothing to fit on, and refuses lengths that do not fit", () => {
    expect(fitTemperature([], [], 3)).toBe(1);
    expect(() => reliability([0.5, 0.5], [0, 1], 2)).toThrow(/2 probabilities an object/);
  });
});
