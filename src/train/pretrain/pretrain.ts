/** Pre-training of an LVM from a recipe: resumable, bit-identical after a kill, with its metrics as JSON lines. */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { SkyloopError } from "../../base/errors.ts";
import { hashBytes, writeFileAtomic } from "../../base/files.ts";
import { lockFolder } from "../../base/lock.ts";
import type { Progress } from "../../base/progress.ts";
import { Random } from "../../base/random.ts";
import { type ImageBank, loadImageBank } from "../../batches/image-bank.ts";
import { noiseTable } from "../../batches/noise.ts";
import { pooled } from "../../models/feature-pooling.ts";
import { type Projection, projectionState, readProjection } from "../../models/feature-projection.ts";
import { type FeatureReading, featuresOf, notesOf } from "../../models/feature-reader.ts";
import { growFromWeights } from "../../models/grow.ts";
import { createModel, loadWeights } from "../../models/index.ts";
import { isDecoderName, type SwinUnet } from "../../models/swin-unet.ts";
import { dropRowsOf } from "../../nn/index.ts";
import {
  AdamW,
  aboutTorch,
  cat,
  clipGradNorm,
  type Group,
  getThreads,
  manualSeed,
  noGrad,
  type Parameter,
  scope,
  setPrecision,
  setThreads,
  type Tensor,
  writeSafetensors,
} from "../../torch/index.ts";
import { loadCheckpoint, saveCheckpoint } from "../checkpoint.ts";
import { warmupCosine } from "../schedule.ts";
import { moveAverage } from "./average.ts";
import { type CatalogueShares, catalogueShares } from "./catalogue.ts";
import { fitBeside, fitReading } from "./fit-reading.ts";
import { OBJECTIVES, type Objective, type ObjectiveName } from "./objectives/index.ts";
import { featuresOfAll, sumRecord } from "./parallel.ts";
import type { Recipe } from "./recipe.ts";
import { type PictureRow, writePretrainReport } from "./report.ts";
import { Sampler, weightsOf } from "./sampler.ts";
import { openViews, type ViewSource } from "./view-source.ts";
import { makeViews, WHOLE } from "./views.ts";

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

