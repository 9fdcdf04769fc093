import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { fineTuned, keptNumbers, LastStage, lastInputs } from "../../recipes/feedback/last-stage.ts";
import { feedbackTable, ratios, ratioTable } from "../../recipes/feedback/report.ts";
import {
  answersAlone,
  committee,
  meanRank,
  together,
  weighedFeatures,
  withWeakNegatives,
} from "../../recipes/feedback/ways.ts";
import { Random } from "../../src/base/random.ts";
import { hunt, huntGround, loopRanker, type RankerOf } from "../../src/evaluate/hunt.ts";
import { type Example, featureSpace } from "../../src/loop/learn.ts";
import { fitProjection } from "../../src/models/feature-projection.ts";
import { featuresOf } from "../../src/models/feature-reader.ts";
import { createModel } from "../../src/models/index.ts";
import { keep, manualSeed, noGrad, scope, type Tensor, tensor } from "../../src/torch/index.ts";

const [COUNT, DIM] = [300, 8];
const random = new Random(7);
const objects = Array.from({ length: COUNT }, (_, row) => ({ row, positive: row % 10 === 0 }));
const matrix = new Float32Array(COUNT * DIM);
for (const { row, positive } of objects)
  for (let d = 0; d < DIM; d++) matrix[row * DIM + d] = random.normal(positive && d < 3 ? 2.5 : 0);
const space = featureSpace(matrix, DIM);
const open = objects.slice(60).map(({ row }) => row);
const examples: Example[] = objects.slice(0, 60).map(({ row, positive }) => ({ row, positive }));
const last = new Float32Array(COUNT).map((_, row) => -row);
const input = { space, examples, background: [], open, last, seed: 3 };

/** Mean score of the open positives less that of the others. */
function gap(of: RankerOf): number {
  const ranker = of(input);
  const scores = ranker.scoreRows(open);
  ranker.dispose();
  const mean = (wanted: boolean) => {
    const some = open.flatMap((row, i) => (objects[row].positive === wanted ? [scores[i]] : []));
    return some.reduce((sum, one) => sum + one, 0) / some.length;
  };
  return mean(true) - mean(false);
}

