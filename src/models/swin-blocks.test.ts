import { afterEach, describe, expect, it } from "vitest";
import { LayerNorm, WindowMasks } from "../nn/index.ts";
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
  {
    what: "one window an image, many images a thread",
    batch: 40,
    H: 4,
    W: 4,
    block: { window: 4, width: 64, heads: 4 },
  },
  { what: "a map of many bands", batch: 1, H: 64, W: 16, block: { shift: 4 } },
  { what: "widths that need padding", batch: 3, H: 16, W: 8, block: { width: 20, heads: 2, mlpRatio: 3, shift: 4 } },
  { what: "windows without a kernel of their own", batch: 4, H: 12, W: 12, block: { window: 6, shift: 3 } },
  { what: "few rows of wide layers", batch: 2, H: 4, W: 4, block: { window: 4, width: 256, heads: 8 } },
  { what: "images that threads cannot share evenly", batch: 1, H: 8, W: 8, block: {} },
  { what: "branches that are dropped", batch: 6, H: 16, W: 16, block: { shift: 4, dropPath: 0.4 } },
  { what: "double precision", batch: 2, H: 16, W: 16, block: { shift: 4 }, dtype: "float64" },
];

/** The operators that run in `body`. */
const operatorsOf = (body: () => void) => profileCalls(body).map(({ name }) => name);
/** Runs `body` as somebody does who watches operators: blocks are then made step by step. */
function watched<T>(body: () => T): T {
  let result: T | undefined;
  observeCalls(
    () => {},
    () => {
      result = body();
    },
  );
  return result as T;
}
const distance = (a: Tensor, b: Tensor) => a.sub(b).abs().max().item();

describe("a block by one operator", () => {
  it.each(CASES)(
    `gives the numbers and gradients of its steps in ${PRECISIONS.join(" and ")}: $what`,
    ({ batch, H, W, block, dtype = "float32" }) => {
      const options = { ...PLAIN, ...block };
      for (const threads of [1, 2, 3])
        for (const precision of PRECISIONS)
          scope(() => {
            manualSeed(threads);
            setThreads(threads);
            const layer = new SwinBlock(options).toDtype(dtype);
            const x = randn([batch, H * W, options.width], dtype);
            const slopes = randn(x.shape, dtype);
            noGrad(() =>
              layer.attn.relative_position_bias_table.copy_(
                randn(layer.attn.relative_position_bias_table.shape, dtype),
              ),
            );
            setPrecision(precision);
            const masks = new WindowMasks();
            const run = () => {
              // The same branches are dropped every time.
              manualSeed(9);
              return layer.forward(x, H, W, masks);
            };
            const learn = () => {
              const targets = [x.setRequiresGrad(true), ...layer.parameters()];
              for (const target of targets) target.setGrad(null);
              const result = run();
              result.mul(slopes).sum().backward();
              return [result.detach(), ...targets.map((target) => target.grad as Tensor)];
            };
            const free = noGrad(run);
            expect(distance(free, x)).toBeGreaterThan(0.01);
            expect(
              distance(
                free,
                watched(() => noGrad(run)),
              ),
            ).toBe(0);
            const whole = learn();
            for (const [i, value] of watched(learn).entries()) expect(distance(whole[i], value)).toBe(0);
            // In bfloat16 few rows are rounded otherwise where gradients are recorded.
            if (precision === "float32") expect(distance(free, whole[0])).toBe(0);
            expect(operatorsOf(() => void noGrad(run))).toContain("skyloop::swin_block");
            expect(operatorsOf(() => void learn())).toContain("skyloop::swin_block_kept");
            layer.dispose();
          });
    },
  );

  it("notices weights that change", () => {
    scope(() => {
      manualSeed(1);
      const layer = new SwinBlock(PLAIN).eval();
      const x = randn([2, 256, 48]);
      const masks = new WindowMasks();
      const run = () => noGrad(() => layer.forward(x, 16, 16, masks));
      for (const parameter of [layer.mlp.fc1.weight, layer.attn.relative_position_bias_table, layer.attn.qkv.weight]) {
        const before = run();
        noGrad(() => parameter.copy_(randn(parameter.shape)));
        expect(distance(run(), before)).toBeGreaterThan(1e-3);
        expect(distance(run(), watched(run))).toBe(0);
      }
      layer.dispose();
    });
  });

  it("says what does not fit", () => {
    scope(() => {
      const layer = new SwinBlock(PLAIN).eval();
      expect(() => noGrad(() => layer.forward(randn([1, 100, 48]), 16, 16, new WindowMasks()))).toThrow(
        /no map of 16 x 16/,
      );
      // Where bands are shared among threads and where they are not, recorded or not.
      for (const batch of [1, 4]) {
        const x = randn([batch, 256, 40]);
        expect(() => noGrad(() => layer.forward(x, 16, 16, new WindowMasks()))).toThrow(/do not fit x \[\d, 256, 40\]/);
        expect(() => layer.forward(x, 16, 16, new WindowMasks())).toThrow(/do not fit x \[\d, 256, 40\]/);
      }
      const narrow = new SwinBlock({ ...PLAIN, mlpRatio: 2 }).eval();
      Object.assign(layer, { mlp: narrow.mlp, norm2: new LayerNorm(40) });
      expect(() => layer.forward(randn([4, 256, 48]), 16, 16, new WindowMasks())).toThrow(
        /norm or bias \[40\] does not fit/,
      );
      narrow.dispose();
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
      expect(operatorsOf(() => void tokens())).toContain("skyloop::patches");
      expect(operatorsOf(() => watched(() => void tokens()))).not.toContain("skyloop::patches");
      const layered = noGrad(() =>
        model.patch_embed.norm.forward(
          conv2d(model.conv_first.forward(images), model.patch_embed.proj.weight, model.patch_embed.proj.bias, 4, 0)
            .flatten(2)
            .transpose(1, 2),
        ),
      );
      expect(distance(tokens(), watched(tokens))).toBeLessThan(2e-5);
      expect(distance(tokens(), layered)).toBeLessThan(2e-5);
      model.dispose();
    });
  });
});
