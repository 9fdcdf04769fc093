import { describe, expect, it } from "vitest";
import { keep, manualSeed, noGrad, randn, scope, setThreads, type Tensor } from "../../torch/index.ts";
import { featuresOf, LVM_NANO } from "../index.ts";
import { SwinUnet } from "../swin-unet.ts";
import { largestDifference, openOnnx, toOnnx } from "./index.ts";

const about = { input: "images", output: "features", version: "0.1.0", notes: { model: "test" } };
setThreads(1);

describe("export to ONNX, run by ONNX Runtime", () => {
  manualSeed(1);
  const model = new SwinUnet({ ...LVM_NANO, embedDim: 16, heads: [2, 2, 4, 8] }).eval();
  noGrad(() => {
    for (const parameter of model.parameters())
      if (parameter.shape.length === 1) parameter.copy_(scope(() => keep(randn(parameter.shape).mul(0.2).add(0.6))));
  });
  const plain = {
    sizePx: 64,
    pooling: "last",
    commonRange: false,
    rings: false,
    ellipses: false,
    views: 1,
    projection: null,
  } as const;
  const projection = { mean: randn([1, 704]), axes: randn([704, 6]) };
  const READINGS = {
    "the paper's reading": plain,
    "96 px, with padded windows": { ...plain, sizePx: 96 },
    "quarter turns of the image and of its inner square": { ...plain, commonRange: true, views: "zoomed" },
    "as they are and in a common range side by side": { ...plain, commonRange: "both" },
    "patterns in rings beside every stage": {
      ...plain,
      pooling: "stages",
      commonRange: true,
      rings: true,
      views: "zoomed-3",
    },
    "patterns of the light in ellipses beside them": {
      ...plain,
      pooling: "stages",
      commonRange: true,
      rings: true,
      ellipses: true,
      views: "zoomed-2",
    },
    "every stage, a common range, all views, projected": {
      ...plain,
      pooling: "stages",
      commonRange: true,
      views: 8,
      projection,
    },
  } as const;

  it.each(Object.keys(READINGS) as (keyof typeof READINGS)[])(
    "gives our features for any number of images: %s",
    async (name) => {
      const reader = featuresOf(model, READINGS[name]);
      const bytes = toOnnx(reader.of, { ...about, sizePx: reader.sizePx });
      const difference = await largestDifference(bytes, reader.of, reader.sizePx);
      console.log(
        `${name}: largest difference ${difference?.toExponential(1)} of the largest number, ${(bytes.length / 1e6).toFixed(2)} MB`,
      );
      expect(difference).toBeLessThan(1e-4);
      const session = await openOnnx(bytes, 1);
      const one = await session?.run(new Float32Array(3 * reader.sizePx ** 2).fill(0.5), [
        1,
        3,
        reader.sizePx,
        reader.sizePx,
      ]);
      expect(one?.length).toBe(reader.dim);
      await session?.close();
    },
  );

  it("keeps weights once where a reading encodes twice", () => {
    const [once, twice] = ([false, "both"] as const).map((commonRange) => {
      const reader = featuresOf(model, { ...plain, commonRange });
      return toOnnx(reader.of, { ...about, sizePx: 64 }).length;
    });
    expect(twice / once).toBeLessThan(1.25);
  });

  it("gives the whole network's images too", async () => {
    const body = (images: Tensor) => model.forward(images);
    expect(await largestDifference(toOnnx(body, { ...about, sizePx: 64 }), body, 64)).toBeLessThan(1e-4);
  });

  it("notices a model that does something else, and names what it cannot translate", async () => {
    const bytes = toOnnx((images) => images.mul(2).mean([2, 3]), { ...about, sizePx: 32 });
    await expect(largestDifference(bytes, (images) => images.mul(2.001).mean([2, 3]), 32)).rejects.toThrow(
      /differs by .* from what it was made from/,
    );
    expect(() => toOnnx((images) => images.abs(), { ...about, sizePx: 32 })).toThrow(/abs has no translation to ONNX/);
  });
});
