import { afterEach, describe, expect, it } from "vitest";
import { WindowMasks } from "../nn/index.ts";
import {
  conv2d,
  type DType,
  getThreads,
  hasBfloat16,
  manualSeed,
  noGrad,
  op,
  type Precision,
  randn,
  scope,
  setPrecision,
  setThreads,
  type Tensor,
} from "../torch/index.ts";
import { observeCalls } from "../torch/observe.ts";
import { profileCalls } from "../torch/profile.ts";
import { createModel } from "./index.ts";
import { type BlockOptions, SwinBlock } from "./swin-blocks.ts";

const PRECISIONS: Precision[] = hasBfloat16() ? ["float32", "bfloat16"] : ["float32"];
const threads = getThreads();
afterEach(() => {
  setThreads(threads);
  setPrecision("float32");
});

interface Case {
  what: string;
  batch: number;
  H: number;
  W: number;
  block: Partial<BlockOptions>;
  dtype?: DType;
}
const PLAIN: BlockOptions = { width: 48, heads: 3, window: 8, shift: 0, mlpRatio: 4, scale: 0.25, dropPath: 0 };
const CASES: Case[] = [
  { what: "whole windows", batch: 4, H: 16, W: 16, block: {} },
  { what: "a shift, and a map that is wider than high", batch: 2, H: 16, W: 24, block: { shift: 4 } },
  { what: "one window an image, many images a thread", batch: 40, H: 4, W: 4, block: { window: 4, width: 64, heads: 4 } },
  { what: "a map of many bands", batch: 1, H: 64, W: 16, block: { shift: 4 } },
  { what: "widths that need padding", batch: 3, H: 16, W: 8, block: { width: 20, heads: 2, mlpRatio: 3, shift: 4 } },
  { what: "windows without a kernel of their own", batch: 4, H: 12, W: 12, block: { window: 6, shift: 3 } },
  { what: "few rows of wide layers", batch: 2, H: 4, W: 4, block: { window: 4, width: 256, heads: 8 } },
  { what: "images that threads cannot share evenly", batch: 1, H: 8, W: 8, block: {} },
  { what: "double precision", batch: 2, H: 16, W: 16, block: { shift: 4 }, dtype: "float64" },
];

/** What of `x` the block makes step by step and by one operator, and the operators that ran for the latter. */
function bothWays({ H, W, block }: Case, x: Tensor, layer: SwinBlock): { steps: Tensor; whole: Tensor; operators: Set<string> } {
  const masks = new WindowMasks();
  const window = block.window ?? PLAIN.window;
  const run = () => layer.forward(x, H, W, masks);
  let [steps, whole]: (Tensor | null)[] = [null, null];
  observeCalls(
    () => {},
    () => {
      steps = noGrad(run);
    },
  );
  const calls = profileCalls(() => {
    whole = noGrad(run);
  });
  expect(H % window === 0 && W % window === 0).toBe(true);
  return { steps: steps as unknown as Tensor, whole: whole as unknown as Tensor, operators: new Set(calls.map(({ name }) => name)) };
}

describe("a block by one operator", () => {
  it.each(CASES)(`gives the numbers of its steps in ${PRECISIONS.join(" and ")}: $what`, (given) => {
    for (const count of [1, 2, 3])
      for (const precision of PRECISIONS)
        scope(() => {
          manualSeed(count);
          setThreads(count);
          const dtype = given.dtype ?? "float32";
          const layer = new SwinBlock({ ...PLAIN, ...given.block }).eval().toDtype(dtype);
          const width = { ...PLAIN, ...given.block }.width;
          const x = randn([given.batch, given.H * given.W, width], dtype);
          noGrad(() => layer.attn.relative_position_bias_table.copy_(randn(layer.attn.relative_position_bias_table.shape, dtype)));
          setPrecision(precision);
          const { steps, whole, operators } = bothWays(given, x, layer);
          expect(operators).toContain("skyloop::swin_block");
          expect(whole.sub(x).abs().max().item()).toBeGreaterThan(0.01);
          expect(whole.sub(steps).abs().max().item()).toBe(0);
          // What is recorded for gradients is the same again; in bfloat16 few rows are rounded otherwise.
          if (precision === "float32") expect(layer.forward(x, given.H, given.W, new WindowMasks()).detach().sub(whole).abs().max().item()).toBe(0);
          layer.dispose();
        });
  });

  it("is not taken where gradients are recorded, and notices weights that change", () => {
    scope(() => {
      manualSeed(1);
      const layer = new SwinBlock(PLAIN).eval();
      const x = randn([2, 256, 48]);
      const masks = new WindowMasks();
      const run = () => layer.forward(x, 16, 16, masks);
      expect(profileCalls(() => void run()).map(({ name }) => name)).not.toContain("skyloop::swin_block");
      const before = noGrad(run);
      for (const parameter of [layer.mlp.fc1.weight, layer.attn.relative_position_bias_table, layer.attn.qkv.weight]) {
        noGrad(() => parameter.copy_(randn(parameter.shape)));
        const after = noGrad(run);
        expect(after.sub(before).abs().max().item()).toBeGreaterThan(1e-3);
        expect(after.sub(run().detach()).abs().max().item()).toBe(0);
      }
      layer.dispose();
    });
  });

  it("says what does not fit", () => {
    scope(() => {
      const layer = new SwinBlock(PLAIN).eval();
      expect(() => noGrad(() => layer.forward(randn([1, 100, 48]), 16, 16, new WindowMasks()))).toThrow(/no map of 16 x 16/);
      layer.dispose();
    });
  });
});

describe("pieces of images", () => {
  it.each([
    [6, 4, 1, 16, 16],
    [3, 1, 1, 5, 7],
    [4, 4, 0, 8, 12],
    [5, 3, 2, 9, 11],
  ])("of %i pixels every %i, padding %i, are those of im2col", (side, stride, padding, H, W) => {
    scope(() => {
      const images = randn([2, 3, H, W]);
      const expected = op("im2col", images, [side, side], [1, 1], [padding, padding], [stride, stride]).transpose(1, 2);
      const pieces = op("skyloop::patches", images, side, stride, padding);
      expect(pieces.shape).toEqual(expected.shape);
      expect(pieces.sub(expected).abs().max().item()).toBe(0);
    });
  });
  it("larger than the image are refused", () => {
    scope(() => expect(() => op("skyloop::patches", randn([1, 3, 4, 4]), 6, 4, 0)).toThrow(/hold no piece of 6/));
  });
  it("make tokens as the convolution does", () => {
    scope(() => {
      const model = createModel("lvm-nano").eval();
      const images = randn([2, 3, 64, 96]);
      const tokens = () => noGrad(() => model.patch_embed.forward(images, model.conv_first));
      let seen: string[] = [];
      let plain: Tensor | null = null;
      observeCalls(
        ({ op }) => {
          seen = [...seen, op];
        },
        () => {
          plain = tokens();
        },
      );
      expect(seen.filter((name) => /conv/.test(name))).toHaveLength(2);
      const layered = noGrad(() =>
        model.patch_embed.norm.forward(
          conv2d(model.conv_first.forward(images), model.patch_embed.proj.weight, model.patch_embed.proj.bias, 4, 0).flatten(2).transpose(1, 2),
        ),
      );
      expect(
        tokens()
          .sub(plain as unknown as Tensor)
          .abs()
          .max()
          .item(),
      ).toBeLessThan(2e-5);
      expect(tokens().sub(layered).abs().max().item()).toBeLessThan(2e-5);
      model.dispose();
    });
  });
});
