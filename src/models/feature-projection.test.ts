import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/fixtures/surveys.ts";
import { liveTensors, manualSeed, noGrad, rand, randn, scope, tensor, writeSafetensors } from "../torch/index.ts";
import { fitProjection, project, projectionState, readProjection, turnedViews } from "./feature-projection.ts";
import { featuresOf, notesOf, readingOf } from "./feature-reader.ts";
import { createModel } from "./index.ts";

describe("projection", () => {
  it("keeps distances along strong and weak components closer together than they were, and each column of equal weight", () => {
    scope(() => {
      manualSeed(3);
      // Three directions of spread 8, 2 and 0.5 in 12 columns.
      const hidden = randn([4000, 3]).mul(tensor([8, 2, 0.5], [1, 3]));
      const x = hidden.matmul(randn([3, 12])).add(5);
      const fitted = fitProjection(x, 3);
      const z = project(x, fitted);
      expect(z.shape).toEqual([4000, 3]);
      expect(Math.max(...z.mean(0).abs().toFloat32Array())).toBeLessThan(1e-2);
      const covariance = z.t().matmul(z).div(4000);
      const trace = [0, 1, 2].reduce((sum, i) => sum + covariance.toFloat32Array()[4 * i], 0);
      const standardised = x.sub(x.mean(0, true)).div(x.sub(x.mean(0, true)).pow(2).mean(0, true).sqrt());
      // Half whitening: eigenvalues of the outcome are the square roots of those of the correlation matrix.
      const total = standardised.pow(2).mean(0).sum().item();
      expect(total).toBeCloseTo(12, 2);
      const outer = covariance.matmul(covariance);
      const traceOfSquare = [0, 1, 2].reduce((sum, i) => sum + outer.toFloat32Array()[4 * i], 0);
      expect(traceOfSquare).toBeCloseTo(12, 1);
      expect(trace).toBeLessThan(12);
      fitted.mean.dispose();
      fitted.axes.dispose();
    });
  });
  it("is the same for a seed, comes back from a file, and leaves no tensor behind", () => {
    const folder = temporaryFolder();
    const before = liveTensors();
    scope(() => {
      const x = rand([50, 9]);
      const [a, b] = [fitProjection(x, 4), fitProjection(x, 4)];
      expect(a.axes.toFloat32Array()).toEqual(b.axes.toFloat32Array());
      writeSafetensors(`${folder.path}/p.safetensors`, projectionState(a));
      const read = readProjection(`${folder.path}/p.safetensors`);
      expect(read?.axes.toFloat32Array()).toEqual(a.axes.toFloat32Array());
      for (const { mean, axes } of [a, b, ...(read === null ? [] : [read])]) {
        mean.dispose();
        axes.dispose();
      }
      writeSafetensors(`${folder.path}/none.safetensors`, { x });
      expect(readProjection(`${folder.path}/none.safetensors`)).toBeNull();
    });
    expect(liveTensors()).toBe(before);
    folder.remove();
  });
});

describe("views", () => {
  it("are the eight ways to turn and mirror a square, each once", () => {
    scope(() => {
      const image = rand([1, 1, 4, 4]);
      const views = turnedViews(image, 8);
      expect(views.shape).toEqual([8, 1, 4, 4]);
      const all = Array.from({ length: 8 }, (_, i) => Array.from(views.select(0, i).toFloat32Array()).join());
      expect(new Set(all).size).toBe(8);
      for (const one of all) expect(one.split(",").map(Number).sort()).toEqual(Array.from(image.toFloat32Array()).sort());
    });
  });
  it("make features that do not change when the galaxy is turned by a quarter or mirrored", () => {
    const model = createModel("lvm-nano").eval();
    const reading = { ...readingOf(model, {}), sizePx: 32, views: 8 as const };
    expect(readingOf(model, notesOf(reading))).toEqual(reading);
    scope(() => {
      const image = rand([2, 3, 32, 32]);
      const reader = featuresOf(model, reading);
      const difference = noGrad(() => {
        const features = reader.of(image);
        return turnedViews(image, 8)
          .reshape(8, 2, 3, 32, 32)
          .toFloat32Array()
          .reduce((worst, _, i, all) => {
            if (i % (2 * 3 * 32 * 32) !== 0) return worst;
            const turnedImage = tensor(all.slice(i, i + 2 * 3 * 32 * 32), [2, 3, 32, 32]);
            return Math.max(worst, reader.of(turnedImage).sub(features).abs().max().item());
          }, 0);
      });
      expect(difference).toBeLessThan(1e-5);
      const once = featuresOf(model, { ...reading, views: 1 });
      const change = noGrad(() =>
        once
          .of(turnedViews(image, 4).slice(0, 2, 4))
          .sub(once.of(image))
          .abs()
          .max()
          .item(),
      );
      expect(change).toBeGreaterThan(1e-4);
    });
    model.dispose();
  });
});
