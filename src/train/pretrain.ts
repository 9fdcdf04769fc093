/** Self-supervised pre-training of an LVM from a recipe: resumable, bit-identical after a kill, with its metrics as JSON lines. */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { SkyloopError } from "../base/errors.ts";
import { hashBytes, lockFolder, readJson, writeFileAtomic } from "../base/files.ts";
import type { Progress } from "../base/progress.ts";
import { Random } from "../base/random.ts";
import { DEFAULT_AUGMENT } from "../batches/augment.ts";
import { type ImageBank, loadImageBank } from "../batches/image-bank.ts";
import { createModel } from "../models/index.ts";
import type { SwinUnet } from "../models/swin-unet.ts";
import { AdamW, aboutTorch, clipGradNorm, getThreads, manualSeed, scope, setThreads, type Tensor, tensor, writeSafetensors } from "../torch/index.ts";
import { loadCheckpoint, saveCheckpoint } from "./checkpoint.ts";
import { DEFAULT_VICREG, VicregHead } from "./objectives/vicreg.ts";
import { warmupCosine } from "./schedule.ts";

/** A recipe file. Surveys are folders, relative to the recipe's own folder or given on the command line. */
export const Recipe = z.strictObject({
  model: z.string(),
  surveys: z.array(z.string()).default([]),
  /** Side of the images kept in memory, and of the views the model sees. */
  bankPx: z.int().positive(),
  viewPx: z.int().positive(),
  objective: z.literal("vicreg"),
  steps: z.int().positive(),
  batchSize: z.int().min(2),
  learningRate: z.number().positive(),
  weightDecay: z.number().min(0).default(0.05),
  warmupSteps: z.int().min(1).default(100),
  clipNorm: z.number().positive().default(3),
  checkpointEvery: z.int().positive().default(100),
  seed: z.int().min(0),
  threads: z.int().positive().optional(),
});
export type Recipe = z.infer<typeof Recipe>;

/** Reads and checks a recipe. Throws BAD_RECIPE naming each fault. */
export function readRecipe(path: string): Recipe {
  const parsed = Recipe.safeParse(readJson(path));
  if (!parsed.success) throw new SkyloopError("BAD_RECIPE", `${path}: ${z.prettifyError(parsed.error).replaceAll("\n", "; ")}`);
  return { ...parsed.data, surveys: parsed.data.surveys.map((folder) => resolve(path, "..", folder)) };
}

export interface PretrainOptions {
  /** The run's folder: recipe, metrics, checkpoint, weights. */
  out: string;
  progress: Progress;
  /** Stops after the step in which it fires; the checkpoint is then written. */
  signal?: AbortSignal;
}

/** Trains to the recipe's last step and writes `encoder.safetensors` (half precision) into the run's folder. Throws DIVERGED, LOCKED, OTHER_RECIPE. */
export async function pretrain(recipe: Recipe, options: PretrainOptions): Promise<{ finished: boolean; step: number }> {
  mkdirSync(options.out, { recursive: true });
  const release = lockFolder(options.out, "pretrain");
  try {
    const bank = await loadImageBank(recipe.surveys, recipe.bankPx, options.progress);
    if (bank.count < recipe.batchSize)
      throw new SkyloopError("TOO_FEW_STAMPS", `${bank.count} stamps do not fill a batch of ${recipe.batchSize}; give more surveys or a smaller batch`);
    return trainOnBank(recipe, bank, options);
  } finally {
    release();
  }
}

