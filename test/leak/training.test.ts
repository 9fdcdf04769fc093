import { describe, expect, it } from "vitest";
import { Gelu, LayerNorm, Linear, Module } from "../../src/nn/index.ts";
import {
  AdamW,
  liveTensors,
  manualSeed,
  noGrad,
  ones,
  randn,
  scope,
  type Tensor,
  tensor,
} from "../../src/torch/index.ts";

class Small extends Module {
  readonly first = new Linear(8, 16);
  readonly norm = new LayerNorm(16);
  readonly gelu = new Gelu();
  readonly second = new Linear(16, 1);

  forward(x: Tensor): Tensor {
    return this.second.forward(this.gelu.forward(this.norm.forward(this.first.forward(x))));
  }
}

describe("live tensors", () => {
  it("are as many after 1,000 training steps as after the first, and the model has learnt", () => {
    manualSeed(1);
    const model = new Small();
    const optimiser = new AdamW(model.namedParameters(), { learningRate: 1e-2 });
    const step = () => {
      const loss = scope(() => {
        const x = randn([32, 8]);
        const target = x.mean([1], true);
        const error = model.forward(x).sub(target);
        const squared = error.mul(error).mean();
        optimiser.zeroGrad();
        squared.backward();
        optimiser.step();
        return squared.item();
      });
      return loss;
    };
    const before = step();
    const start = liveTensors();
    let last = 0;
    for (let i = 0; i < 1000; i++) {
      last = step();
      if (i % 250 === 0) expect(liveTensors(), `after step ${i}`).toBe(start);
    }
    expect(liveTensors()).toBe(start);
    expect(last).toBeLessThan(before / 10);
  });

  it("return to their start when an operator refuses its arguments", () => {
    const start = liveTensors();
    for (let i = 0; i < 100; i++) {
      expect(() =>
        scope(() => {
          const a = randn([4, 4]).relu();
          return a.matmul(randn([5, 5]));
        }),
      ).toThrow();
    }
    expect(liveTensors()).toBe(start);
  });

  it("return to their start when our own code throws in the middle of a graph, in nested scopes", () => {
    const model = new Small();
    const start = liveTensors();
    for (let i = 0; i < 100; i++) {
      expect(() =>
        scope(() => {
          const x = randn([4, 8]);
          scope(() => {
            model.forward(x).sum().backward();
            throw new Error("stop");
          });
        }),
      ).toThrow("stop");
      for (const parameter of model.parameters()) parameter.setGrad(null);
    }
    expect(liveTensors()).toBe(start);
  });

  it("that a scope returns survive it, and are freed once by their owner", () => {
    const start = liveTensors();
    const { sum, parts } = scope(() => ({
      sum: ones([3]).add(ones([3])),
      parts: [tensor([1, 2], [2]), noGrad(() => ones([2]).mul(2))],
    }));
    expect(Array.from(sum.toFloat32Array())).toEqual([2, 2, 2]);
    expect(liveTensors()).toBe(start + 3);
    for (const kept of [sum, ...parts]) kept.dispose();
    expect(liveTensors()).toBe(start);
    expect(() => sum.toFloat32Array()).toThrow();
  });
});
