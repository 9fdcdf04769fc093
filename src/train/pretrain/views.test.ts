import { describe, expect, it } from "vitest";
import { pictureSurvey, shortRuns } from "../../../test/fixtures/pretraining.ts";
import { smallSurvey } from "../../../test/fixtures/surveys.ts";
import { SILENT } from "../../base/progress.ts";
import { Random } from "../../base/random.ts";
import { augment, DEFAULT_AUGMENT } from "../../batches/augment.ts";
import { type ImageBank, loadImageBank } from "../../batches/image-bank.ts";
import { noiseFrom, noiseTable } from "../../batches/noise.ts";
import { manualSeed, rand, scope } from "../../torch/index.ts";
import { pretrain } from "./pretrain.ts";
import { openViews } from "./view-source.ts";

const { folder, survey, recipe, out, metrics } = shortRuns();

describe("views of pre-training", () => {
  it("comes out the same whoever makes the views, and says why a thread that makes them failed", async () => {
    const surveys = [survey, await smallSurvey(folder, 30, "second")];
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
    const surveys = [survey, await smallSurvey(folder, 30, "third")];
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
    const pictures = await pictureSurvey(folder, "painted");
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
});
