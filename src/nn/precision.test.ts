/** Products in bfloat16 against the same factors rounded beforehand and multiplied in single precision. */
import { afterEach, describe, expect, it } from "vitest";
import { createModel } from "../models/index.ts";
import {
  cat,
  getPrecision,
  hasBfloat16,
  manualSeed,
  noGrad,
  op,
  Parameter,
  randn,
  scope,
  setPrecision,
  type Tensor,
  tensor,
  zeros,
} from "../torch/index.ts";
import { relativePositions } from "./windows.ts";

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
    // Few rows by large weights.
    [32, 128, 256],
    [33, 192, 96],
    [128, 256, 128],
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
      for (const [i, value] of found.entries())
        expect(difference(value.toFloat32Array(), expected[i].toFloat32Array())).toBeLessThan(2e-6);
      for (const parameter of given) parameter.dispose();
    });
  });
  it.each([33, 64])(
    "of the feed-forward part are the same for %i rows as for those rows among many, and so are the gradients",
    (rows) => {
      const [inputs, hiddens, many] = [128, 512, 300];
      scope(() => {
        manualSeed(rows);
        const [x, slope] = [randn([rows, inputs]), randn([rows, inputs])];
        const rest = many - rows;
        const weights = [
          randn([inputs]),
          randn([inputs]),
          randn([hiddens, inputs]).mul(0.1),
          randn([hiddens]),
          randn([inputs, hiddens]).mul(0.1),
          randn([inputs]),
        ];
        const run = (given: Tensor, slopes: Tensor): Float32Array[] => {
          const parameters = [given, ...weights].map((value) => new Parameter(value.detach()));
          const [input, normWeight, normBias, weight1, bias1, weight2, bias2] = parameters;
          const result = op(
            "skyloop::feedforward",
            input,
            normWeight,
            normBias,
            1e-5,
            weight1,
            bias1,
            weight2,
            bias2,
            null,
          );
          result.mul(slopes).sum().backward();
          const found = [
            result.detach().slice(0, 0, rows),
            (input.grad as Tensor).slice(0, 0, rows),
            ...parameters.slice(1).map(({ grad }) => grad as Tensor),
          ];
          const values = found.map((value) => value.contiguous().toFloat32Array());
          for (const parameter of parameters) parameter.dispose();
          return values;
        };
        setPrecision("bfloat16");
        const few = run(x, slope);
        const among = run(cat([x, randn([rest, inputs])], 0), cat([slope, zeros([rest, inputs])], 0));
        setPrecision("float32");
        const exact = run(x, slope);
        for (const [i, values] of few.entries()) {
          // A value between two bfloat16 may round to either where sums differ in their last bit.
          expect(difference(values, among[i])).toBeLessThan(1e-3);
          expect(difference(values, exact[i])).toBeLessThan(2e-2);
        }
        expect(difference(few[0], exact[0])).toBeGreaterThan(1e-5);
      });
    },
  );
  it.each([
    [8, 16, 2],
    [8, 32, 3],
    [7, 20, 1],
    [2, 24, 2],
  ])(
    "of attention stay in single precision forward, window of %i, heads of %i; gradients of long heads are those of rounded factors",
    (window, d, heads) => {
      const [B, N, C, scale] = [2, window ** 2, heads * d, d ** -0.5];
      scope(() => {
        manualSeed(d);
        const qkv = new Parameter(randn([B, window, window, 3 * C]));
        const table = new Parameter(randn([(2 * window - 1) ** 2, heads]));
        const mask = randn([1, N, N]);
        const positions = tensor(relativePositions(window, window), [N * N]);
        const slope = randn([B, window, window, C]);
        setPrecision("bfloat16");
        const result = op("skyloop::window_attention", qkv, table, positions, mask, window, 0, scale);
        result.mul(slope).sum().backward();
        setPrecision("float32");
        // Where heads are short, products in bfloat16 save nothing.
        const short = d >= 32 ? rounded : (values: Tensor) => values;
        const expected = noGrad(() => {
          // [3, B, heads, N, d]
          const parts = qkv.detach().view(B, N, 3, heads, d).permute(2, 0, 3, 1, 4);
          const [q, k, v] = [0, 1, 2].map((i) => parts.select(0, i).contiguous());
          const grad = short(slope.view(B, N, heads, d).permute(0, 2, 1, 3).contiguous());
          const bias = table.detach().indexSelect(0, positions).view(N, N, heads).permute(2, 0, 1);
          const weightsOf = (round: (values: Tensor) => Tensor) =>
            round(q)
              .matmul(round(k.mul(scale)).transpose(2, 3))
              .add(bias)
              .add(mask)
              .softmax(3);
          const weights = weightsOf(short);
          const slopes = grad.matmul(short(v).transpose(2, 3));
          const inside = weights.mul(slopes.sub(weights.mul(slopes).sum([3], true)));
          const gradQkv = [
            short(inside).matmul(short(k)).mul(scale),
            short(inside).transpose(2, 3).matmul(short(q)).mul(scale),
            short(weights).transpose(2, 3).matmul(grad),
          ].map((part) => part.permute(0, 2, 1, 3).contiguous().view(B, N, 1, heads, d));
          const mixed = weightsOf((values) => values).matmul(v);
          return [mixed.permute(0, 2, 1, 3).contiguous(), cat(gradQkv, 2)];
        });
        expect(difference(result.detach().toFloat32Array(), expected[0].toFloat32Array())).toBeLessThan(1e-5);
        // Weights and slopes between two bfloat16 may round to either where sums differ in their last bit.
        expect(difference((qkv.grad as Tensor).toFloat32Array(), expected[1].toFloat32Array())).toBeLessThan(
          d >= 32 ? 2e-3 : 1e-5,
        );
        qkv.dispose();
        table.dispose();
      });
    },
  );
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
