/** The folder of a pre-training run: what it is, its metrics, its checkpoint, and the encoder that it gives. */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { hashBytes, writeFileAtomic } from "../../base/files.ts";
import type { ImageBank } from "../../batches/image-bank.ts";
import { halved, type Projection, projectionState } from "../../models/feature-projection.ts";
import { notesOf } from "../../models/feature-reader.ts";
import { isDecoderName, type SwinUnet } from "../../models/swin-unet.ts";
import { aboutTorch, type Group, getThreads, scope, writeSafetensors } from "../../torch/index.ts";
import { loadCheckpoint, saveCheckpoint } from "../checkpoint.ts";
import type { ScheduledOptimiser } from "../optimiser.ts";
import type { Clock, Hooks } from "../trainer.ts";
import type { CatalogueShares } from "./catalogue.ts";
import { featureReadingOf, type Recipe } from "./recipe.ts";
import type { Student } from "./student.ts";

/** A run's folder while it trains. */
export interface RunFolder {
  /** Where the checkpoint stands, and how far it was. */
  checkpoint: string;
  clock: Clock;
  /** Whether this process writes it: the first of those that train together. */
  first: boolean;
  /** Adds a line to `metrics.jsonl`. */
  addMetrics: NonNullable<Hooks["metrics"]>;
  /** Writes the checkpoint, and `encoder.safetensors` with the projection of its features where there is one. */
  save(projection?: Projection | null): void;
}

/** Recipe, images, what catalogues say of them, and the processes: by these a folder's checkpoint is known again. */
export interface RunFacts {
  recipe: Recipe;
  bank: ImageBank & { skipped: number };
  told?: CatalogueShares;
  group: Group | null;
}

/** Opens a run's folder and brings the student to its checkpoint. Throws OTHER_RECIPE. */
export function openRun(out: string, student: Student, { adam }: ScheduledOptimiser, facts: RunFacts): RunFolder {
  const { recipe, bank, told, group } = facts;
  const first = group === null || group.rank === 0;
  const recipeHash = hashRecipe(recipe, bank.dataHash, told);
  const trained = { modules: student.modules, optimiser: adam };
  const checkpoint = join(out, "checkpoint.safetensors");
  const notes = loadCheckpoint(checkpoint, trained, recipeHash);
  const clock = {
    step: Number(notes?.step ?? 0),
    seconds: Number(notes?.seconds ?? 0),
    cpuSeconds: Number(notes?.cpuSeconds ?? 0),
  };
  const metrics = join(out, "metrics.jsonl");
  if (first) {
    writeAbout(join(out, "run.json"), recipeHash, facts);
    trimMetrics(metrics, clock.step);
  }
  const reading = featureReadingOf(recipe, student.begun);
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
    save(projection = null) {
      if (!first) return;
      const about = {
        step: String(clock.step),
        seconds: String(Math.round(clock.seconds)),
        cpuSeconds: String(Math.round(clock.cpuSeconds)),
        recipeHash,
      };
      saveCheckpoint(checkpoint, trained, about);
      const { average, model } = student;
      const noted = { ...about, model: recipe.model, ...notesOf(reading) };
      exportEncoder(average ?? model, join(out, "encoder.safetensors"), noted, projection);
    },
  };
}

/** Writes what a run is and where it runs. */
function writeAbout(path: string, recipeHash: string, { recipe, bank, group }: RunFacts): void {
  const { dataHash, count: stamps, skipped } = bank;
  const about = { recipe, recipeHash, dataHash, stamps, skipped };
  const machine = {
    torch: aboutTorch().version,
    threads: getThreads(),
    processes: group?.size ?? 1,
    node: process.version,
  };
  writeFileAtomic(path, `${JSON.stringify({ ...about, ...machine }, null, 2)}\n`);
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
    structures: ______,
    ellipses: _______,
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

/** Writes the encoder's parameters and the axes of its features' projection in half precision. */
function exportEncoder(
  model: SwinUnet,
  path: string,
  metadata: Record<string, string>,
  projection: Projection | null = null,
): void {
  scope(() => {
    const encoder = Object.entries(model.stateDict()).filter(([name]) => !isDecoderName(name));
    const state = Object.fromEntries(encoder.map(([name, value]) => [name, value.detach().to("float16")]));
    writeSafetensors(path, projection === null ? state : { ...state, ...projectionState(halved(projection)) }, {
      ...metadata,
      part: "encoder",
      dtype: "float16",
    });
  });
}
