/** Pre-training of an LVM from a recipe: resumable, bit-identical after a kill, with its metrics as JSON lines. */
import { mkdirSync } from "node:fs";
import { SkyloopError } from "../../base/errors.ts";
import { lockFolder } from "../../base/lock.ts";
import type { Progress } from "../../base/progress.ts";
import { type ImageBank, loadImageBank } from "../../batches/image-bank.ts";
import { dropRowsOf } from "../../nn/index.ts";
import { type Group, getThreads, manualSeed, setPrecision, setThreads } from "../../torch/index.ts";
import { ScheduledOptimiser } from "../optimiser.ts";
import { type Hooks, type Run, trainSteps } from "../trainer.ts";
import { type CatalogueShares, catalogueShares } from "./catalogue.ts";
import { fitFeatures, freeProjection } from "./fit-reading.ts";
import { featureReadingOf, type Recipe } from "./recipe.ts";
import { type PictureRow, writePretrainReport } from "./report.ts";
import { openRun, type RunFolder } from "./run-folder.ts";
import { samplingOf } from "./sampler.ts";
import { createStudent, learnStep, moved, picturesOf, type Student, toldBy } from "./student.ts";
import { openViews } from "./view-source.ts";
import { type Part, WHOLE } from "./views.ts";

/** Where a pre-training run is kept and how it is watched and stopped. */
export interface PretrainOptions {
  /** The run's folder: recipe, metrics, checkpoint, weights. */
  out: string;
  progress: Progress;
  /** Stops after the step in which it fires; the checkpoint is then written. */
  signal?: AbortSignal;
  /** The processes that train together, each on its part of every batch; the first one writes the run's folder. */
  group?: Group | null;
  /** Images up to so many bytes stay in memory; more go to a file below `out` while the run lasts. Default: 2 GiB. */
  memoryBytes?: number;
  /** What catalogues say of the images, for the objective of that name. */
  told?: CatalogueShares;
}

/**
 * Trains to the recipe's last step and writes `encoder.safetensors` (half precision) and `report.html` into the run's
 * folder. Throws DIVERGED, LOCKED, OTHER_RECIPE.
 */
export async function pretrain(recipe: Recipe, options: PretrainOptions): Promise<{ finished: boolean; step: number }> {
  const { out, group = null } = options;
  mkdirSync(out, { recursive: true });
  const release = (group?.rank ?? 0) === 0 ? lockFolder(out, "pretrain") : () => {};
  try {
    const images = await prepareImages(recipe, options);
    const { pictures, ...result } = await trainOnBank(recipe, images.bank, { ...options, told: images.told });
    images.bank.close();
    if ((group?.rank ?? 0) === 0 && recipe.steps > 0) await writePretrainReport(out, pictures);
    return result;
  } finally {
    release();
  }
}

/** All images of a recipe's surveys, and what catalogues say of them. */
async function prepareImages(
  { surveys, bankPx, shards, catalogue }: Recipe,
  { out: scratch, memoryBytes, group, progress }: PretrainOptions,
): Promise<{ bank: ImageBank & { skipped: number }; told?: CatalogueShares }> {
  const bank = await loadImageBank(surveys, bankPx, progress, { scratch, memoryBytes, shards, group });
  return { bank, told: catalogue === undefined ? undefined : await catalogueShares(catalogue, surveys, bank) };
}

/**
 * Trains on images that are there; `pretrain` reads them from surveys. The pictures are for the report. One after the
 * other: what learns, the run that it goes on with, the steps, the reading of its features.
 */
export async function trainOnBank(
  recipe: Recipe,
  bank: ImageBank & { skipped: number },
  options: PretrainOptions,
): Promise<{ finished: boolean; step: number; pictures: PictureRow[] }> {
  const before = getThreads();
  // Processes that share a machine are told their threads by who starts them.
  if (recipe.threads !== undefined && (options.group ?? null) === null) setThreads(recipe.threads);
  try {
    return await trainWithThreads(recipe, bank, options);
  } finally {
    setThreads(before);
  }
}

async function trainWithThreads(
  recipe: Recipe,
  bank: ImageBank & { skipped: number },
  { out, progress, signal, group = null, told }: PretrainOptions,
): Promise<{ finished: boolean; step: number; pictures: PictureRow[] }> {
  const { seed, steps, accumulate } = recipe;
  const part = partOf(recipe, group);
  manualSeed(seed);
  const student = createStudent(recipe, told);
  const optimiser = new ScheduledOptimiser(student.learned, recipe);
  const run = openRun(out, student, optimiser, { recipe, bank, told, group });
  share(student, group);
  const views = openViews(bank, samplingOf(recipe, bank), recipe, run.clock.step * accumulate, part);
  const training: Run = {
    ...recipe,
    clock: run.clock,
    optimiser,
    checkpoint: run.checkpoint,
    progress,
    signal,
    learn: (step, random) => learnStep(student, views, { step, accumulate, group }, random),
  };
  const hooks = { moved: () => moved(student, run.clock.step), metrics: run.addMetrics, checkpoint: run.save };
  await runSteps(training, hooks, recipe, group === null ? null : { ...part, batch: recipe.batchSize }, views.close);
  const finished = run.clock.step >= steps;
  // The components belong to the finished weights; features of a checkpoint are read without them. Without a step there
  // is nothing to keep but what is fitted.
  if (steps > 0) run.save();
  if (finished && run.first) fitAfter(recipe, student, bank, run, told);
  return { finished, step: run.clock.step, pictures: run.first ? picturesOf(student, views, seed) : [] };
}

/** The steps, with products and dropped rows as they are while training, and as they were afterwards. */
async function runSteps(
  training: Run,
  hooks: Hooks,
  { precision }: Pick<Recipe, "precision">,
  rows: Parameters<typeof dropRowsOf>[0],
  close: () => void,
): Promise<void> {
  setPrecision(precision);
  dropRowsOf(rows);
  try {
    await trainSteps(training, hooks);
  } finally {
    close();
    dropRowsOf(null);
    setPrecision("float32");
  }
}

/** Fits the reading of the finished weights' features, and writes them with it. */
function fitAfter(
  recipe: Recipe,
  student: Student,
  bank: ImageBank,
  run: RunFolder,
  catalogue?: CatalogueShares,
): void {
  const { average, model, begun } = student;
  const told = { heads: toldBy(student), catalogue };
  const projection = fitFeatures(average ?? model, bank, featureReadingOf(recipe, begun), recipe, told);
  if (projection === null) return;
  run.save(projection);
  freeProjection(projection);
}

/** The part of every batch that this process has. Throws BAD_RECIPE where parts are smaller than one galaxy. */
function partOf({ shards, batchSize }: Recipe, group: Group | null): Part {
  const part = group === null ? WHOLE : { rank: group.rank, size: group.size };
  const [parts, what] = shards === undefined ? [part.size, "processes"] : [shards, "shards"];
  if (parts > batchSize)
    throw new SkyloopError(
      "BAD_RECIPE",
      `${parts} ${what} cannot share a batch of ${batchSize}; take fewer or give a larger batchSize`,
    );
  return part;
}

/** All processes begin with the first one's weights, and add their gradients up. */
function share({ modules, learned }: Student, group: Group | null): void {
  group?.broadcast(Object.values(modules).flatMap((module) => Object.values(module.stateDict())));
  group?.watch(learned.map(([, parameter]) => parameter));
}
