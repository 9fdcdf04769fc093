import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../../test/fixtures/surveys.ts";
import { Random } from "../../base/random.ts";
import type { PixelKind } from "../../contract/survey.ts";
import { createModel } from "../../models/index.ts";
import {
  liveTensors,
  manualSeed,
  noGrad,
  opInPlace,
  scope,
  tensor,
  writeSafetensors,
  zeros,
} from "../../torch/index.ts";
import { saveHead } from "../heads.ts";
import { type ImageTaskName, taskDecoder } from "./image-task.ts";
import { applyImageModel, disposeImageModel, type ImageModel, loadImageModel } from "./model.ts";
import { noiseSigma, scaleOf } from "./scale.ts";
import { RESTORE } from "./task.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());

/** A model whose last layer is not zero, so that it does something. */
function model(task: ImageTaskName, kind: PixelKind = "colour"): ImageModel {
  manualSeed(3);
  const encoder = createModel("lvm-nano").eval();
  const decoder = taskDecoder(encoder, task).eval();
  noGrad(() => opInPlace("normal_", decoder.output.weight, 0, 0.02));
  return {
    encoder,
    decoder,
    card: { task, model: "lvm-nano", kind, sizePx: 64, degradation: "none", steps: 1, seed: 1, dataHash: "x" },
  };
}

const picture = (heightPx: number, widthPx: number, seed = 1) => {
  const random = new Random(seed);
  return {
    heightPx,
    widthPx,
    kind: "colour" as const,
    data: Float32Array.from({ length: 3 * heightPx * widthPx }, () => random.uniform(0.2, 0.8)),
  };
};

describe("the scale of flux", () => {
  it("knows the noise, and goes there and back", () => {
    const random = new Random(2);
    const noise = Float32Array.from({ length: 3 * 40 * 40 }, () => random.normal(5, 0.3));
    expect(Math.abs(noiseSigma(noise.subarray(0, 1600), 40) / 0.3 - 1)).toBeLessThan(0.06);
    noise[7] = 4000;
    scope(() => {
      const scale = scaleOf("flux", [noise], 40);
      const image = tensor(noise, [1, 3, 40, 40]);
      const back = scale.toImage(scale.toNetwork(image)).toFloat32Array();
      expect(Math.max(...back.map((value, i) => Math.abs(value / noise[i] - 1)))).toBeLessThan(1e-4);
    });
  });
});

describe("an image model", () => {
  it("is the same after saving and loading, and refuses other files and other tasks", () => {
    const start = liveTensors();
    const path = join(folder.path, "restore.safetensors");
    const made = model("restore");
    saveHead(path, RESTORE, made);
    const loaded = loadImageModel(path, "restore");
    expect(loaded.card).toEqual(made.card);
    const image = picture(64, 64);
    const out = applyImageModel(made, image);
    expect(out.every(Number.isFinite)).toBe(true);
    expect(applyImageModel(loaded, image)).toEqual(out);
    expect(() => loadImageModel(path, "reconstruct")).toThrow(/head of restore/);
    scope(() => writeSafetensors(join(folder.path, "other.safetensors"), { a: zeros([1]) }));
    expect(() => loadImageModel(join(folder.path, "other.safetensors"))).toThrow(/no trained task/);
    for (const one of [made, loaded]) disposeImageModel(one);
    expect(liveTensors()).toBe(start);
  });

  it("works on any size, by tiles without seams", () => {
    const made = model("restore");
    const large = picture(150, 203);
    // A flat image shows seams best.
    large.data.fill(0.4);
    const out = applyImageModel(made, large);
    expect(out.length).toBe(3 * 150 * 203);
    const inside = (x: number, y: number) => out[y * 203 + x];
    const steps = Array.from({ length: 100 }, (_, i) => Math.abs(inside(50 + i, 75) - inside(51 + i, 75)));
    const small = applyImageModel(made, { ...picture(64, 64), data: new Float32Array(3 * 64 * 64).fill(0.4) });
    const usual = Array.from({ length: 30 }, (_, i) => Math.abs(small[32 * 64 + 16 + i] - small[32 * 64 + 17 + i]));
    expect(Math.max(...steps)).toBeLessThan(2 * Math.max(...usual) + 1e-3);
    expect(applyImageModel(made, picture(20, 33)).every(Number.isFinite)).toBe(true);
    disposeImageModel(made);
  });

  it("fills hidden and missing pixels, and gives known ones back bit by bit, in flux too", () => {
    const made = model("reconstruct", "flux");
    const image = { ...picture(70, 90, 5), kind: "flux" as const };
    const mask = new Uint8Array(70 * 90);
    mask.fill(1, 30 * 90, 36 * 90);
    image.data[11] = Number.NaN;
    const out = applyImageModel(made, image, { mask });
    expect(out.every(Number.isFinite)).toBe(true);
    const changed = [...out.keys()].filter((i) => out[i] !== image.data[i]);
    expect(changed.every((i) => mask[i % 6300] === 1 || i % 6300 === 11)).toBe(true);
    expect(changed.length).toBeGreaterThan(3 * 6 * 90 - 10);
    expect(() => applyImageModel(made, image, { mask: new Uint8Array(6300).fill(1) })).toThrow(/no pixel/);
    disposeImageModel(made);
    const restoring = model("restore", "flux");
    const restored = applyImageModel(restoring, image);
    expect([...restored.keys()].filter((i) => Number.isNaN(restored[i])).map((i) => i % 6300)).toEqual([11, 11, 11]);
    disposeImageModel(restoring);
  });
});
