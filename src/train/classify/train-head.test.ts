import { describe, expect, it } from "vitest";
import { Random } from "../../base/random.ts";
import { stratifiedSplit } from "../../batches/split.ts";
import { classificationScores, mostProbable } from "../../measure/classification.ts";
import { classifyLogits, pickRows } from "../../tasks/classify/head.ts";
import { liveTensors, setThreads } from "../../torch/index.ts";
import { DEFAULT_HEAD, trainHead } from "./train-head.ts";

/** Three classes around three points, far enough apart for nine in ten to be told. */
function clouds(count: number, dim = 8) {
  const random = new Random(5);
  const classOf = Int32Array.from({ length: count }, (_, i) => i % 3);
  const features = Float32Array.from({ length: count * dim }, (_, at) =>
    random.normal(at % dim === classOf[Math.floor(at / dim)] ? 2.6 : 0),
  );
  const targets = Float32Array.from({ length: count * 3 }, (_, at) => (at % 3 === classOf[Math.floor(at / 3)] ? 1 : 0));
  return { features, targets, classOf, dim, classes: 3 };
}

describe("training a head", () => {
  setThreads(1);
  const data = clouds(300);
  const split = stratifiedSplit(data.classOf, { validation: 0.2, test: 0.3 }, 1);

  it("tells held-out objects apart, stops by itself, and leaves no tensor behind", () => {
    const before = liveTensors();
    const { head, history, bestEpoch, temperature } = trainHead(data, split, DEFAULT_HEAD);
    const logits = classifyLogits(head, pickRows(data.features, data.dim, split.test), data.dim);
    const { accuracy } = classificationScores(
      mostProbable(logits, 3),
      split.test.map((i) => data.classOf[i]),
      3,
    );
    console.log(
      `accuracy ${accuracy.toFixed(3)}, best of ${history.length} epochs ${bestEpoch}, temperature ${temperature.toFixed(2)}`,
    );
    expect(accuracy).toBeGreaterThan(0.8);
    expect(history.length).toBe(Math.min(DEFAULT_HEAD.epochs, bestEpoch + DEFAULT_HEAD.patience));
    expect(history[bestEpoch - 1].validationLoss).toBe(
      Math.min(...history.map(({ validationLoss }) => validationLoss)),
    );
    expect(temperature).toBeGreaterThan(0.05);
    head.dispose();
    expect(liveTensors()).toBe(before);
  });

  it("gives the same head for the same seed, and runs all epochs without validation objects", () => {
    const options = { ...DEFAULT_HEAD, epochs: 3 };
    const all = { train: split.train, validation: [] };
    const [a, b] = [trainHead(data, all, options), trainHead(data, all, options)];
    expect(classifyLogits(a.head, data.features, data.dim)).toEqual(classifyLogits(b.head, data.features, data.dim));
    expect([a.history.length, a.temperature]).toEqual([3, 1]);
    for (const { head } of [a, b]) head.dispose();
  });
});
