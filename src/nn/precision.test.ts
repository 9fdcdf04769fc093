/** Products in bfloat16 against the same factors rounded beforehand and multiplied in single precision. */
import { afterEach, describe, expect, it } from "vitest";
import { createModel } from "../models/index.ts";
import { getPrecision, hasBfloat16, manualSeed, noGrad, op, Parameter, randn, scope, setPrecision, type Tensor } from "../torch/index.ts";

afterEach(() => setPrecision("float32"));

const rounded = (x: Tensor): Tensor => x.to("bfloat16").to("float32");
/** Largest difference relative to the largest value. */
function difference(a: Float32Array, b: Float32Array): number {
  let [worst, size] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    worst = Math.max(worst, Math.abs(a[i] - b[i]));
    size = Math.max(size, Math.abs(b[i]));
  }
  return worst / size;
}

describe.skipIf(!hasBfloat16())("bfloat16 products (skipped where the processor has none)", () => {
  // Widths and depths that are whole vectors and that are not, odd ones, rows that do not fill a tile.
  it.each([
    [200, 32, 96],
    [257, 96, 384],
    [1001, 33, 50],
    [130, 17, 131],
  ])("of %i rows, %i by %i, are those of rounded factors, and so are their gradients", (rows, inputs, outputs) => {
    scope(() => {
      manualSeed(rows);
      const [x, weight, bias] = [randn([rows, inputs]), randn([outputs, inputs]), randn([outputs])];
      const slope = randn([rows, outputs]);
      const given = [x, weight, bias].map((value) => new Parameter(value));
      setPrecision("bfloat16");
      const result = op("skyloop::dense", given[0], null, null, 0, given[1], given[2], null, null);
      result.mul(slope).sum().backward();
      setPrecision("float32");
      const expected = noGrad(() => [
        rounded(x).matmul(rounded(weight).t()).add(bias),
        rounded(slope).matmul(rounded(weight)),
        rounded(slope).t().matmul(rounded(x)),
        slope.sum([0]),
      ]);
      const found = [result.detach(), ...given.map(({ grad }) => grad as Tensor)];
      for (const [i, value] of found.entries()) expect(difference(value.toFloat32Array(), expected[i].toFloat32Array())).toBeLessThan(2e-6);
      for (const parameter of given) parameter.dispose();
    });
  });
  it("change features a little, and nothing after they are switched off", () => {
    scope(() => {
      manualSeed(1);
      const model = createModel("lvm-nano").eval();
      const images = randn([4, 3, 64, 64]);
      const encoded = () => noGrad(() => scope(() => model.encode(images).features.toFloat32Array()));
      const before = encoded();
      setPrecision("bfloat16");
      expect(getPrecision()).toBe("bfloat16");
      const short = encoded();
      expect(difference(short, before)).toBeGreaterThan(1e-5);
      expect(difference(short, before)).toBeLessThan(0.03);
      setPrecision("float32");
      expect(encoded()).toEqual(before);
      model.dispose();
    });
  });
});