/** Trains on images in memory; `pretrain` reads them from surveys. */
export function trainOnBank(
  recipe: Recipe,
  bank: ImageBank & { skipped: number },
  { out, progress, signal }: PretrainOptions,
): { finished: boolean; step: number } {
  if (recipe.threads !== undefined) setThreads(recipe.threads);
  manualSeed(recipe.seed);
  const model = createModel(recipe.model).train();
  const head = new VicregHead(model.featureDim, DEFAULT_VICREG);
  // Without a decoder's loss its parameters get no gradient; the optimiser leaves them alone.
  const learned: [string, typeof model.norm.weight][] = [
    ...model.namedParameters(),
    ...Array.from(head.namedParameters(), ([name, parameter]) => [`head.${name}`, parameter] as [string, typeof parameter]),
  ];
  const optimiser = new AdamW(learned, {
    learningRate: recipe.learningRate,
    weightDecay: recipe.weightDecay,
    noDecay: (_, parameter) => parameter.shape.length < 2,
  });
  const { surveys: _, ...settings } = recipe;
  const recipeHash = hashBytes(JSON.stringify({ ...settings, data: bank.dataHash }));
  const trained = { modules: { model, head }, optimiser };
  const checkpoint = join(out, "checkpoint.safetensors");
  const notes = loadCheckpoint(checkpoint, trained, recipeHash);
  let step = Number(notes?.step ?? 0);
  let seconds = Number(notes?.seconds ?? 0);
  writeFileAtomic(
    join(out, "run.json"),
    `${JSON.stringify({ recipe, recipeHash, dataHash: bank.dataHash, stamps: bank.count, skipped: bank.skipped, torch: aboutTorch().version, threads: getThreads(), node: process.version }, null, 2)}\n`,
  );
  trimMetrics(join(out, "metrics.jsonl"), step);
  const save = () => saveCheckpoint(checkpoint, trained, { step: String(step), seconds: String(seconds), recipeHash });

  const views = { ...DEFAULT_AUGMENT, sizePx: recipe.viewPx };
  let before = performance.now();
  while (step < recipe.steps && signal?.aborted !== true) {
    // Everything random in a step follows from seed and step alone, so that a resumed run is the same run.
    const random = new Random(recipe.seed).fork(`step ${step}`);
    manualSeed(random.int(2 ** 31));
    const rate = warmupCosine(step, recipe.steps, recipe.warmupSteps, recipe.learningRate);
    optimiser.learningRate = rate;
    const measured = scope(() => {
      const images = pickBatch(bank, recipe, step);
      optimiser.zeroGrad();
      const { loss, parts } = head.loss(model, images, random, views);
      const value = loss.item();
      if (!Number.isFinite(value))
        throw new SkyloopError(
          "DIVERGED",
          `the loss is ${value} at step ${step}; the last good checkpoint is ${checkpoint}; lower the learning rate and train into a new folder`,
        );
      loss.backward();
      return {
        loss: value,
        ...parts,
        gradNorm: clipGradNorm(
          learned.map(([, parameter]) => parameter),
          recipe.clipNorm,
        ),
      };
    });
    optimiser.step();
    step++;
    const now = performance.now();
    seconds += (now - before) / 1000;
    before = now;
    appendFileSync(join(out, "metrics.jsonl"), `${JSON.stringify({ step, ...measured, learningRate: rate, seconds: Math.round(seconds * 10) / 10 })}\n`);
    progress.update(step, recipe.steps, `loss ${measured.loss.toFixed(3)}`);
    if (step % recipe.checkpointEvery === 0) save();
  }
  save();
  exportEncoder(model, join(out, "encoder.safetensors"), { model: recipe.model, step: String(step), recipeHash, seconds: String(Math.round(seconds)) });
  return { finished: step >= recipe.steps, step };
}

/** The images of step `step`: every stamp once an epoch, in an order that seed and epoch decide. */
function pickBatch(bank: ImageBank, recipe: Recipe, step: number): Tensor {
  const perEpoch = Math.floor(bank.count / recipe.batchSize);
  const epoch = Math.floor(step / perEpoch);
  const order = new Random(recipe.seed).fork(`epoch ${epoch}`).shuffle(Uint32Array.from({ length: bank.count }, (_, i) => i));
  const at = (step % perEpoch) * recipe.batchSize;
  const index = BigInt64Array.from(order.subarray(at, at + recipe.batchSize), BigInt);
  return bank.images.indexSelect(0, tensor(index, [index.length])).to("float32");
}

/** Drops lines of steps that the checkpoint does not know: they are done again. */
function trimMetrics(path: string, step: number): void {
  if (!existsSync(path)) return;
  const lines = readFileSync(path, "utf8").split("\n");
  const kept = lines.filter((line) => line.endsWith("}") && (JSON.parse(line) as { step: number }).step <= step);
  writeFileAtomic(path, kept.map((line) => `${line}\n`).join(""));
}

/** Writes the encoder's parameters in half precision. */
export function exportEncoder(model: SwinUnet, path: string, metadata: Record<string, string>): void {
  scope(() => {
    const encoder = Object.entries(model.stateDict()).filter(([name]) => !/^(layers_up|concat_back_dim|norm_up|up|output)\b/.test(name));
    writeSafetensors(path, Object.fromEntries(encoder.map(([name, value]) => [name, value.detach().to("float16")])), {
      ...metadata,
      part: "encoder",
      dtype: "float16",
    });
  });
}
