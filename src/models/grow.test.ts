import { describe, expect, it } from "vitest";
import { AdamW, manualSeed, noGrad, rand, randn, scope, type Tensor } from "../torch/index.ts";
import { growFrom } from "./grow.ts";
import { LVM_NANO } from "./index.ts";
import { isDecoderName, SwinUnet } from "./swin-unet.ts";

const SMALL = { ...LVM_NANO, imageSize: 32, embedDim: 8, depths: [2, 1], heads: [1, 2], window: 4 };
const LARGE = { ...SMALL, imageSize: 64, embedDim: 24, depths: [2, 3], heads: [3, 6] };

/** A model as if it had learned: no parameter stands where it began. */
function learned(config = SMALL): SwinUnet {
  manualSeed(1);
  const model = new SwinUnet(config).eval();
  noGrad(() =>
    scope(() => {
      for (const [, parameter] of model.namedParameters())
        parameter.copy_(parameter.add(randn(parameter.shape).mul(0.1)));
    }),
  );
  return model;
}

const rms = (x: Tensor) => Math.sqrt(x.mul(x).mean().item());

describe("a network that grows", () => {
  it("finds what the smaller one finds, and learns in all its parts from there", () => {
    const small = learned();
    manualSeed(2);
    const large = new SwinUnet(LARGE).eval();
    const decoder = large.output.weight.toFloat32Array();
    growFrom(large, small);
    const images = rand([2, 3, 32, 32]);
    noGrad(() =>
      scope(() => {
        const [a, b] = [small.encode(images), large.encode(images)];
        for (const [i, map] of [...a.skips, a.features].entries()) {
          const grown = [...b.skips, b.features][i];
          const C = map.shape[2];
          expect(grown.shape[2]).toBe(3 * C);
          // Only the normalisation of patches is not followed exactly by channels that hold a mean.
          expect(rms(grown.slice(2, 0, C).sub(map)) / rms(map)).toBeLessThan(i === 0 ? 1e-4 : 0.03);
        }
      }),
    );
    expect(large.output.weight.toFloat32Array()).toEqual(decoder);

    const encoder = [...large.namedParameters()].filter(([name]) => !isDecoderName(name) && !name.startsWith("prelu."));
    const before = encoder.map(([, parameter]) => parameter.toFloat32Array());
    const optimiser = new AdamW(encoder, { learningRate: 1e-3, weightDecay: 0 });
    const target = scope(() => randn([2, 16, 48]));
    for (let step = 0; step < 3; step++)
      scope(() => {
        optimiser.zeroGrad();
        const error = large.encode(images).features.sub(target);
        error.mul(error).mean().backward();
        optimiser.step();
      });
    for (const [i, [name, parameter]] of encoder.entries()) {
      // Maps of this size use the middle of a table of positions only.
      const after = parameter.toFloat32Array();
      const moved = after.filter((value, k) => value !== before[i][k]).length / after.length;
      expect(moved, name).toBeGreaterThan(name.endsWith("bias_table") ? 0.1 : 0.65);
    }
    // Channels that began alike go apart.
    const [row, next] = [8, 9].map((r) => large.layers[0].blocks[0].mlp.fc2.weight.slice(0, r, r + 1).toFloat32Array());
    expect(row).not.toEqual(next);
    for (const model of [small, large]) model.dispose();
  });

  it("refuses a network that is no larger or built in another way", () => {
    const small = learned();
    for (const change of [
      { embedDim: 4, heads: [1, 2] },
      { depths: [1, 1] },
      { heads: [6, 12] },
      { window: 8 },
      { depths: [2, 1, 1], heads: [3, 6, 12] },
    ]) {
      const other = new SwinUnet({ ...LARGE, ...change });
      expect(() => growFrom(other, small), JSON.stringify(change)).toThrow(/does not grow into that one/);
      other.dispose();
    }
    small.dispose();
  });
});
