import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { shortRuns } from "../../../test/fixtures/pretraining.ts";
import { SILENT } from "../../base/progress.ts";
import { storeInFile } from "../../batches/stamp-store.ts";
import { createModel, loadWeights } from "../../models/index.ts";
import { getThreads, hasBfloat16, manualSeed, randn, readSafetensors, scope } from "../../torch/index.ts";
import { warmupCosine } from "../schedule.ts";
import { varianceAndCovariance } from "./objectives/vicreg.ts";
import { pretrain } from "./pretrain.ts";
import { readRecipe } from "./recipe.ts";

const { folder, recipe, out, metrics } = shortRuns();

describe("pre-training", () => {
  it("comes out bit-identical whether it was stopped or not, and its weights load", async () => {
    const before = getThreads();
    expect(await pretrain(recipe(), { out: out("whole"), progress: SILENT })).toEqual({ finished: true, step: 6 });
    // The recipe's threads are those of its training alone.
    expect([before, getThreads()]).toEqual([before, before]);
    const stop = new AbortController();
    const progress = {
      update: (done: number, total: number) => void (total === 6 && done === 3 && stop.abort()),
      end() {},
    };
    expect(await pretrain(recipe(), { out: out("parts"), progress, signal: stop.signal })).toEqual({
      finished: false,
      step: 3,
    });
    expect(await pretrain(recipe(), { out: out("parts"), progress: SILENT })).toEqual({ finished: true, step: 6 });
    const weights = (name: string) => readFileSync(join(folder, name, "encoder.safetensors"));
    const loss = (name: string) => metrics(name).map(({ step, loss: value }) => [step, value]);
    expect(loss("parts")).toEqual(loss("whole"));
    const load = (name: string) => {
      const model = createModel("lvm-nano");
      loadWeights(model, join(folder, name, "encoder.safetensors"));
      const values = model.norm.weight.toFloat32Array();
      model.dispose();
      return values;
    };
    expect(load("parts")).toEqual(load("whole"));
    expect(weights("whole").length).toBeLessThan(6e6);
  });
  it("comes out the same when its images are too many for memory, and leaves no file of them", async () => {
    const weights = (name: string) => readFileSync(join(folder, name, "encoder.safetensors"));
    await pretrain(recipe({ steps: 2 }), { out: out("memory"), progress: SILENT });
    await pretrain(recipe({ steps: 2 }), { out: out("file"), progress: SILENT, memoryBytes: 1000 });
    expect(metrics("file").map(({ loss }) => loss)).toEqual(metrics("memory").map(({ loss }) => loss));
    expect(weights("file").length).toBe(weights("memory").length);
    expect(readdirSync(join(folder, "file")).sort()).toEqual(readdirSync(join(folder, "memory")).sort());
    expect(() => storeInFile(join(folder, "none/stamps"), 8)).toThrow(/cannot write .*none\/stamps/);
  });
  it("learns with short products where the processor has them, nearly the same", async () => {
    const short = pretrain(recipe({ steps: 3, precision: "bfloat16" }), { out: out("short"), progress: SILENT });
    if (!hasBfloat16()) return expect(short).rejects.toThrow(/no bfloat16 products/);
    await short;
    await pretrain(recipe({ steps: 3 }), { out: out("long"), progress: SILENT });
    const [found, expected] = [metrics("short"), metrics("long")].map((lines) => lines.map(({ loss }) => loss));
    expect(found).not.toEqual(expected);
    for (const [i, value] of found.entries()) expect(Math.abs(value / expected[i] - 1)).toBeLessThan(0.02);
  });
  it("lets a larger network begin with what a smaller one learned", async () => {
    await pretrain(recipe({ steps: 1 }), { out: out("young"), progress: SILENT });
    const weights = join(folder, "young/encoder.safetensors");
    await pretrain(recipe({ model: "lvm-tiny", growFrom: weights, steps: 1, learningRate: 1e-9 }), {
      out: out("grown"),
      progress: SILENT,
    });
    scope(() => {
      const [young, grown] = ["young", "grown"].map((name) =>
        readSafetensors(join(folder, name, "encoder.safetensors")),
      );
      expect(grown.metadata.model).toBe("lvm-tiny");
      const name = "layers.2.blocks.1.mlp.fc1.weight";
      expect(grown.tensors[name].slice(0, 0, 512).slice(1, 0, 128).toFloat32Array()).toEqual(
        young.tensors[name].toFloat32Array(),
      );
    });
    await expect(
      pretrain(recipe({ growFrom: join(folder, "grown/encoder.safetensors"), steps: 1 }), {
        out: out("shrunk"),
        progress: SILENT,
      }),
    ).rejects.toThrow(/does not grow into that one/);
    writeFileSync(join(folder, "two.json"), JSON.stringify({ ...recipe(), initFrom: "a", growFrom: "b" }));
    expect(() => readRecipe(join(folder, "two.json"))).toThrow(/both initFrom and growFrom/);
  });
  it("reports its curves, and what an objective that draws has drawn, in one file", async () => {
    await pretrain(recipe({ objectives: { masked: 1, autoencode: 1 }, steps: 3 }), {
      out: out("drawn"),
      progress: SILENT,
    });
    const page = readFileSync(join(folder, "drawn/report.html"), "utf8");
    for (const text of [
      "step <b>3</b> of 3",
      "hiddenError",
      "squaredError",
      "drawn by the whole network",
      "where they are hidden",
    ])
      expect(page).toContain(text);
    expect(page.match(/<img src="data:image\/png;base64,/g)).toHaveLength(5);
    expect(page).not.toMatch(/(src|href)="(?!data:)/);
  });
  it("keeps to its recipe and names what is wrong with one", async () => {
    await expect(pretrain(recipe({ seed: 2 }), { out: out("whole"), progress: SILENT })).rejects.toThrow(
      /another recipe/,
    );
    await expect(pretrain(recipe({ batchSize: 64 }), { out: out("few"), progress: SILENT })).rejects.toThrow(
      /do not fill a batch/,
    );
    await expect(pretrain(recipe({ shards: 9 }), { out: out("parts of one"), progress: SILENT })).rejects.toThrow(
      /9 shards cannot share a batch of 8/,
    );
    await expect(
      pretrain(recipe({ learningRate: 1e30, warmupSteps: 1, steps: 8 }), { out: out("wild"), progress: SILENT }),
    ).rejects.toThrow(/the loss is NaN at step \d+; the last good checkpoint/);
    writeFileSync(join(folder, "r.json"), '{ "model": "lvm-nano", "steps": -1 }');
    expect(() => readRecipe(join(folder, "r.json"))).toThrow(/r.json: .*bankPx/);
  });
  it("learns: the loss falls on a survey seen many times", async () => {
    await pretrain(recipe({ steps: 40, batchSize: 16, learningRate: 2e-3 }), { out: out("learns"), progress: SILENT });
    const values = metrics("learns").map(({ loss }) => loss);
    const mean = (part: number[]) => part.reduce((sum, value) => sum + value, 0) / part.length;
    expect(mean(values.slice(-8))).toBeLessThan(mean(values.slice(0, 8)));
  });
});

describe("parts", () => {
  it("VICReg's terms vanish for independent columns of unit variance and see collapse", () => {
    scope(() => {
      manualSeed(1);
      const [variance, covariance] = varianceAndCovariance(randn([4000, 8]));
      expect(variance.item()).toBeLessThan(0.03);
      expect(covariance.item()).toBeLessThan(0.01);
      const collapsed = varianceAndCovariance(randn([100, 1]).expand(100, 8).mul(0.01));
      expect(collapsed[0].item()).toBeGreaterThan(0.97);
      expect(varianceAndCovariance(randn([100, 1]).expand(100, 8))[1].item()).toBeGreaterThan(3);
    });
  });
  it("the schedule rises, falls, and ends at its floor", () => {
    expect(warmupCosine(0, 100, 10, 1)).toBeCloseTo(0.1, 9);
    expect(warmupCosine(9, 100, 10, 1)).toBe(1);
    expect(warmupCosine(55, 100, 10, 1)).toBeCloseTo(0.505, 2);
    expect(warmupCosine(100, 100, 10, 1)).toBeCloseTo(0.01, 9);
  });
});
