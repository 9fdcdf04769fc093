import { describe, expect, it } from "vitest";
import { scope, tensor } from "../torch/index.ts";
import { createModel, loadModel } from "./index.ts";
import { ringPatternDim, ringPatterns } from "./ring-pooling.ts";

const S = 16;
/** One channel of a 16 x 16 map by a function of radius (1 at the edge) and angle; other maps are empty. */
function strengths(of: (radius: number, angle: number) => number) {
  const model = createModel("lvm-nano");
  const C = model.config.embedDim;
  const map = Float32Array.from({ length: S * S * C }, (_, i) => {
    const [p, c] = [Math.floor(i / C), i % C];
    const [x, y] = [(p % S) + 0.5 - S / 2, Math.floor(p / S) + 0.5 - S / 2];
    return c === 3 ? of(Math.hypot(x, y) / (S / 2), Math.atan2(y, x)) : 0;
  });
  return scope(() => {
    const empty = (side: number, width: number) =>
      tensor(new Float32Array(side * side * width), [1, side * side, width]);
    const found = {
      outputs: [tensor(map, [1, S * S, C]), empty(8, 2 * C)],
      skips: [empty(S, C), empty(8, 2 * C), empty(4, 4 * C)],
      features: empty(2, 8 * C),
      height: 2,
      width: 2,
    };
    const row = ringPatterns(found, model, 64, 64);
    expect(row.shape).toEqual([1, ringPatternDim(model)]);
    const values = row.toFloat32Array();
    const at = (place: number) => values[place * C + 3];
    const four = [0, 1, 2, 3];
    const period = (i: number) => ({ ring: four.map((r) => at(4 + 5 * i + r)), inLine: at(8 + 5 * i) });
    model.dispose();
    return { mean: four.map(at), one: period(0), two: period(1), four: period(2) };
  });
}

describe("patterns in rings", () => {
  it("have a width that the model tells", () => {
    const model = createModel("lvm-nano");
    expect(ringPatternDim(model)).toBe(3232);
    model.dispose();
  });
  it("are read with the weights that are released for them", async () => {
    const names = [
      "lvm-nano",
      "lvm-nano-rings",
      "lvm-nano-morphology",
      "lvm-nano-morphology-rings",
      "lvm-nano-structures",
      "lvm-nano-structures-morphology",
    ];
    const loaded = await Promise.all(names.map((name) => loadModel(name)));
    expect(loaded.map(({ reader }) => reader.dim)).toEqual([128, 256, 166, 294, 312, 350]);
    const [plain, rings, taught, taughtRings] = loaded.map(({ model }) =>
      model.stateDict()["layers.2.blocks.0.mlp.fc1.weight"].toFloat32Array(),
    );
    expect(rings).toEqual(plain);
    expect(taughtRings).toEqual(taught);
    expect(taught).not.toEqual(plain);
    for (const { model, reader } of loaded) {
      reader.dispose();
      model.dispose();
    }
  });
  it("find a bar by a strength of period two that stands in line in all rings, whatever its angle", () => {
    for (const turn of [0, Math.PI / 2]) {
      const { mean, one, two } = strengths((_, angle) => 1 + Math.cos(2 * (angle - turn)));
      for (const r of [1, 2, 3]) {
        expect(mean[r]).toBeCloseTo(1, 1);
        expect(two.ring[r]).toBeCloseTo(0.5, 1);
        expect(one.ring[r]).toBeLessThan(0.02);
      }
      expect(two.inLine).toBeCloseTo(
        two.ring.reduce((sum, value) => sum + value, 0),
        3,
      );
    }
  });
  it("tell arms, whose angle moves outwards, from a bar", () => {
    const { two } = strengths((radius, angle) => 1 + Math.cos(2 * angle - 2 * Math.PI * radius));
    const all = two.ring.reduce((sum, value) => sum + value, 0);
    expect(all).toBeGreaterThan(1);
    expect(two.inLine).toBeLessThan(0.4 * all);
  });
  it("find a companion by period one, and a ring by its mean alone", () => {
    const companion = strengths((radius, angle) => (radius > 0.5 && Math.abs(angle) < 0.4 ? 1 : 0));
    expect(companion.one.ring[3]).toBeGreaterThan(0.05);
    const ring = strengths((radius) => (radius > 0.5 && radius < 0.75 ? 1 : 0));
    expect(ring.mean[2]).toBeGreaterThan(2 * Math.max(ring.mean[0], ring.mean[1]));
    for (const { ring: values } of [ring.one, ring.two]) expect(Math.max(...values)).toBeLessThan(0.02);
  });
});
