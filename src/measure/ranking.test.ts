import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { auroc, averagePrecision, meanAndSd, wilsonInterval } from "./ranking.ts";

describe("ranking", () => {
  // Values of sklearn.metrics.average_precision_score and roc_auc_score 1.2 on the same arrays.
  it("equals scikit-learn, ties included", () => {
    expect(averagePrecision([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])).toBeCloseTo(0.8333333333, 9);
    expect(auroc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])).toBeCloseTo(0.75, 9);
    expect(averagePrecision([0.5, 0.5, 0.5, 0.2], [1, 0, 1, 0])).toBeCloseTo(2 / 3, 9);
    expect(auroc([0.5, 0.5, 0.5, 0.2], [1, 0, 1, 0])).toBeCloseTo(0.75, 9);
  });
  it("has no value without both classes", () => {
    expect(averagePrecision([1, 2], [0, 0])).toBeNaN();
    expect(auroc([1, 2], [1, 1])).toBeNaN();
  });
  it("refuses NaN scores and unequal lengths", () => {
    expect(() => averagePrecision([Number.NaN], [1])).toThrow(/not a number/);
    expect(() => auroc([1], [1, 0])).toThrow(/one label a score/);
  });
  it("does not change under increasing functions of the scores, and reversing them mirrors AUROC", () => {
    const rows = fc.array(fc.tuple(fc.integer({ min: -50, max: 50 }), fc.integer({ min: 0, max: 1 })), {
      minLength: 2,
      maxLength: 60,
    });
    fc.assert(
      fc.property(rows, (data) => {
        const [scores, labels] = [data.map(([s]) => s), data.map(([, l]) => l)];
        fc.pre(labels.includes(0) && labels.includes(1));
        const shifted = scores.map((s) => Math.exp(s / 10) + 3);
        expect(averagePrecision(shifted, labels)).toBeCloseTo(averagePrecision(scores, labels), 9);
        expect(
          auroc(
            scores.map((s) => -s),
            labels,
          ),
        ).toBeCloseTo(1 - auroc(scores, labels), 9);
      }),
    );
  });
  it("knows Wilson's interval and the sample deviation", () => {
    const [low, high] = wilsonInterval(8, 10);
    expect(low).toBeCloseTo(0.4901625, 6);
    expect(high).toBeCloseTo(0.9433178, 6);
    expect(meanAndSd([1, 2, 3, Number.NaN])).toEqual({ mean: 2, sd: 1 });
  });
});
