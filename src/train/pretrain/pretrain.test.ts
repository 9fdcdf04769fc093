import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { smallSurvey, temporaryFolder } from "../../../test/fixtures/surveys.ts";
import { SILENT } from "../../base/progress.ts";
import { Random } from "../../base/random.ts";
import { augment, DEFAULT_AUGMENT } from "../../batches/augment.ts";
import { type ImageBank, loadImageBank } from "../../batches/image-bank.ts";
import { noiseFrom, noiseTable } from "../../batches/noise.ts";
import { storeInFile } from "../../batches/stamp-store.ts";
import { createModel, loadWeights } from "../../models/index.ts";
import { renderRgb8 } from "../../stamps/render.ts";
import { simulateSurvey } from "../../survey/simulate/index.ts";
import {
  getThreads,
  hasBfloat16,
  manualSeed,
  rand,
  randn,
  readSafetensors,
  scope,
  type Tensor,
} from "../../torch/index.ts";
import { warmupCosine } from "../schedule.ts";
import { varianceAndCovariance } from "./objectives/vicreg.ts";
import { pretrain } from "./pretrain.ts";
import { Recipe, readRecipe } from "./recipe.ts";
import { openViews } from "./view-source.ts";

const folder = temporaryFolder();
let survey = "";
beforeAll(async () => {
  survey = await smallSurvey(folder.path, 40);
}, 60_000);
afterAll(() => folder.remove());
const recipe = (changes: object = {}) =>
  Recipe.parse({
    model: "lvm-nano",
    surveys: [survey],
    bankPx: 40,
    viewPx: 32,
    objectives: { vicreg: 1 },
    steps: 6,
    batchSize: 8,
    learningRate: 1e-3,
    warmupSteps: 2,
    checkpointEvery: 2,
    seed: 1,
    threads: 1,
    ...changes,
  });