/** Trains on images that are there; `pretrain` reads them from surveys. The pictures are for the report. */
export function trainOnBank(
  recipe: Recipe,
  bank: ImageBank & { skipped: number },
  { out, progress, signal, group = null, told }: PretrainOptions,
): { finished: boolean; step: number; pictures: PictureRow[] } {
  // Processes that share a machine are told their threads by who starts them.
  if (recipe.threads !== undefined && group === null) setThreads(recipe.threads);
  const first = group === null || group.rank === 0;
  const part = group === null ? WHOLE : { rank: group.rank, size: group.size };
  const [parts, what] = recipe.shards === undefined ? [part.size, "processes"] : [recipe.shards, "shards"];
  if (parts > recipe.batchSize)
    throw new SkyloopError(
      "BAD_RECIPE",
      `${parts} ${what} cannot share a batch of ${recipe.batchSize}; take fewer or give a larger batchSize`,
    );
  manualSeed(recipe.seed);
  const model = createModel(recipe.model).train();
  const begun = recipe.initFrom === undefined ? {} : loadWeights(model, recipe.initFrom);
  if (recipe.growFrom !== undefined) growFromWeights(model, recipe.growFrom);
  const heads = objectivesOf(recipe, model, told);
  const weights = recipe.surveys.length === 0 ? [1] : weightsOf(recipe.surveys, recipe.surveyWeights);
  const sampling = {
    surveyOf: bank.surveyOf,
    weights,
    batchSize: recipe.batchSize,
    seed: recipe.seed,
    shards: bank.shards,
  };
  // Parameters that no objective reaches (a decoder's, say) get no gradient; the optimiser leaves them alone.
  const learned: [string, Parameter][] = [...model.namedParameters()];
  for (const [name, { head }] of Object.entries(heads))
    for (const [key, parameter] of head.namedParameters()) learned.push([`${name}.${key}`, parameter]);
  const optimiser = new AdamW(learned, {
    learningRate: recipe.learningRate,
    weightDecay: recipe.weightDecay,
    noDecay: (_, parameter) => parameter.shape.length < 2,
  });
  const average = recipe.averageDecay > 0 ? createModel(recipe.model) : null;
  average?.loadStateDict(model.stateDict());
  const recipeHash = hashRecipe(recipe, bank.dataHash, told);
  const modules = {
    model,
    ...(average === null ? {} : { average }),
    ...Object.fromEntries(Object.entries(heads).map(([name, { head }]) => [name, head])),
  };
  const trained = { modules, optimiser };
  const checkpoint = join(out, "checkpoint.safetensors");
  const notes = loadCheckpoint(checkpoint, trained, recipeHash);
  let step = Number(notes?.step ?? 0);
  group?.broadcast(Object.values(modules).flatMap((module) => Object.values(module.stateDict())));
  group?.watch(learned.map(([, parameter]) => parameter));
  let [seconds, cpuSeconds] = [Number(notes?.seconds ?? 0), Number(notes?.cpuSeconds ?? 0)];
  const about = { recipe, recipeHash, dataHash: bank.dataHash, stamps: bank.count, skipped: bank.skipped };
  const machine = {
    torch: aboutTorch().version,
    threads: getThreads(),
    processes: group?.size ?? 1,
    node: process.version,
  };
  if (first) {
    writeFileAtomic(join(out, "run.json"), `${JSON.stringify({ ...about, ...machine }, null, 2)}\n`);
    trimMetrics(join(out, "metrics.jsonl"), step);
  }
  const save = () => {
    if (!first) return;
    const about = {
      step: String(step),
      seconds: String(Math.round(seconds)),
      cpuSeconds: String(Math.round(cpuSeconds)),
      recipeHash,
    };
    saveCheckpoint(checkpoint, trained, about);
    const commonRange = recipe.commonRange === "both" ? recipe.commonRange : recipe.commonRange !== false;
    const { viewPx: sizePx, pooling, views, rings } = recipe;
    // Without a step, weights whose features have rings already keep them.
    const hasRings = rings !== undefined || (recipe.steps === 0 && begun.rings === "true");
    const reading = { sizePx, pooling, commonRange, rings: hasRings, views };
    const released = average ?? model;
    // The components belong to the finished weights; features of a checkpoint are read without them.
    const projection =
      step < recipe.steps
        ? null
        : projectionOf(recipe, released, bank, reading, { heads: toldBy(heads), catalogue: told });
    exportEncoder(
      released,
      join(out, "encoder.safetensors"),
      { ...about, model: recipe.model, ...notesOf(reading) },
      projection,
    );
    projection?.mean.dispose();
    projection?.axes.dispose();
  };

  setPrecision(recipe.precision);
  dropRowsOf(group === null ? null : { ...part, batch: recipe.batchSize });
  const source = openViews(bank, sampling, recipe, step * recipe.accumulate, part);
  try {
    let [before, cpuBefore] = [performance.now(), process.cpuUsage()];
    while (step < recipe.steps && signal?.aborted !== true) {
      // Everything random in a step follows from seed and step alone, so that a resumed run is the same run.
      const random = new Random(recipe.seed).fork(`step ${step}`);
      manualSeed(random.int(2 ** 31));
      optimiser.learningRate = warmupCosine(step, recipe.steps, recipe.warmupSteps, recipe.learningRate);
      optimiser.zeroGrad();
      const passes = Array.from({ length: recipe.accumulate }, (_, i) => {
        if (i === recipe.accumulate - 1) group?.expectGradients();
        return onePass(recipe, source, step * recipe.accumulate + i, model, heads, random.fork(`pass ${i}`), group);
      });
      group?.finishGradients();
      const mean = Object.fromEntries(
        Object.keys(passes[0]).map((key) => [key, passes.reduce((sum, pass) => sum + pass[key], 0) / passes.length]),
      );
      const measured = sumRecord(mean, group);
      if (!Number.isFinite(measured.loss))
        throw new SkyloopError(
          "DIVERGED",
          `the loss is ${measured.loss} at step ${step}; the last good checkpoint is ${checkpoint}; lower the learning rate and train into a new folder`,
        );
      const gradNorm = clipGradNorm(
        learned.map(([, parameter]) => parameter),
        recipe.clipNorm,
      );
      optimiser.step();
      step++;
      if (average !== null) moveAverage(average, model, step, recipe.averageDecay);
      const [now, cpu] = [performance.now(), process.cpuUsage(cpuBefore)];
      seconds += (now - before) / 1000;
      cpuSeconds += (cpu.user + cpu.system) / 1e6;
      [before, cpuBefore] = [now, process.cpuUsage()];
      const line = {
        step,
        ...measured,
        gradNorm,
        learningRate: optimiser.learningRate,
        seconds: Math.round(seconds * 10) / 10,
        cpuSeconds: Math.round(cpuSeconds),
      };
      if (first) appendFileSync(join(out, "metrics.jsonl"), `${JSON.stringify(line)}\n`);
      progress.update(step, recipe.steps, `loss ${measured.loss.toFixed(3)}`);
      if (step % recipe.checkpointEvery === 0 && step < recipe.steps) save();
    }
  } finally {
    source.close();
    dropRowsOf(null);
    setPrecision("float32");
  }
  save();
  return {
    finished: step >= recipe.steps,
    step,
    pictures: first ? picturesOf(recipe, bank, average ?? model, heads, new Sampler(sampling)) : [],
  };
}

