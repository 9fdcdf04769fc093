import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { pictureSurvey, shortRuns } from "../../../test/fixtures/pretraining.ts";
import { SILENT } from "../../base/progress.ts";
import { readSafetensors, scope, type Tensor } from "../../torch/index.ts";
import { pretrain } from "./pretrain.ts";

const { folder, recipe, out, metrics } = shortRuns();

describe("reading of pre-trained features", () => {
  it("has its features read in another way afterwards without training again", async () => {
    const settings = { objectives: { simulated: 1 }, steps: 2, pooling: "stages" };
    const file = join(out("read"), "encoder.safetensors");
    await pretrain(recipe(settings), { out: out("read"), progress: SILENT });
    const first = scope(() => readSafetensors(file).tensors["norm.weight"].toFloat32Array());
    await pretrain(recipe({ ...settings, commonRange: "reading", views: "zoomed", projection: 10 }), {
      out: out("read"),
      progress: SILENT,
    });
    expect(metrics("read").map(({ step }) => step)).toEqual([1, 2]);
    scope(() => {
      const { tensors, metadata } = readSafetensors(file);
      expect(tensors["norm.weight"].toFloat32Array()).toEqual(first);
      expect(metadata).toMatchObject({ views: "zoomed", commonRange: "true" });
      expect(tensors["projection.axes"].shape).toEqual([1408, 10]);
    });
    await pretrain(recipe({ ...settings, commonRange: "both", projection: 10 }), {
      out: out("read"),
      progress: SILENT,
    });
    scope(() => expect(readSafetensors(file).tensors["projection.axes"].shape).toEqual([2816, 10]));
    await expect(
      pretrain(recipe({ ...settings, commonRange: true }), { out: out("read"), progress: SILENT }),
    ).rejects.toThrow(/another recipe/);
  });
  it("fits patterns in rings and in ellipses beside a projection that stands, without a step", async () => {
    const settings = { objectives: { simulated: 1 }, steps: 1, pooling: "stages", views: "zoomed", projection: 10 };
    const file = join(out("stands"), "encoder.safetensors");
    await pretrain(recipe(settings), { out: out("stands"), progress: SILENT });
    const rings = {
      objectives: {},
      steps: 0,
      pooling: "stages",
      views: "zoomed-2",
      rings: 6,
      ellipses: 5,
      initFrom: file,
    };
    await pretrain(recipe(rings), { out: out("rings"), progress: SILENT });
    scope(() => {
      const [before, after] = [file, join(out("rings"), "encoder.safetensors")].map((path) => readSafetensors(path));
      expect(after.metadata).toMatchObject({ views: "zoomed-2", rings: "true", ellipses: "true" });
      expect(after.tensors["norm.weight"].toFloat32Array()).toEqual(before.tensors["norm.weight"].toFloat32Array());
      const [old, whole] = [before, after].map(({ tensors }) => tensors["projection.axes"]);
      expect(whole.shape).toEqual([1408 + 3232 + 260, 10 + 6 + 5]);
      // Turned with the others, the old columns keep their products, but for the files' half precision.
      const products = (axes: Tensor) => {
        const first = axes.to("float32").slice(0, 0, 1408);
        return first.matmul(first.t());
      };
      expect(products(whole).sub(products(old)).abs().max().item()).toBeLessThan(
        1e-3 * products(old).abs().max().item(),
      );
    });
    const telling = {
      ...rings,
      rings: undefined,
      ellipses: undefined,
      initFrom: join(out("rings"), "encoder.safetensors"),
      catalogue: { small: [{ column: "axisRatio" }, { column: "label", classes: ["spiral", "elliptical"] }] },
    };
    await pretrain(recipe(telling), { out: out("telling"), progress: SILENT });
    scope(() => {
      const { tensors, metadata } = readSafetensors(join(out("telling"), "encoder.safetensors"));
      expect(metadata).toMatchObject({ rings: "true", ellipses: "true" });
      expect(tensors["projection.axes"].shape).toEqual([1408 + 3232 + 260, 10 + 6 + 5 + 3]);
    });
    // Trained by a catalogue, a run says what it says beside its components.
    const taught = {
      ...telling,
      steps: 1,
      initFrom: undefined,
      views: 1,
      projection: 16,
      objectives: { catalogue: 1 },
    };
    await pretrain(recipe(taught), { out: out("taught"), progress: SILENT });
    const { tensors } = readSafetensors(join(out("taught"), "encoder.safetensors"));
    expect(tensors["projection.axes"].shape).toEqual([1408, 16 + 3]);
    // Rings stand before ellipses in a row: they cannot be fitted after them.
    await pretrain(recipe({ ...rings, rings: undefined }), { out: out("light"), progress: SILENT });
    const light = join(out("light"), "encoder.safetensors");
    await expect(
      pretrain(recipe({ ...rings, ellipses: undefined, initFrom: light }), { out: out("late"), progress: SILENT }),
    ).rejects.toThrow(/rings cannot be fitted after ellipses/);
    expect(() => recipe({ ellipses: 261 })).toThrow(/<=260/);
    const bare = join(out("bare"), "encoder.safetensors");
    await pretrain(recipe({ steps: 1 }), { out: out("bare"), progress: SILENT });
    await expect(
      pretrain(recipe({ ...rings, initFrom: bare }), { out: out("none"), progress: SILENT }),
    ).rejects.toMatchObject({ code: "BAD_RECIPE" });
  });
  it("fits columns that tell painted structures beside a projection, on real galaxies alone", async () => {
    const file = join(out("plain"), "encoder.safetensors");
    const settings = { objectives: { simulated: 1 }, steps: 1, pooling: "stages", projection: 10 };
    await pretrain(recipe(settings), { out: out("plain"), progress: SILENT });
    const structures = { objectives: {}, steps: 0, pooling: "stages", structures: true, initFrom: file };
    const surveys = [await pictureSurvey(folder, "shown")];
    await pretrain(recipe({ ...structures, surveys }), { out: out("told"), progress: SILENT });
    scope(() => {
      const [before, after] = [file, join(out("told"), "encoder.safetensors")].map(
        (path) => readSafetensors(path).tensors["projection.axes"],
      );
      expect(after.shape).toEqual([1408, 10 + 8]);
      const products = (axes: Tensor) => axes.to("float32").matmul(axes.to("float32").t());
      expect(products(after).sub(products(before)).abs().max().item()).toBeGreaterThan(
        1e-3 * products(before).abs().max().item(),
      );
    });
    await expect(pretrain(recipe(structures), { out: out("simulated"), progress: SILENT })).rejects.toMatchObject({
      code: "BAD_RECIPE",
      message: expect.stringContaining("real images"),
    });
  });
});