describe("ways to learn from answers", () => {
  it("tell what lies apart, and hunt with it", () => {
    const ways: Record<string, RankerOf> = {
      committee: committee({ members: 3, bonus: 0.5, disputed: 0.25 }),
      weak: withWeakNegatives({ count: 40, weight: 0.3, lowest: 0.5 }),
      weighed: weighedFeatures(100),
      together: together(loopRanker, weighedFeatures(100)),
    };
    const ground = huntGround(space, objects, { heldOutShare: 0.5, share: null, seed: 1 });
    const options = { strategy: "loop", start: 3, show: 8, rounds: 2, alpha: 0.9, errors: 0, seed: 1 } as const;
    for (const [name, way] of Object.entries(ways)) {
      expect(gap(way), name).toBeGreaterThan(0.3);
      const found = hunt(ground, { ...options, measured: "last" }, undefined, way);
      expect(found.rounds.map(({ shown }) => shown)).toEqual([0, 8, 8]);
      expect(found.rounds[0].aupr, name).toBeNaN();
      expect(found.rounds[2].aupr, name).toBeGreaterThan(0.7);
    }
  });

  it("ask what a committee disagrees about, and nothing where no share of the page is for it", () => {
    const asked = (disputed: number) => {
      const ranker = committee({ members: 3, bonus: 0, disputed })(input);
      const rows = ranker.asks?.(open, 8) ?? [];
      ranker.dispose();
      return rows;
    };
    expect(asked(0)).toEqual([]);
    const rows = asked(0.25);
    expect(new Set(rows).size).toBe(2);
    for (const row of rows) expect(open).toContain(row);
  });

  it("add the members' scatter to their mean", () => {
    const scores = (bonus: number) => {
      const ranker = committee({ members: 3, bonus, disputed: 0 })(input);
      const found = ranker.scoreRows(open);
      ranker.dispose();
      return found;
    };
    const [plain, added] = [scores(0), scores(1)];
    expect(plain.every((score, i) => added[i] >= score)).toBe(true);
    expect(added.some((score, i) => score > plain[i] + 0.01)).toBe(true);
  });

  it("take weak negatives from the end of the last ranking, and leave the first ranking alone", () => {
    const weak = withWeakNegatives({ count: 30, weight: 1, lowest: 0.2 });
    const scoresOf = (of: RankerOf, given: typeof input | (Omit<typeof input, "last"> & { last: null })) => {
      const ranker = of(given);
      const scores = ranker.scoreRows(open);
      ranker.dispose();
      return scores;
    };
    expect(scoresOf(weak, { ...input, last: null })).toEqual(scoresOf(loopRanker, input));
    const ranked = scoresOf(weak, input);
    // The last ranking has the highest rows at its end, which are called negative now, also where they are not.
    const plain = scoresOf(loopRanker, input);
    const end = open.map((row, i) => (row >= 252 ? ranked[i] - plain[i] : 0)).reduce((sum, one) => sum + one, 0);
    expect(end).toBeLessThan(0);
  });

  it("fade where more of the answers are positive", () => {
    const scoresOf = (of: RankerOf, positives: number) => {
      const some = [
        ...examples.filter(({ positive }) => positive).slice(0, positives),
        ...examples.filter(({ positive }) => !positive).slice(0, 6),
      ];
      const ranker = of({ ...input, examples: some });
      const scores = ranker.scoreRows(open);
      ranker.dispose();
      return scores;
    };
    const fading = (fades: "in weight" | "in number" | "sooner") =>
      withWeakNegatives({ count: 40, weight: 1, lowest: 1, fades });
    for (const [fades, most] of [
      ["in weight", 6],
      ["in number", 6],
      ["sooner", 4],
    ] as const) {
      expect(scoresOf(fading(fades), most), fades).toEqual(scoresOf(answersAlone, most));
      expect(scoresOf(fading(fades), 1), fades).not.toEqual(scoresOf(answersAlone, 1));
    }
  });

  it("order by the mean of two ranks with the first one's scores", () => {
    const mixed = meanRank(Float32Array.of(0.9, 0.5, 0.1, 0.2), Float32Array.of(1, 7, 2, 9));
    // Ranks 3 2 0 1 and 0 2 1 3: sums 3 4 1 4.
    expect([...mixed].map((one) => Number(one.toFixed(1)))).toEqual([0.2, 0.5, 0.1, 0.9]);
  });
});

