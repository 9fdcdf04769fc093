import { describe, expect, it } from "vitest";
import {
  AdamW,
  clipGradNorm,
  liveTensors,
  manualSeed,
  mseLoss,
  rand,
  resizeBilinear,
  scope,
  setThreads,
  type Tensor,
} from "../torch/index.ts";
import { ImageDecoder } from "./image-decoder.ts";
import { LVM_NANO } from "./index.ts";
import { SwinUnet } from "./swin-unet.ts";

const SMALL = { ...LVM_NANO, imageSize: 32, embedDim: 16, depths: [1, 1], heads: [2, 2], dropPath: 0 };

/** Some 90 steps are enough; with an unlucky draw of weights it takes longer. */
const MOST_STEPS = 400;

describe("the decoder after the LVM", () => {
  it("gives images back as they are at first, or the mean of them and their candidates, at sizes it was not made for", () => {
    manualSeed(1);
    const encoder = new SwinUnet(SMALL).eval();
    const [plain, choosing] = [new ImageDecoder(encoder, 1, 0), new ImageDecoder(encoder, 0, 1)];
    scope(() => {
      const [image, mark, other] = [rand([2, 3, 64, 96]), rand([2, 1, 64, 96]), rand([2, 3, 64, 96])];
      const encoded = encoder.encode(image);
      expect(plain.forward(encoded, image, mark, null).abs().max().item()).toBe(0);
      const mean = image.add(choosing.forward(encoded, image, null, other));
      expect(mean.sub(image.add(other).mul(0.5)).abs().max().item()).toBeLessThan(1e-6);
    });
    for (const module of [encoder, plain, choosing]) module.dispose();
  });

  it("learns 8 stamps by heart, with a gradient in every parameter, and is the same after saving and loading", () => {
    setThreads(1);
    manualSeed(7);
    const start = liveTensors();
    const encoder = new SwinUnet(SMALL).eval();
    const decoder = new ImageDecoder(encoder, 1, 1);
    const [image, other] = [rand([8, 3, 32, 32]), rand([8, 3, 32, 32])];
    // Smooth targets that have nothing to do with the images.
    const target = scope(() => resizeBilinear(rand([8, 3, 4, 4]), 32, 32));
    const mark = rand([8, 1, 32, 32]);
    const used = /^(layers_up|concat_back_dim|norm_up|up|output|prelu)\b/;
    const learned = [
      ...[...encoder.namedParameters()].filter(([name]) => !used.test(name)),
      ...decoder.namedParameters(),
    ];
    const optimiser = new AdamW(learned, { learningRate: 2e-3 });
    const improved = (): Tensor => image.add(decoder.forward(encoder.encode(image), image, mark, other));
    const step = () => {
      optimiser.zeroGrad();
      const loss = scope(() => {
        const value = mseLoss(improved(), target);
        value.backward();
        return value.item();
      });
      clipGradNorm(
        learned.map(([, parameter]) => parameter),
        1,
      );
      optimiser.step();
      return loss;
    };
    const first = step();
    step();
    // The last layer starts at zero and lets no gradient through in the first step.
    for (const [name, parameter] of learned)
      scope(() => expect(parameter.grad?.abs().max().item(), name).toBeGreaterThan(0));
    let [last, steps] = [first, 2];
    for (; steps < MOST_STEPS && last >= first / 2; steps++) last = step();
    console.log(`mean squared error ${first.toFixed(4)} -> ${last.toFixed(4)} in ${steps} steps`);
    expect(last).toBeLessThan(first / 2);

    const again = new ImageDecoder(encoder, 1, 1);
    again.loadStateDict(decoder.stateDict());
    scope(() => {
      const encoded = encoder.encode(image);
      const [a, b] = [decoder, again].map((module) => module.forward(encoded, image, mark, other).toFloat32Array());
      expect(a.every(Number.isFinite)).toBe(true);
      expect(b).toEqual(a);
    });
    optimiser.zeroGrad();
    optimiser.dispose();
    for (const module of [encoder, decoder, again]) module.dispose();
    for (const made of [image, other, target, mark]) made.dispose();
    expect(liveTensors()).toBe(start);
  });
});
