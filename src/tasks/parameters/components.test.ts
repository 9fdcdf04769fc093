import { describe, expect, it } from "vitest";
import { Random } from "../../base/random.ts";
import { mixtureMoments } from "../../measure/mixture.ts";
import { manualSeed, noGrad, scope, tensor } from "../../torch/index.ts";
import { ensembleSays, heldOutSays, intervalReach } from "./ensemble.ts";
import { gaussianLoss, mixtureLoss, ParameterHead } from "./head.ts";
import { fitStretch, stretched } from "./intervals.ts";

const random = new Random(3);
const normals = (count: number) => Float32Array.from({ length: count }, () => random.normal());

describe("heads of several components", () => {
  it("have the loss of one where there is one", () => {
    const [networks, N] = [2, 5];
    const own = normals(networks * N * 3);
    const targets = normals(networks * N);
    const weights = Float32Array.from({ length: networks * N }, (_, i) => Number(i % 3 !== 0));
    noGrad(() =>
      scope(() => {
        const said = tensor(own, [networks, N, 3]);
        const [wanted, counts] = [tensor(targets, [networks, N]), tensor(weights, [networks, N])];
        const one = gaussianLoss(said.slice(2, 0, 2), wanted, counts).item();
        expect(mixtureLoss(said, 1, wanted, counts).item()).toBeCloseTo(one, 5);
      }),
    );
  });

  it("have the loss of two by hand", () => {
    noGrad(() =>
      scope(() => {
        // Means -1 and 2, deviations 1 and 2, weights 0.25 and 0.75; the truth is 0.5.
        const said = tensor([-1, 2, 0, Math.log(4), 0, Math.log(3)], [1, 1, 6]);
        const [weight, root] = [(mean: number, sd: number) => Math.exp(-((0.5 - mean) ** 2) / (2 * sd * sd)) / sd, 0.5];
        const likelihood = -Math.log(0.25 * weight(-1, 1) + 0.75 * weight(2, 2));
        const mean = 0.25 * -1 + 0.75 * 2;
        const variance = 0.25 * (1 + (-1 - mean) ** 2) + 0.75 * (4 + (2 - mean) ** 2);
        const loss = mixtureLoss(said, 2, tensor([0.5], [1, 1]), tensor([1], [1, 1])).item();
        expect(loss).toBeCloseTo(likelihood * variance ** root, 5);
      }),
    );
  });

  it("say mixtures in the target's units: weights sum to 1, members share a mean, a training object's is of one", () => {
    manualSeed(1);
    const [members, components, objects] = [2, 3, 4];
    const head = new ParameterHead({ inputs: 5, outputs: 1, members, components });
    head.standardise(
      normals(5 * 40),
      Float32Array.from(normals(40), (value) => 100 + 10 * value),
    );
    head.eval();
    const outputs = { values: head.say(normals(5 * objects)), objects, members, components };
    head.dispose();
    const said = ensembleSays(outputs, 0, false);
    const heldOut = heldOutSays(outputs, 0, false, [0, 1, 1, 0]);
    for (let i = 0; i < objects; i++) {
      for (const { mean, spread, mixtures } of [said, heldOut]) {
        if (mixtures === null) throw new Error("no mixtures");
        const own = Array.from(mixtures.values).slice(3 * i * mixtures.parts, 3 * (i + 1) * mixtures.parts);
        expect(own.reduce((sum, value, at) => sum + (at % 3 === 2 ? value : 0), 0)).toBeCloseTo(1, 6);
        const moments = mixtureMoments(mixtures, i);
        expect(moments.mean).toBeCloseTo(mean[i], 4);
        expect(moments.sd).toBeCloseTo(spread[i], 4);
      }
      expect(said.mean[i]).toBeGreaterThan(70);
      expect(said.mean[i]).toBeLessThan(130);
    }
    // An angle's two components are told by their moments.
    const angles = { ...outputs, members: 1 };
    expect(ensembleSays(angles, 0, true).mixtures).toBeNull();
  });

  it("reach farther to the side where their tail is, and hold as often as they say once stretched", () => {
    const draw = (n: number) => {
      const parts = Array.from({ length: n }, () => {
        const [at, tail] = [random.uniform(0, 5), random.uniform(1, 3)];
        return [at, 0.2, 0.7, at + tail, 0.5, 0.3];
      });
      const mixtures = { parts: 2, values: Float64Array.from(parts.flat()) };
      const moments = parts.map((_, i) => mixtureMoments(mixtures, i));
      const truth = parts.map(([at, sd, share, far, wide]) =>
        random.next() < share ? random.normal(at, sd) : random.normal(far, wide),
      );
      const said = {
        mean: Float64Array.from(moments, ({ mean }) => mean),
        spread: Float64Array.from(moments, ({ sd }) => sd),
        mixtures,
      };
      return { said, residuals: truth.map((value, i) => value - said.mean[i]) };
    };
    const [known, test] = [draw(1500), draw(1500)];
    const scale = fitStretch(known.residuals, known.said.spread, intervalReach(known.said));
    if (scale === null) throw new Error("no intervals");
    // The quantiles are right before they are stretched.
    for (const factor of scale.factors.flat()) expect(Math.abs(factor - 1)).toBeLessThan(0.25);
    const reach = intervalReach(test.said);
    const held = test.residuals.filter((residual, i) => {
      const [below, above] = stretched(scale, test.said.spread[i], 1, reach(i, 1));
      expect(above).toBeGreaterThan(below);
      return residual >= -below && residual <= above;
    });
    expect(Math.abs(held.length / 1500 - 0.9)).toBeLessThan(0.03);
  });
});