/** Galaxies of the report, at most. */
const SHOWN = 8;

/** Views of some galaxies, and what each objective that draws makes of them. */
function picturesOf(recipe: Recipe, bank: ImageBank, model: SwinUnet, heads: Heads, sampler: Sampler): PictureRow[] {
  const random = new Random(recipe.seed).fork("report");
  manualSeed(recipe.seed);
  model.eval();
  return noGrad(() =>
    scope(() => {
      // The first process has those of the first shard, however many processes there are.
      const own = sampler.rows(0).filter((_, place) => place % (bank.shards?.count ?? 1) === 0);
      const { views, places, rows, truth } = makeViews(
        bank,
        own.slice(0, SHOWN),
        random,
        recipe,
        noiseTable(recipe.seed),
      );
      const row = (title: string, images: Tensor): PictureRow => ({
        title,
        pixels: images.toFloat32Array(),
        sizePx: recipe.viewPx,
      });
      const step = { model, views, places, rows, truth, random, features: () => pooled(model, views, recipe.pooling) };
      return [
        row("First views of some galaxies", views.slice(0, 0, truth.length)),
        row("Second views of the same", views.slice(0, truth.length, 2 * truth.length)),
        ...Object.values(heads).flatMap(
          ({ head }) => head.pictures?.(step).map(({ title, images }) => row(title, images)) ?? [],
        ),
      ];
    }),
  );
}

/** The projection of finished weights; null where the recipe asks for none. Throws BAD_RECIPE. */
function projectionOf(
  { projection: dim, rings, steps, seed, initFrom }: Recipe,
  model: SwinUnet,
  bank: ImageBank,
  reading: Omit<FeatureReading, "projection">,
  told: { heads: Tensor | null; catalogue: CatalogueShares | undefined },
): Projection | null {
  if (steps > 0)
    return dim === undefined
      ? null
      : scope(() => fitReading(model, bank, reading, { dim, seed, told: told.heads, rings }));
  const given = initFrom === undefined ? null : readProjection(initFrom);
  const width = featuresOf(model, { ...reading, rings: reading.rings && rings === undefined, projection: null }).dim;
  if (given === null || given.axes.shape[0] !== width)
    throw new SkyloopError(
      "BAD_RECIPE",
      `with 0 steps the projection of initFrom is kept: ${initFrom ?? "nothing"} has ${given === null ? "none" : `one of ${given.axes.shape[0]} numbers`}, the recipe's reading has ${width}; give the reading of those weights`,
    );
  const whole = fitBeside(model, bank, reading, given, { seed, rings: rings ?? 0, catalogue: told.catalogue });
  for (const part of [given.mean, given.axes]) if (whole !== given) part.dispose();
  return whole;
}

type Heads = Record<string, { head: Objective; weight: number }>;

