/** One task learned from a survey on one backbone: run folder, measures on test samples, and the head's file. */
import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { SkyloopError } from "../base/errors.ts";
import { hashBytes, writeFileAtomic } from "../base/files.ts";
import { lockFolder } from "../base/lock.ts";
import type { Progress } from "../base/progress.ts";
import { checkBackbone, loadBackbone } from "../models/index.ts";
import { saveHead } from "../tasks/heads.ts";
import { type AnyTask, measure, type Network, type NetworkSource, type Samples } from "../tasks/task.ts";
import { manualSeed } from "../torch/index.ts";
import {
  bestOf,
  checkpointOf,
  DEFAULT_LOOP,
  type LearnedTask,
  type LoopRecord,
  type LoopSettings,
  learnedTask,
  trainTasks,
  warmupOf,
} from "./train-tasks.ts";

/** What a run of one task is asked for. */
export interface TrainTaskOptions {
  /** A backbone of the tables of models. */
  model: string;
  /** Weights other than the released ones. */
  weights?: string;
  /** Feature set to read in place of a frozen model's own, for tasks that read features from disk. */
  features?: string;
  out: string;
  /** File of the head in `out`; TASK.safetensors unless given. */
  headFile?: string;
  seed: number;
  /** Steps, and samples a step in units of the task's `batchTimes`; the task says unless they are given. */
  steps?: number;
  batchSize?: number;
  /** Side of crops, for tasks that learn from crops. */
  sizePx: number;
  /** Whether the backbone keeps its weights. */
  frozen: boolean;
  /** What the task alone knows. */
  own?: Record<string, unknown>;
  command: string;
  /** Of reading the stamps, and of training. */
  reading: Progress;
  progress: Progress;
  signal?: AbortSignal;
}

/** What every run of one task leaves in `metrics.json`. */
export interface TaskResult {
  survey: string;
  command: string;
  weightsHash: string;
  frozen: boolean;
  objects: Samples["counts"] & Record<string, number>;
  seconds: number;
  history: LoopRecord[];
}

/** A finished training, before it is written. */
export interface TaskRun {
  network: Network;
  data: Samples;
  learned: LearnedTask;
  /** Samples of a step, in units of the task's `batchTimes`. */
  batchSize: number;
  /** What is written and used. */
  model: unknown;
  /** One for each validation, and which of them the head is of where the best is kept. */
  records: LoopRecord[];
  best: number | null;
}

/** Checks what the command line gave. Throws BAD_OPTION. */
function checkOptions({ steps = 1, batchSize = 1, sizePx, seed }: TrainTaskOptions): void {
  const wholes = [
    ["--steps", steps, 1],
    ["--batch", batchSize, 1],
    ["--seed", seed, 0],
  ] as const;
  for (const [name, value, least] of wholes)
    if (!Number.isInteger(value) || value < least)
      throw new SkyloopError("BAD_OPTION", `${name} is a whole number from ${least}, not ${value}`);
  if (!Number.isInteger(sizePx) || sizePx < 32 || sizePx % 32 !== 0)
    throw new SkyloopError("BAD_OPTION", `--size is a multiple of 32 px, not ${sizePx}`);
}

/** The name of a survey's folder. */
const surveyName = (folder: string) => folder.split(/[/\\]/).filter(Boolean).at(-1) ?? folder;

/** The evaluator's measures of the test samples. */
function testMeasures(task: AnyTask, { network, learned, data, model }: TaskRun): object {
  const { measures } = measure(task, network, learned.head, data, "test");
  return { ...measures, ...task.scores?.(network, learned.head, data, model) };
}

/** The backbone of a run, or what the task has in its place. Throws BACKBONE_LACKS. */
async function sourceOf(task: AnyTask, folder: string, options: TrainTaskOptions): Promise<NetworkSource> {
  const { model, weights, features, frozen, reading: progress } = options;
  const own: NetworkSource | null =
    (await task.network?.({ folder, model, weights, features, frozen, progress })) ?? null;
  const source = own ?? (await loadBackbone(model, weights));
  checkBackbone(task.name, task.needs, source);
  return source;
}

