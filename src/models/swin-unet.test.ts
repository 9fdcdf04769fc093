import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PACKAGE_ROOT } from "../base/paths.ts";
import {
  Adam,
  liveTensors,
  manualSeed,
  mseLoss,
  noGrad,
  rand,
  readSafetensors,
  resizeBilinear,
  scope,
  setThreads,
  type Tensor,
  writeSafetensors,
} from "../torch/index.ts";
import { createModel, loadWeights } from "./index.ts";
import { SwinUnet, type SwinUnetConfig } from "./swin-unet.ts";

/** The configuration of the golden file, as its metadata states it. */
const GOLDEN: SwinUnetConfig = {
  imageSize: 64,
  patchSize: 4,
  embedDim: 16,
  depths: [2, 2, 2, 2],
  heads: [2, 4, 4, 8],
  window: 8,
  mlpRatio: 4,
  qkScale: 8,
  dropPath: 0,
  channels: 3,
};

const difference = (a: Tensor, b: Tensor) => scope(() => a.sub(b).abs().max().item());
const folder = mkdtempSync(join(tmpdir(), "skyloop-swin-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("against the reference network on PyTorch 1.13", () => {
  const path = join(PACKAGE_ROOT, "test/golden/swin-unet-nano.safetensors");
  let golden: Record<string, Tensor>;
  const model = new SwinUnet(GOLDEN).eval();
  beforeAll(() => {
    golden = readSafetensors(path).tensors;
    loadWeights(model, path, { partial: false });
  });

  it("gives the same features, skips and output within 1e-4", () => {
    scope(() =>
      noGrad(() => {
        const encoded = model.encode(golden.input);
        const differences: Record<string, number> = {
          features: difference(encoded.features, golden.features),
          output: difference(model.decode(encoded), golden.output),
        };
        for (const [i, skip] of encoded.skips.entries()) differences[`skip${i}`] = difference(skip, golden[`skip${i}`]);
        console.log("largest differences", differences);
        for (const value of Object.values(differences)) expect(value).toBeLessThan(1e-4);
      }),
    );
  });

  it("gives the same loss, and gradient norms within 1e-3", () => {
    scope(() => {
      const loss = mseLoss(model.forward(golden.input), golden.input);
      expect(loss.item()).toBeCloseTo(golden.loss.item(), 5);
      loss.backward();
      let [worst, compared] = [0, 0];
      for (const [name, parameter] of model.namedParameters()) {
        const expected = golden[`gradnorm.${name}`]?.item();
        if (expected === undefined) continue;
        worst = Math.max(worst, Math.abs((parameter.grad as Tensor).norm().item() / expected - 1));
        compared++;
      }
      console.log(`largest relative difference of ${compared} gradient norms`, worst);
      expect(compared).toBe(Object.keys(golden).filter((name) => name.startsWith("gradnorm.")).length);
      expect(worst).toBeLessThan(1e-3);
    });
  });
});

describe("configurations", () => {
  it("lvm-base has the paper's 99,672,457 parameters", () => {
    const model = createModel("lvm-base");
    expect(model.parameterCount()).toBe(99_672_457);
    expect(model.parts()).toEqual({ encoder: 77_104_289, decoder: 22_568_168 });
    expect(model.featureDim).toBe(768);
    model.dispose();
  });

  it("runs at any size divisible by 32 and names the rule for others", () => {
    const model = createModel("lvm-nano").eval();
    noGrad(() => {
      for (const [H, W] of [
        [32, 32],
        [64, 64],
        [96, 96],
        [128, 64],
        [160, 96],
      ])
        scope(() => {
          const output = model.forward(rand([1, 3, H, W]));
          expect(output.shape).toEqual([1, 3, H, W]);
          expect(output.toFloat32Array().every(Number.isFinite)).toBe(true);
        });
    });
    expect(() => model.forward(rand([1, 3, 152, 152]))).toThrow(/multiples of 32/);
    expect(() => model.forward(rand([1, 1, 64, 64]))).toThrow(/BAD_IMAGE_SIZE|takes images/);
    model.dispose();
  });

  it("does not see padding: a map that fills no whole windows gives finite features that do not depend on the batch", () => {
    const model = createModel("lvm-nano").eval();
    scope(() =>
      noGrad(() => {
        const images = rand([2, 3, 96, 96]);
        const together = model.encode(images).features;
        const alone = model.encode(images.slice(0, 1, 2)).features;
        expect(difference(together.slice(0, 1, 2), alone)).toBeLessThan(1e-5);
      }),
    );
    model.dispose();
  });
});

describe("training", () => {
  it("gives every used parameter a gradient, saves and loads identically, and learns 8 stamps by heart", () => {
    manualSeed(6);
    // So small a model is faster without handing work between threads.
    setThreads(1);
    const start = liveTensors();
    const model = new SwinUnet({ ...GOLDEN, embedDim: 8, heads: [1, 2, 2, 4], qkScale: null });
    const images = scope(() => resizeBilinear(rand([8, 3, 6, 6]), 64, 64));
    const optimiser = new Adam(model.namedParameters(), { learningRate: 4e-3 });
    const step = () =>
      scope(() => {
        optimiser.zeroGrad();
        const loss = mseLoss(model.forward(images), images);
        loss.backward();
        return loss.item();
      });
    const first = step();
    const without = scope(() =>
      Array.from(model.namedParameters()).filter(
        ([, parameter]) => parameter.grad === null || parameter.grad.abs().max().item() === 0,
      ),
    );
    expect(without.map(([name]) => name)).toEqual(["prelu.weight"]);
    let [last, steps] = [first, 1];
    // Some 200 steps are enough; with an unlucky draw of weights it takes longer.
    for (; steps < 900 && last >= first / 10; steps++) {
      optimiser.step();
      last = step();
    }
    console.log(`loss ${first.toFixed(4)} -> ${last.toFixed(4)} in ${steps} steps`);
    expect(last).toBeLessThan(first / 10);

    const path = join(folder, "model.safetensors");
    writeSafetensors(path, model.stateDict());
    const copy = new SwinUnet(model.config);
    loadWeights(copy, path);
    scope(() => noGrad(() => expect(difference(copy.eval().forward(images), model.eval().forward(images))).toBe(0)));
    optimiser.dispose();
    for (const module of [model, copy]) module.dispose();
    images.dispose();
    expect(liveTensors()).toBe(start);
  });

  it("loads the authors' and SUNet's names by prefix", () => {
    const model = new SwinUnet(GOLDEN);
    for (const prefix of ["swin_unet.", "module.", "module.swin_unet."]) {
      const path = join(folder, "prefixed.safetensors");
      scope(() => {
        const state = Object.fromEntries(
          Object.entries(model.stateDict()).map(([name, value]) => [prefix + name, value]),
        );
        writeSafetensors(path, { ...state, "classifier.weight": rand([2, 2]) });
      });
      const copy = new SwinUnet(GOLDEN);
      loadWeights(copy, path);
      expect(difference(copy.output.weight, model.output.weight)).toBe(0);
      copy.dispose();
    }
    model.dispose();
  });
});
