import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../../test/fixtures/surveys.ts";
import { Adam, liveTensors, manualSeed, randn, scope, setThreads, writeSafetensors, zeros } from "../../torch/index.ts";
import { loadHead, saveHead } from "../heads.ts";
import { balancedWeights, ClassifyHead, classifyLogits, classifyLoss } from "./head.ts";
import type { ClassModel } from "./predict.ts";
import { CLASSIFY } from "./task.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());
const card = {
  model: "toy",
  features: "toy",
  weightsHash: "none",
  column: "kind",
  classes: ["a", "b", "c"],
  dim: 6,
  temperature: 1.5,
};

describe("class weights", () => {
  it("give every class the same total and leave the mean weight at one", () => {
    const targets = Float32Array.from([1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0]);
    const weights = balancedWeights(targets, 3);
    expect([...weights]).toEqual([4 / 2 / 3, 2, 0].map(Math.fround));
    expect(3 * weights[0] + weights[1]).toBeCloseTo(4, 5);
  });
});

describe("the head", () => {
  it("does not mind how its features are scaled and shifted", () => {
    manualSeed(1);
    const head = new ClassifyHead(6, 3).eval();
    const features = scope(() => randn([40, 6]).toFloat32Array());
    const moved = features.map((value, i) => value * (1 + (i % 6)) + 100 * (i % 6));
    head.standardise(features, 6);
    const before = classifyLogits(head, features, 6, 7);
    head.standardise(moved, 6);
    const after = classifyLogits(head, moved, 6);
    expect(before.length).toBe(120);
    expect(Math.max(...before.map((value, i) => Math.abs(value - after[i])))).toBeLessThan(1e-3);
    head.dispose();
  });

  it("gives every parameter a gradient, learns 8 objects by heart, and is the same after saving and loading", () => {
    setThreads(1);
    manualSeed(2);
    const start = liveTensors();
    const head = new ClassifyHead(6, 3);
    const features = randn([8, 6]);
    const targets = scope(() => randn([8, 3]).mul(4).softmax(1));
    const optimiser = new Adam(head.namedParameters(), { learningRate: 0.01 });
    const step = () => {
      optimiser.zeroGrad();
      return scope(() => {
        const loss = classifyLoss(head.forward(features), targets, { weights: null, labelSmoothing: 0 });
        loss.backward();
        return loss.item();
      });
    };
    const first = step();
    for (const [name, parameter] of head.namedParameters())
      scope(() => expect(parameter.grad?.abs().max().item(), name).toBeGreaterThan(0));
    let last = first;
    for (let i = 0; i < 120; i++) {
      optimiser.step();
      last = step();
    }
    expect(last).toBeLessThan(first / 2);
    console.log(`loss ${first.toFixed(3)} -> ${last.toFixed(3)}`);
    const path = join(folder.path, "head.safetensors");
    saveHead(path, CLASSIFY, { head, card });
    const loaded = loadHead(path).model as ClassModel;
    if ("network" in loaded) throw new Error("not a head on features");
    expect(loaded.card).toEqual(card);
    const numbers = features.toFloat32Array();
    expect(classifyLogits(loaded.head, numbers, 6)).toEqual(classifyLogits(head.eval(), numbers, 6));
    optimiser.zeroGrad();
    optimiser.dispose();
    for (const module of [head, loaded.head]) module.dispose();
    for (const made of [features, targets]) made.dispose();
    expect(liveTensors()).toBe(start);
  });

  it("refuses a file that is no head", () => {
    const path = join(folder.path, "other.safetensors");
    scope(() => writeSafetensors(path, { a: zeros([2]) }));
    expect(() => loadHead(path)).toThrow(/no trained task/);
  });
});