/** How the run learns: as it was asked for, else as the task would, else as any. */
function settingsOf(task: AnyTask, data: Samples, network: Network, options: TrainTaskOptions) {
  const { seed, frozen } = options;
  const { batchSize: usual, ...schedule } = task.schedule?.(data, network, frozen) ?? {};
  const { steps = schedule.steps ?? DEFAULT_LOOP.steps, batchSize = usual ?? DEFAULT_BATCH } = options;
  const settings: LoopSettings = {
    ...DEFAULT_LOOP,
    warmupSteps: warmupOf(steps),
    ...schedule,
    steps,
    seed,
    encoderRate: frozen ? 0 : (schedule.encoderRate ?? DEFAULT_LOOP.encoderRate),
  };
  return { settings, batchSize };
}

/** Crops of a step. */
const DEFAULT_BATCH = 16;

/** Makes a run's folder and keeps others out of it. What is returned lets them in, and removes it where it is empty. */
function claim(out: string): () => void {
  mkdirSync(out, { recursive: true });
  const release = lockFolder(out, "train");
  return () => {
    release();
    if (readdirSync(out).length === 0) rmdirSync(out);
  };
}

/**
 * Trains a task, measures it on the test samples and writes its head and `metrics.json` into `out`; `evaluate` is what
 * stands in the latter beside how it was made, the evaluator's measures unless given. A run that was stopped goes on.
 * Null where `signal` stopped it. Throws RUN_EXISTS, BAD_OPTION, BACKBONE_LACKS, OTHER_RECIPE, DIVERGED, LOCKED and what
 * reading the samples throws.
 */
export async function trainTask<Scores extends object>(
  task: AnyTask,
  folder: string,
  options: TrainTaskOptions,
  evaluate: (run: TaskRun) => Promise<Scores> | Scores = (run) => testMeasures(task, run) as Scores,
): Promise<(TaskResult & Scores) | null> {
  const { out, headFile = `${task.name}.safetensors`, seed, sizePx, frozen, progress, signal, command } = options;
  checkOptions(options);
  const path = join(out, headFile);
  if (existsSync(path))
    throw new SkyloopError(
      "RUN_EXISTS",
      `${out} holds a trained model already; give another folder with --out, or delete it`,
    );
  const release = claim(out);
  try {
    const source = await sourceOf(task, folder, options);
    const { inputPx, inputs, features } = source;
    const { reading, own } = options;
    const data: Samples = await task.load(folder, { seed, sizePx, inputPx, inputs, progress: reading, own });
    manualSeed(seed);
    const network = source.load(data);
    const { settings, batchSize } = settingsOf(task, data, network, options);
    const learned = learnedTask(task, network, data, batchSize);
    const { weightsHash } = network;
    const key = {
      task: task.name,
      settings,
      sizePx,
      batchSize,
      ...task.runKey(data),
      weightsHash,
      data: data.dataHash,
    };
    const runHash = hashBytes(JSON.stringify(key));
    const done = await trainTasks(network.backbone, [learned], settings, { out, runHash, progress, signal });
    if (!done.finished) return null;
    const { records, best } = done;
    const made = { seed, steps: records.at(-1)?.step ?? 0, ...(features === undefined ? {} : { features }) };
    const model: unknown = task.finish(network, learned.head, data, made);
    const run = { network, data, learned, batchSize, model, records, best };
    const result = {
      survey: surveyName(folder),
      command,
      weightsHash,
      frozen,
      objects: { ...data.counts },
      seconds: Math.round(done.seconds),
      history: records,
      ...(await evaluate(run)),
    };
    const written = { ...result, ...task.runKey(data), settings };
    writeFileAtomic(join(out, "metrics.json"), `${JSON.stringify(written, null, 2)}\n`);
    saveHead(path, task, model);
    for (const file of [checkpointOf(out), bestOf(out)]) rmSync(file, { force: true });
    network.backbone.dispose();
    network.reader.dispose();
    learned.head.dispose();
    return result as TaskResult & Scores;
  } finally {
    release();
  }
}
