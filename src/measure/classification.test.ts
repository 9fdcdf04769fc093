import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { classificationScores, confusionMatrix, mostProbable } from "./classification.ts";

describe("classification", () => {
  // Worked out by hand from the definitions of sklearn.metrics.classification_report.
  it("equals scikit-learn", () => {
    const scores = classificationScores([0, 0, 1, 1, 2, 2, 2, 0, 2], [0, 0, 0, 1, 1, 2, 2, 2, 2], 3);
    expect(scores.accuracy).toBeCloseTo(6 / 9, 12);
    expect(scores.perClass.map(({ precision }) => precision)).toEqual([2 / 3, 1 / 2, 3 / 4]);
    expect(scores.perClass.map(({ recall }) => recall)).toEqual([2 / 3, 1 / 2, 3 / 4]);
    expect(scores.macroF1).toBeCloseTo((2 / 3 + 1 / 2 + 3 / 4) / 3, 12);
    expect(scores.confusion).toEqual([
      [2, 1, 0],
      [0, 1, 1],
      [1, 0, 3],
    ]);
  });

  it("counts a class that is never predicted with precision 0, and leaves out one that never occurs", () => {
    const scores = classificationScores([0, 0, 0], [0, 1, 0], 3);
    expect(scores.perClass[1]).toEqual({ support: 1, precision: 0, recall: 0, f1: 0 });
    expect(scores.macroRecall).toBe(0.5);
    expect(scores.balancedAccuracy).toBe(0.5);
  });

  it("refuses unequal lengths and unknown classes", () => {
    expect(() => confusionMatrix([0], [0, 1], 2)).toThrow(/one true class/);
    expect(() => confusionMatrix([2], [0], 2)).toThrow(/between 0 and 1/);
  });

  it("does not depend on the order of the objects, and the matrix sums to their number", () => {
    const rows = fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 })), {
      minLength: 1,
      maxLength: 40,
    });
    fc.assert(
      fc.property(rows, (data) => {
        const of = (list: typeof data) =>
          classificationScores(
            list.map(([p]) => p),
            list.map(([, t]) => t),
            4,
          );
        const scores = of(data);
        expect(of(data.toReversed()).macroF1).toBeCloseTo(scores.macroF1, 12);
        expect(scores.confusion.flat().reduce((a, b) => a + b, 0)).toBe(data.length);
      }),
    );
  });

  it("takes the most probable class", () => {
    expect([...mostProbable([0.2, 0.5, 0.3, 0.4, 0.4, 0.2], 3)]).toEqual([1, 0]);
  });
});