describe("an encoder's last stage", () => {
  const folder = mkdtempSync(join(tmpdir(), "skyloop-last-stage-"));
  manualSeed(5);
  const N = 16;
  const model = createModel("lvm-nano").eval();
  const pixels = new Float32Array(N * 3 * 64 * 64);
  const noise = new Random(2);
  // Halves of the images are bright on another side: what the released weights need not tell apart.
  for (let i = 0; i < pixels.length; i++) {
    const [image, x] = [Math.floor(i / (3 * 64 * 64)), i % 64];
    pixels[i] = noise.uniform(0, 0.3) + (x < 32 === image < N / 2 ? 0.6 : 0);
  }
  const images = keep(tensor(pixels, [N, 3, 64, 64]));
  const plain = {
    sizePx: 64,
    pooling: "stages",
    commonRange: true,
    rings: false,
    ellipses: false,
    views: "zoomed-2",
  } as const;
  const rows = noGrad(() => scope(() => keep(featuresOf(model, { ...plain, projection: null }).of(images))));
  const projection = fitProjection(rows, 6);
  const reading = { ...plain, projection };
  const reader = featuresOf(model, reading);
  const features = noGrad(() => scope(() => reader.of(images).toFloat32Array()));
  const stage = new LastStage(model, projection, lastInputs(model, reading, images), 4);
  const TUNING = { steps: 12, rate: 1e-3, headRate: 1e-3, batch: 8, scoredBy: [0, 1, 2, 3] };
  const all = Array.from({ length: N }, (_, row) => row);
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
    stage.dispose();
    reader.dispose();
    model.dispose();
    for (const one of [images, rows]) one.dispose();
  });
  const readAgain = () => noGrad(() => scope(() => reader.of(images).toFloat32Array()));
  const movedBy = () =>
    noGrad(() =>
      scope(() => {
        const each = [0, 1, 2, 3].map((view) => stage.moved(all.map((row) => row * 4 + view)));
        return each
          .reduce((sum: Tensor, one) => sum.add(one))
          .div(4)
          .toFloat32Array();
      }),
    );
  const largest = (values: Float32Array) => Math.max(...values.map(Math.abs));

  it("moves features by nothing before it learns, and then by what the whole encoder says", () => {
    expect([stage.count, stage.dim, stage.side]).toEqual([N, 6, 2]);
    expect(largest(movedBy())).toBeLessThan(1e-4 * largest(features));
    const space = featureSpace(features, 6);
    const examples = all.map((row) => ({ row, positive: row < N / 2 }));
    const ranker = fineTuned(stage, TUNING)({ space, examples, background: [], open: all, last: null, seed: 1 });
    const now = readAgain();
    const moved = movedBy();
    const difference = now.map((value, i) => value - features[i]);
    expect(largest(difference)).toBeGreaterThan(0.01 * largest(features));
    // The stage's inputs are read once in float32: what is left are roundings.
    expect(largest(difference.map((value, i) => value - moved[i]))).toBeLessThan(1e-3 * largest(features));
    const scores = ranker.scoreRows(all);
    ranker.dispose();
    expect(Math.min(...scores.slice(0, N / 2))).toBeGreaterThan(Math.max(...scores.slice(N / 2)));
    stage.restore();
    expect(readAgain()).toEqual(features);
  });

  it("ranks alike for the same answers, whatever it has learned before", () => {
    const space = featureSpace(features, 6);
    const scores = (positive: (row: number) => boolean) => {
      const examples = all.map((row) => ({ row, positive: positive(row) }));
      const ranker = fineTuned(stage, TUNING)({ space, examples, background: [], open: all, last: null, seed: 1 });
      const found = ranker.scoreRows(all);
      ranker.dispose();
      return found;
    };
    const first = scores((row) => row % 2 === 0);
    expect(scores((row) => row < 4)).not.toEqual(first);
    expect(scores((row) => row % 2 === 0)).toEqual(first);
  });

  it("keeps numbers in a file", async () => {
    const path = join(folder, "deep", "numbers.f32");
    const made = await keptNumbers(path, async () => Float32Array.of(1, -2.5));
    expect(made).toEqual(Float32Array.of(1, -2.5));
    expect(
      await keptNumbers(path, async () => {
        throw new Error("made twice");
      }),
    ).toEqual(made);
  });
});

describe("tables of feedback", () => {
  const huntOf = (found: number, aupr: number) => ({
    toFind: 40,
    rounds: [{ round: 5, mode: "highest" as const, shown: 20, positives: 3, found, aupr, atN: 0.1 }],
  });
  const loop = {
    name: "loop",
    hunts: new Map([
      [1, huntOf(10, 0.3)],
      [2, huntOf(20, 0.5)],
      [3, huntOf(8, 0.2)],
    ]),
  };
  const other = {
    name: "other",
    hunts: new Map([
      [2, huntOf(30, 0.6)],
      [1, huntOf(10, 0.2)],
    ]),
  };
  const target = { name: "ring", means: "so", base: 0.05, ways: [loop, other] };

  it("compare draws that both ways have", () => {
    expect(ratios(other, loop).sort()).toEqual([1, 1.5]);
    expect(ratioTable([target])).toContain("| other | 1.25 +- 0.25 | 1.250 | 2 |");
    const table = feedbackTable([target]);
    expect(table).toMatch(
      /\*\*ring\*\* \(so\), base 0\.050 \| loop \| 10 \(.*\) of 40 \| 1 \| 0\.333 \+- 0\.153 \| {2}\| 8 \|/,
    );
    expect(table).toMatch(
      /\| {2}\| other \| 20 \(.*\) of 40 \| 1\.25 \+- 0\.25 \| 0\.400 \+- 0\.283 \| 0\.000 \+- 0\.100 \| 10 \|/,
    );
  });
});
