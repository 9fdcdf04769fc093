/** The runs behind Tables 1 to 4 and Figure 4: each strategy with each seed once, kept, so that every table is made from the same models. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { hashBytes, readJson, writeFileAtomic } from "../../src/base/files.ts";
import { terminalProgress } from "../../src/base/progress.ts";
import { type ImageModel, loadImageModel } from "../../src/tasks/image-model.ts";
import type { ImageTaskName } from "../../src/tasks/image-task.ts";
import { setThreads } from "../../src/torch/index.ts";
import { loadImageData, restoreRanges } from "../../src/train/image-data.ts";
import { evaluateImages, type MethodScores } from "../../src/train/image-evaluate.ts";
import { chooseClassical, type TestSetup } from "../../src/train/image-measures.ts";
import { DEFAULT_ACTIVE, type MultitaskResult, STRATEGIES, type Strategy, trainMultitask } from "../../src/train/multitask.ts";
import { setupsOf } from "../../src/train/task-image.ts";
import { prepareSurveys } from "./prepare.ts";

/** The same for every strategy: 64 px, `lvm-nano`, so that two cores do all nine runs in an hour. */
export const BUDGET = { model: "lvm-nano", steps: 1200, batchSize: 8, sizePx: 64, splitSeed: 1, validateEvery: 100, active: DEFAULT_ACTIVE } as const;
export const SEEDS = [1, 2, 3] as const;

/** The paper's names of the strategies. */
export const PAPER_NAMES: Record<Strategy, string> = { pretrain: "Pre_train model", uniform: "Multi_uniform model", active: "Multi_activate model" };

export interface Evaluation {
  runs: MultitaskResult[];
  /** Scores by method; models are named STRATEGY-SEED. */
  restore: Record<string, MethodScores>;
  reconstruct: Record<string, MethodScores>;
  /** Of reconstruction by patch size, masks of 0 to 70 %. */
  byPatch: Record<number, Record<string, MethodScores>>;
  /** PSNR of the active models by patch size and share of hidden pixels. */
  grid: { patchPx: number; share: number; methods: Record<string, MethodScores> }[];
  classical: ReturnType<typeof chooseClassical>;
  testImages: number;
  testPx: number;
}

export interface Flags {
  work: string;
  reports: string;
}

/** Flags that all of these recipes take; sets the threads. */
export function readFlags(): Flags & { data: string } {
  const { values } = parseArgs({
    options: {
      data: { type: "string", default: "../shared/data" },
      work: { type: "string", default: "runs/multitask" },
      reports: { type: "string", default: "reports" },
      threads: { type: "string", default: "2" },
    },
  });
  setThreads(Number(values.threads));
  return { data: values.data, work: values.work, reports: values.reports };
}

const folderOf = (work: string, strategy: Strategy, seed: number) => join(work, `${strategy}-${seed}`);

/** Trains what is missing of the nine runs; one that was stopped goes on. */
async function trainAll(work: string, surveys: { classes: string; images: string }): Promise<MultitaskResult[]> {
  const results: MultitaskResult[] = [];
  for (const seed of SEEDS)
    for (const strategy of STRATEGIES) {
      const out = folderOf(work, strategy, seed);
      if (!existsSync(join(out, "metrics.json")))
        await trainMultitask({
          ...BUDGET,
          ...surveys,
          strategy,
          seed,
          out,
          column: "label",
          command: "recipes/table-1.ts",
          progress: terminalProgress(`${strategy}, seed ${seed}`, "steps"),
        });
      results.push(readJson(join(out, "metrics.json")) as MultitaskResult);
    }
  return results;
}

/** Shares and patch sizes of Figure 4, and the number of test images behind each of its numbers. */
export const GRID = { patchesPx: [4, 8, 16], shares: [0.1, 0.3, 0.5, 0.7], images: 40 } as const;

/** Every model of a task, by name. */
function modelsOf(work: string, task: ImageTaskName, wanted: readonly Strategy[] = STRATEGIES): Record<string, ImageModel> {
  return Object.fromEntries(
    wanted.flatMap((strategy) =>
      SEEDS.map((seed) => [`${strategy}-${seed}`, loadImageModel(join(folderOf(work, strategy, seed), `${task}.safetensors`), task)]),
    ),
  );
}

/** Runs, and all of them measured on the same test images beside the classical methods; kept in `work` until a run changes. */
export async function evaluation(): Promise<Flags & Evaluation> {
  const { data, ...flags } = readFlags();
  const { work } = flags;
  mkdirSync(work, { recursive: true });
  const surveys = await prepareSurveys(data, work);
  const runs = await trainAll(work, surveys);
  const path = join(work, "evaluation.json");
  const hash = hashBytes(JSON.stringify([runs, GRID]));
  if (existsSync(path)) {
    const kept = readJson(path) as Evaluation & { hash: string };
    if (kept.hash === hash) return { ...flags, ...kept };
  }
  const images = await loadImageData(surveys.images, BUDGET.sizePx, BUDGET.splitSeed, terminalProgress("test images", "images"));
  const ranges = restoreRanges(images);
  const [restore, reconstruct] = (["restore", "reconstruct"] as const).map((task) => setupsOf(task, images, BUDGET.sizePx, ranges));
  const classical = chooseClassical(images.validation, restore.validation);
  const active = modelsOf(work, "reconstruct", ["active"]);
  const ofPatch = (patchPx: number, share: readonly [number, number]): TestSetup => ({ ...reconstruct.test, masks: { patchesPx: [patchPx], share } });
  const found: Evaluation = {
    runs,
    classical,
    testImages: images.test.length,
    testPx: images.testPx,
    restore: evaluateImages(modelsOf(work, "restore"), images.test, restore.test, classical).methods,
    reconstruct: evaluateImages(modelsOf(work, "reconstruct"), images.test, reconstruct.test, null).methods,
    byPatch: Object.fromEntries(
      GRID.patchesPx.map((patchPx) => [patchPx, evaluateImages(active, images.test, ofPatch(patchPx, reconstruct.test.masks.share), null).methods]),
    ),
    grid: GRID.patchesPx.flatMap((patchPx) =>
      GRID.shares.map((share) => ({
        patchPx,
        share,
        methods: evaluateImages(active, images.test.slice(0, GRID.images), ofPatch(patchPx, [share, share]), null).methods,
      })),
    ),
  };
  writeFileAtomic(path, `${JSON.stringify({ hash, ...found }, null, 1)}\n`);
  return { ...flags, ...found };
}