function objectivesOf(recipe: Recipe, model: SwinUnet, told?: CatalogueShares): Heads {
  const wanted = Object.entries(recipe.objectives).filter(
    (entry): entry is [ObjectiveName, number] => entry[1] !== undefined,
  );
  return Object.fromEntries(
    wanted.map(([name, weight]) => [name, { head: OBJECTIVES[name](model, recipe.pooling, told), weight }]),
  );
}

/** What all heads tell of a galaxy, [n, D]; null where none does. */
function toldBy(heads: Heads): Tensor | null {
  const all = Object.values(heads).flatMap(({ head }) => head.told?.().detach() ?? []);
  return all.length === 0 ? null : cat(all, 0);
}

/** Loss and gradients of one pass, added to those there are; the loss and its parts for the record. */
function onePass(
  recipe: Recipe,
  source: ViewSource,
  pass: number,
  model: SwinUnet,
  heads: Heads,
  random: Random,
  group: Group | null,
): Record<string, number> {
  return scope(() => {
    const start = performance.now();
    const { views, places, rows, truth } = source.views(pass);
    const waitMs = performance.now() - start;
    // Means over the part are weighted by it: batches need not divide evenly.
    const share = places.length / truth.length;
    let features: Tensor | null = null;
    const material = {
      model,
      views,
      places,
      rows,
      truth,
      random,
      features() {
        features ??= featuresOfAll(pooled(model, views, recipe.pooling), places, truth.length, group);
        return features;
      },
    };
    let total: Tensor | null = null;
    const record: Record<string, number> = { loss: 0 };
    for (const { head, weight } of Object.values(heads)) {
      const { loss, parts } = head.loss(material);
      total = total === null ? loss.mul(weight) : total.add(loss.mul(weight));
      Object.assign(record, parts);
    }
    const mean = (total as Tensor | null)?.mul(share / recipe.accumulate);
    record.loss = ((mean?.item() ?? 0) * recipe.accumulate) / share;
    if (Number.isFinite(record.loss)) mean?.backward();
    // What the model waited for its material.
    record.waitMs = waitMs;
    return group === null
      ? record
      : Object.fromEntries(Object.entries(record).map(([key, value]) => [key, value * share]));
  });
}

/**
 * Names recipe and data: a run goes on only with the same. Where surveys and first weights stand does not matter, what
 * they hold does; how features are read afterwards and who makes the views changes no weight.
 */
function hashRecipe(recipe: Recipe, dataHash: string, told?: CatalogueShares): string {
  const {
    surveys: _,
    initFrom,
    growFrom,
    views: __,
    projection: ___,
    viewsAhead: ____,
    rings: _____,
    ...settings
  } = recipe;
  return hashBytes(
    JSON.stringify({
      ...settings,
      commonRange: recipe.commonRange === true,
      drawnBy: "galaxy",
      init: initFrom === undefined ? null : hashBytes(readFileSync(initFrom)),
      ...(growFrom === undefined ? {} : { grown: hashBytes(readFileSync(growFrom)) }),
      data: dataHash,
      ...(told === undefined
        ? {}
        : { told: [told.share, told.weight].map((all) => hashBytes(new Uint8Array(all.buffer))) }),
    }),
  );
}

/** Drops lines of steps that the checkpoint does not know: they are done again. */
function trimMetrics(path: string, step: number): void {
  if (!existsSync(path)) return;
  const lines = readFileSync(path, "utf8").split("\n");
  const kept = lines.filter((line) => line.endsWith("}") && (JSON.parse(line) as { step: number }).step <= step);
  writeFileAtomic(path, kept.map((line) => `${line}\n`).join(""));
}

/** Writes the encoder's parameters in half precision, and the projection of its features in full. */
export function exportEncoder(
  model: SwinUnet,
  path: string,
  metadata: Record<string, string>,
  projection: Projection | null = null,
): void {
  scope(() => {
    const encoder = Object.entries(model.stateDict()).filter(([name]) => !isDecoderName(name));
    const state = Object.fromEntries(encoder.map(([name, value]) => [name, value.detach().to("float16")]));
    writeSafetensors(path, projection === null ? state : { ...state, ...projectionState(projection) }, {
      ...metadata,
      part: "encoder",
      dtype: "float16",
    });
  });
}
