/** The folder of a pre-training run: what it is, its metrics, its checkpoint, and the encoder that it gives. */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { SkyloopError } from "../../base/errors.ts";
import { hashBytes, writeFileAtomic } from "../../base/files.ts";
import type { ImageBank } from "../../batches/image-bank.ts";
import { type Projection, projectionState, readProjection } from "../../models/feature-projection.ts";
import { type FeatureReading, featuresOf, notesOf } from "../../models/feature-reader.ts";
import { isDecoderName, type SwinUnet } from "../../models/swin-unet.ts";
import { aboutTorch, type Group, getThreads, scope, type Tensor, writeSafetensors } from "../../torch/index.ts";
import { loadCheckpoint, saveCheckpoint } from "../checkpoint.ts";
import type { ScheduledOptimiser } from "../optimiser.ts";
import type { Clock, Hooks } from "../trainer.ts";
import type { CatalogueShares } from "./catalogue.ts";
import { fitBeside, fitReading } from "./fit-reading.ts";
import type { Recipe } from "./recipe.ts";
import { type Student, toldBy } from "./student.ts";

/** A run's folder while it trains. */
export interface RunFolder {
  /** Where the checkpoint stands, and how far it was. */
  checkpoint: string;
  clock: Clock;
  /** Whether this process writes it: the first of those that train together. */
  first: boolean;
  /** Adds a line to `metrics.jsonl`. */
  addMetrics: NonNullable<Hooks["metrics"]>;
  /** Writes the checkpoint and `encoder.safetensors`; at the last step with the projection of its features. */
  save(): void;
}

/** Opens a run's folder and brings the student to its checkpoint. Throws OTHER_RECIPE. */
export function openRun(
  out: string,
  student: Student,
  { adam }: ScheduledOptimiser,
  bank: ImageBank & { skipped: number },
  { told, group }: { told?: CatalogueShares; group: Group | null },
): RunFolder {
  const { recipe, modules } = student;
  const first = group === null || group.rank === 0;
  const recipeHash = hashRecipe(recipe, bank.dataHash, told);
  const trained = { modules, optimiser: adam };
  const checkpoint = join(out, "checkpoint.safetensors");
  const notes = loadCheckpoint(checkpoint, trained, recipeHash);
  const clock = {
    step: Number(notes?.step ?? 0),
    seconds: Number(notes?.seconds ?? 0),
    cpuSeconds: Number(notes?.cpuSeconds ?? 0),
  };
  const metrics = join(out, "metrics.jsonl");
  if (first) {
    writeAbout(join(out, "run.json"), recipe, recipeHash, bank, group);
    trimMetrics(metrics, clock.step);
  }
  return {
    checkpoint,
    clock,
    first,
    addMetrics(measured, gradNorm, learningRate) {
      const { step, seconds, cpuSeconds } = clock;
      const times = { seconds: Math.round(seconds * 10) / 10, cpuSeconds: Math.round(cpuSeconds) };
      const line = { step, ...measured, gradNorm, learningRate, ...times };
      if (first) appendFileSync(metrics, `${JSON.stringify(line)}\n`);
    },
    save() {
      if (!first) return;
      const about = {
        step: String(clock.step),
        seconds: String(Math.round(clock.seconds)),
        cpuSeconds: String(Math.round(clock.cpuSeconds)),
        recipeHash,
      };
      saveCheckpoint(checkpoint, trained, about);
      saveEncoder(join(out, "encoder.safetensors"), student, { bank, told }, clock, about);
    },
  };
}

/** Writes what a run is and where it runs. */
function writeAbout(
  path: string,
  recipe: Recipe,
  recipeHash: string,
  { dataHash, count: stamps, skipped }: ImageBank & { skipped: number },
  group: Group | null,
): void {
  const about = { recipe, recipeHash, dataHash, stamps, skipped };
  const machine = {
    torch: aboutTorch().version,
    threads: getThreads(),
    processes: group?.size ?? 1,
    node: process.version,
  };
  writeFileAtomic(path, `${JSON.stringify({ ...about, ...machine }, null, 2)}\n`);
}

/** Writes the encoder as it is now, with the reading of its features. */
function saveEncoder(
  path: string,
  student: Student,
  { bank, told }: { bank: ImageBank; told?: CatalogueShares },
  { step }: Clock,
  about: Record<string, string>,
): void {
  const { recipe, average, model, begun } = student;
  const commonRange = recipe.commonRange === "both" ? recipe.commonRange : recipe.commonRange !== false;
  const { viewPx: sizePx, pooling, views, rings } = recipe;
  // Without a step, weights whose features have rings already keep them.
  const hasRings = rings !== undefined || (recipe.steps === 0 && begun.rings === "true");
  const reading = { sizePx, pooling, commonRange, rings: hasRings, views };
  const released = average ?? model;
  // The components belong to the finished weights; features of a checkpoint are read without them.
  const known = { heads: toldBy(student), catalogue: told };
  const projection = step < recipe.steps ? null : projectionOf(recipe, released, bank, reading, known);
  exportEncoder(released, path, { ...about, model: recipe.model, ...notesOf(reading) }, projection);
  projection?.mean.dispose();
  projection?.axes.dispose();
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
function exportEncoder(
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