/** Simulated galaxies as pictures, of which nothing is known to be simulated. */
async function pictureSurvey(name: string): Promise<string> {
  const path = join(folder.path, name);
  const keep = (data: Float32Array, sizePx: number) => {
    const stamp = {
      kind: "flux",
      bands: ["g", "r", "z"],
      unit: "nanomaggy",
      widthPx: sizePx,
      heightPx: sizePx,
    } as const;
    const rgb = renderRgb8({ ...stamp, bands: [...stamp.bands], data });
    return sharp(rgb, { raw: { width: sizePx, height: sizePx, channels: 3 } })
      .webp({ quality: 90 })
      .toBuffer();
  };
  const shares = { spiral: 0.6, lenticular: 0.4 };
  await simulateSurvey(path, {
    count: 40,
    seed: 3,
    sizePx: 64,
    shares,
    keep,
    workers: 1,
    progress: SILENT,
    command: "test",
  });
  return path;
}
const out = (name: string) => {
  mkdirSync(join(folder.path, name), { recursive: true });
  return join(folder.path, name);
};
const metrics = (name: string) =>
  readFileSync(join(folder.path, name, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { step: number; loss: number });

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
    const weights = (name: string) => readFileSync(join(folder.path, name, "encoder.safetensors"));
    const loss = (name: string) => metrics(name).map(({ step, loss: value }) => [step, value]);
    expect(loss("parts")).toEqual(loss("whole"));
    const load = (name: string) => {
      const model = createModel("lvm-nano");
      loadWeights(model, join(folder.path, name, "encoder.safetensors"));
      const values = model.norm.weight.toFloat32Array();
      model.dispose();
      return values;
    };
    expect(load("parts")).toEqual(load("whole"));
    expect(weights("whole").length).toBeLessThan(6e6);
  });
  it("comes out the same when its images are too many for memory, and leaves no file of them", async () => {
    const weights = (name: string) => readFileSync(join(folder.path, name, "encoder.safetensors"));
    await pretrain(recipe({ steps: 2 }), { out: out("memory"), progress: SILENT });
    await pretrain(recipe({ steps: 2 }), { out: out("file"), progress: SILENT, memoryBytes: 1000 });
    expect(metrics("file").map(({ loss }) => loss)).toEqual(metrics("memory").map(({ loss }) => loss));
    expect(weights("file").length).toBe(weights("memory").length);
    expect(readdirSync(join(folder.path, "file")).sort()).toEqual(readdirSync(join(folder.path, "memory")).sort());
    expect(() => storeInFile(join(folder.path, "none/stamps"), 8)).toThrow(/cannot write .*none\/stamps/);
  });
  it("comes out the same whoever makes the views, and says why a thread that makes them failed", async () => {
    const surveys = [survey, await smallSurvey(folder.path, 30, "second")];
    const both = { surveys, steps: 4, accumulate: 2, objectives: { vicreg: 1, simulated: 1 } };
    await pretrain(recipe(both), { out: out("ahead"), progress: SILENT });
    await pretrain(recipe({ ...both, viewsAhead: false }), { out: out("here"), progress: SILENT });
    expect(metrics("ahead").map(({ loss }) => loss)).toEqual(metrics("here").map(({ loss }) => loss));
    const bank = await loadImageBank([survey], 40, SILENT);
    const sampling = { surveyOf: bank.surveyOf, weights: [1], batchSize: 8, seed: 1 };
    const broken = openViews({ ...bank, place: { sizePx: 40, images: 9999 } }, sampling, recipe(), 0);
    expect(() => broken.views(0)).toThrow(/the thread that makes views failed: .*EBADF/);
    broken.close();
  });
  it("gives each of several processes the views that one would have of its part", async () => {
    const surveys = [survey, await smallSurvey(folder.path, 30, "third")];
    const banks = [await loadImageBank(surveys, 40, SILENT), await loadImageBank(surveys, 40, SILENT, { shards: 2 })];
    for (const bank of banks) for (let row = 0; row < bank.count; row += 3) bank.truth[row] = null;
    const viewsOf = (bank: ImageBank, viewsAhead: boolean, part?: { rank: number; size: number }) => {
      const sampling = { surveyOf: bank.surveyOf, weights: [1, 1], batchSize: 7, seed: 1, shards: bank.shards };
      const source = openViews(bank, sampling, recipe({ viewsAhead }), 2, part);
      const { views, places, truth } = source.views(2);
      source.close();
      const half = views.shape[0] / 2;
      const [first, second] = [views.slice(0, 0, half), views.slice(0, half, 2 * half)].map((some) =>
        some.toFloat32Array(),
      );
      const size = first.length / half;
      expect(truth).toHaveLength(7);
      return places.map((place, i) => ({
        its: truth[place],
        first: first.slice(i * size, (i + 1) * size),
        second: second.slice(i * size, (i + 1) * size),
      }));
    };
    for (const bank of banks) {
      const whole = viewsOf(bank, false);
      expect(whole).toHaveLength(7);
      expect(whole[0].first).not.toEqual(whole[0].second);
      expect(new Set(whole.map(({ its }) => its === null)).size).toBe(2);
      for (const ahead of [false, true]) {
        const [even, odd] = [0, 1].map((rank) => viewsOf(bank, ahead, { rank, size: 2 }));
        expect(even).toEqual(whole.filter((_, i) => i % 2 === 0));
        expect(odd).toEqual(whole.filter((_, i) => i % 2 === 1));
      }
    }
  });
  it("paints structures into half of the real galaxies, the same in every thread and part, and into no simulated one", async () => {
    const pictures = await pictureSurvey("painted");
    const surveys = [pictures, survey];
    const objectives = { structures: 1, simulated: 1 };
    const bank = await loadImageBank(surveys, 40, SILENT);
    const sampling = { surveyOf: bank.surveyOf, weights: [1, 1], batchSize: 30, seed: 1 };
    const viewsOf = (changes: object, part?: { rank: number; size: number }) => {
      const source = openViews(bank, sampling, recipe({ surveys, objectives, ...changes }), 0, part);
      const { views, places, painted, truth } = source.views(0);
      source.close();
      const K = painted.length / places.length;
      const size = views.toFloat32Array().length / views.shape[0];
      return places.map((place, i) => ({
        isReal: truth[place] === null,
        painted: painted.slice(i * K, (i + 1) * K),
        view: views.toFloat32Array().slice(i * size, (i + 1) * size),
      }));
    };
    const here = viewsOf({ viewsAhead: false });
    expect(viewsOf({ viewsAhead: true })).toEqual(here);
    expect(viewsOf({ viewsAhead: true }, { rank: 1, size: 2 })).toEqual(here.filter((_, i) => i % 2 === 1));
    const plain = viewsOf({ viewsAhead: false, objectives: { simulated: 1 } });
    const isPainted = ({ painted }: { painted: Float32Array }) => painted[0] >= 0;
    for (const [i, one] of here.entries()) {
      const structures = one.painted.filter((value) => value > 0).length;
      expect(Buffer.from(one.view.buffer).equals(Buffer.from(plain[i].view.buffer))).toBe(structures === 0);
      if (!one.isReal) expect(isPainted(one)).toBe(false);
    }
    const real = here.filter(({ isReal }) => isReal);
    expect(real.filter(isPainted).length).toBeGreaterThan(2);
    expect(real.filter(isPainted).length).toBeLessThan(real.length);
    expect(plain.some(isPainted)).toBe(false);
    bank.close();
    await pretrain(recipe({ surveys, objectives, steps: 2 }), { out: out("structures"), progress: SILENT });
    expect(metrics("structures").every((line) => (line as { structures?: number }).structures !== undefined)).toBe(
      true,
    );
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
  it("fits patterns in rings beside a projection that stands, without a step", async () => {
    const settings = { objectives: { simulated: 1 }, steps: 1, pooling: "stages", views: "zoomed", projection: 10 };
    const file = join(out("stands"), "encoder.safetensors");
    await pretrain(recipe(settings), { out: out("stands"), progress: SILENT });
    const rings = { objectives: {}, steps: 0, pooling: "stages", views: "zoomed-2", rings: 6, initFrom: file };
    await pretrain(recipe(rings), { out: out("rings"), progress: SILENT });
    scope(() => {
      const [before, after] = [file, join(out("rings"), "encoder.safetensors")].map((path) => readSafetensors(path));
      expect(after.metadata).toMatchObject({ views: "zoomed-2", rings: "true" });
      expect(after.tensors["norm.weight"].toFloat32Array()).toEqual(before.tensors["norm.weight"].toFloat32Array());
      const [old, whole] = [before, after].map(({ tensors }) => tensors["projection.axes"]);
      expect(whole.shape).toEqual([1408 + 3232, 16]);
      // Turned with the others, the old columns keep their products.
      const products = (axes: Tensor) => axes.matmul(axes.t()).slice(0, 0, 1408).slice(1, 0, 1408);
      expect(products(whole).sub(products(old)).abs().max().item()).toBeLessThan(
        1e-4 * products(old).abs().max().item(),
      );
    });
    const telling = {
      ...rings,
      rings: undefined,
      initFrom: join(out("rings"), "encoder.safetensors"),
      catalogue: { small: [{ column: "axisRatio" }, { column: "label", classes: ["spiral", "elliptical"] }] },
    };
    await pretrain(recipe(telling), { out: out("telling"), progress: SILENT });
    scope(() => {
      const { tensors, metadata } = readSafetensors(join(out("telling"), "encoder.safetensors"));
      expect(metadata.rings).toBe("true");
      expect(tensors["projection.axes"].shape).toEqual([1408 + 3232, 16 + 3]);
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
    const surveys = [await pictureSurvey("shown")];
    await pretrain(recipe({ ...structures, surveys }), { out: out("told"), progress: SILENT });
    scope(() => {
      const [before, after] = [file, join(out("told"), "encoder.safetensors")].map(
        (path) => readSafetensors(path).tensors["projection.axes"],
      );
      expect(after.shape).toEqual([1408, 10 + 8]);
      const products = (axes: Tensor) => axes.matmul(axes.t());
      expect(products(after).sub(products(before)).abs().max().item()).toBeGreaterThan(
        1e-3 * products(before).abs().max().item(),
      );
    });
    await expect(pretrain(recipe(structures), { out: out("simulated"), progress: SILENT })).rejects.toMatchObject({
      code: "BAD_RECIPE",
      message: expect.stringContaining("real images"),
    });
  });
  it("lets a larger network begin with what a smaller one learned", async () => {
    await pretrain(recipe({ steps: 1 }), { out: out("young"), progress: SILENT });
    const weights = join(folder.path, "young/encoder.safetensors");
    await pretrain(recipe({ model: "lvm-tiny", growFrom: weights, steps: 1, learningRate: 1e-9 }), {
      out: out("grown"),
      progress: SILENT,
    });
    scope(() => {
      const [young, grown] = ["young", "grown"].map((name) =>
        readSafetensors(join(folder.path, name, "encoder.safetensors")),
      );
      expect(grown.metadata.model).toBe("lvm-tiny");
      const name = "layers.2.blocks.1.mlp.fc1.weight";
      expect(grown.tensors[name].slice(0, 0, 512).slice(1, 0, 128).toFloat32Array()).toEqual(
        young.tensors[name].toFloat32Array(),
      );
    });
    await expect(
      pretrain(recipe({ growFrom: join(folder.path, "grown/encoder.safetensors"), steps: 1 }), {
        out: out("shrunk"),
        progress: SILENT,
      }),
    ).rejects.toThrow(/does not grow into that one/);
    writeFileSync(join(folder.path, "two.json"), JSON.stringify({ ...recipe(), initFrom: "a", growFrom: "b" }));
    expect(() => readRecipe(join(folder.path, "two.json"))).toThrow(/both initFrom and growFrom/);
  });
  it("reports its curves, and what an objective that draws has drawn, in one file", async () => {
    await pretrain(recipe({ objectives: { masked: 1, autoencode: 1 }, steps: 3 }), {
      out: out("drawn"),
      progress: SILENT,
    });
    const page = readFileSync(join(folder.path, "drawn/report.html"), "utf8");
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
    writeFileSync(join(folder.path, "r.json"), '{ "model": "lvm-nano", "steps": -1 }');
    expect(() => readRecipe(join(folder.path, "r.json"))).toThrow(/r.json: .*bankPx/);
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
  it("views have the asked size, differ, and follow their seed", () => {
    scope(() => {
      const images = rand([4, 3, 40, 40]);
      const view = (seed: number) => {
        manualSeed(seed);
        return augment(images, new Random(seed), { ...DEFAULT_AUGMENT, sizePx: 32 }).toFloat32Array();
      };
      expect(view(1)).toEqual(view(1));
      expect(view(1)).not.toEqual(view(2));
      expect(view(1).length).toBe(4 * 3 * 32 * 32);
    });
  });
  it("noise is standard normal, of its seed, and of each image by itself", () => {
    scope(() => {
      const table = noiseTable(3);
      const noise = (seed: number) => noiseFrom(table, new Random(seed))([4, 3, 64, 64]).toFloat32Array();
      const values = noise(1);
      const mean = (part: Float32Array, power: number) =>
        part.reduce((sum, value) => sum + value ** power, 0) / part.length;
      // 49,152 numbers: standard deviations 0.0045 and 0.0064.
      expect(Math.abs(mean(values, 1))).toBeLessThan(0.03);
      expect(mean(values, 2)).toBeCloseTo(1, 1);
      expect(noise(1)).toEqual(values);
      expect(noise(2)).not.toEqual(values);
      const [first, second] = [values.subarray(0, 12288), values.subarray(12288, 24576)];
      expect(Math.abs(first.reduce((sum, value, i) => sum + value * second[i], 0) / 12288)).toBeLessThan(0.05);
    });
  });
  it("the schedule rises, falls, and ends at its floor", () => {
    expect(warmupCosine(0, 100, 10, 1)).toBeCloseTo(0.1, 9);
    expect(warmupCosine(9, 100, 10, 1)).toBe(1);
    expect(warmupCosine(55, 100, 10, 1)).toBeCloseTo(0.505, 2);
    expect(warmupCosine(100, 100, 10, 1)).toBeCloseTo(0.01, 9);
  });
});
