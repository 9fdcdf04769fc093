/** Pre-training of an LVM from a recipe: resumable, bit-identical after a kill, with its metrics as JSON lines. */
import { mkdirSync } from "node:fs";
import { SkyloopError } from "../../base/errors.ts";
import { lockFolder } from "../../base/lock.ts";
import type { Progress } from "../../base/progress.ts";
import { type ImageBank, loadImageBank } from "../../batches/image-bank.ts";
import { dropRowsOf } from "../../nn/index.ts";
import { type Group, manualSeed, setPrecision, setThreads } from "../../torch/index.ts";
import { ScheduledOptimiser } from "../optimiser.ts";
import { trainSteps } from "../trainer.ts";
import { type CatalogueShares, catalogueShares } from "./catalogue.ts";
import type { Recipe } from "./recipe.ts";
import { type PictureRow, writePretrainReport } from "./report.ts";
import { openRun } from "./run-folder.ts";
import { samplingOf } from "./sampler.ts";
import { createStudent, learnStep, moved, picturesOf, type Student } from "./student.ts";
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
  mkdirSync(options.out, { recursive: true });
  const release = (options.group?.rank ?? 0) === 0 ? lockFolder(options.out, "pretrain") : () => {};
  try {
    const { out: scratch, memoryBytes, group, progress } = options;
    const bank = await loadImageBank(recipe.surveys, recipe.bankPx, progress, {
      scratch,
      memoryBytes,
      shards: recipe.shards,
      group,
    });
    const told =
      recipe.catalogue === undefined ? undefined : await catalogueShares(recipe.catalogue, recipe.surveys, bank);
    const { pictures, ...result } = trainOnBank(recipe, bank, { ...options, told });
    bank.close();
    if ((options.group?.rank ?? 0) === 0 && recipe.steps > 0) await writePretrainReport(options.out, pictures);
    return result;
  } finally {
    release();
  }
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

/** Trains on images that are there; `pretrain` reads them from surveys. The pictures are for the report. */
export function trainOnBank(
  recipe: Recipe,
  bank: ImageBank & { skipped: number },
  { out, progress, signal, group = null, told }: PretrainOptions,
): { finished: boolean; step: number; pictures: PictureRow[] } {
  // Processes that share a machine are told their threads by who starts them.
  if (recipe.threads !== undefined && group === null) setThreads(recipe.threads);
  const part = partOf(recipe, group);
  manualSeed(recipe.seed);
  const student = createStudent(recipe, told);
  const optimiser = new ScheduledOptimiser(student.learned, recipe);
  const run = openRun(out, student, optimiser, bank, { told, group });
  share(student, group);
  const sampling = samplingOf(recipe, bank);
  setPrecision(recipe.precision);
  dropRowsOf(group === null ? null : { ...part, batch: recipe.batchSize });
  const views = openViews(bank, sampling, recipe, run.clock.step * recipe.accumulate, part);
  try {
    trainSteps(
      {
        ...recipe,
        clock: run.clock,
        optimiser,
        checkpoint: run.checkpoint,
        progress,
        signal,
        learn: (step, random) => learnStep(student, views, step, random, group),
      },
      { moved: () => moved(student, run.clock.step), metrics: run.addMetrics, checkpoint: run.save },
    );
  } finally {
    views.close();
    dropRowsOf(null);
    setPrecision("float32");
  }
  run.save();
  const { step } = run.clock;
  return { finished: step >= recipe.steps, step, pictures: run.first ? picturesOf(student, bank, sampling) : [] };
}

/** All processes begin with the first one's weights, and add their gradients up. */
function share({ modules, learned }: Student, group: Group | null): void {
  group?.broadcast(Object.values(modules).flatMap((module) => Object.values(module.stateDict())));
  group?.watch(learned.map(([, parameter]) => parameter));
}
