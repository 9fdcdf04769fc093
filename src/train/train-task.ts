/** One task learned from a survey on one backbone: run folder, measures on test samples, and the head's file. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { SkyloopError } from "../base/errors.ts";
import { hashBytes, writeFileAtomic } from "../base/files.ts";
import { lockFolder } from "../base/lock.ts";
import type { Progress } from "../base/progress.ts";
import { loadBackbone } from "../models/index.ts";
import { saveHead } from "../tasks/heads.ts";
import { type AnyTask, measure, type Network, type Samples } from "../tasks/task.ts";
import { manualSeed } from "../torch/index.ts";
import { DEFAULT_LOOP, type LearnedTask, type LoopRecord, learnedTask, trainTasks, warmupOf } from "./train-tasks.ts";

/** What a run of one task is asked for. */
export interface TrainTaskOptions {
  /** A backbone of the tables of models. */
  model: string;
  /** Weights other than the released ones. */
  weights?: string;
  out: string;
  seed: number;
  steps: number;
  batchSize: number;
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
  made: { seed: number; steps: number };
}

/** Checks what the command line gave. Throws BAD_OPTION. */
function checkOptions({ steps, batchSize, sizePx, seed }: TrainTaskOptions): void {
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
function testMeasures(task: AnyTask, { network, learned, data }: TaskRun): object {
  const { measures } = measure(task, network, learned.head, data, "test");
  return { ...measures, ...task.scores?.(network, learned.head, data) };
}

/**
 * Trains a task, measures it on the test samples and writes `TASK.safetensors` and `metrics.json` into `out`; `evaluate`
 * is what stands in the latter beside how it was made, the evaluator's measures unless given. A run that was stopped
 * goes on. Null where `signal` stopped it. Throws RUN_EXISTS, BAD_OPTION, OTHER_RECIPE, DIVERGED, LOCKED and what
 * reading the samples throws.
 */
export async function trainTask<Scores extends object>(
  task: AnyTask,
  folder: string,
  options: TrainTaskOptions,
  evaluate: (run: TaskRun) => Promise<Scores> | Scores = (run) => testMeasures(task, run) as Scores,
): Promise<(TaskResult & Scores) | null> {
  const { out, seed, sizePx, frozen, steps, batchSize, progress, signal, command } = options;
  checkOptions(options);
  const path = join(out, `${task.name}.safetensors`);
  if (existsSync(path))
    throw new SkyloopError(
      "RUN_EXISTS",
      `${out} holds a trained model already; give another folder with --out, or delete it`,
    );
  mkdirSync(out, { recursive: true });
  const release = lockFolder(out, "train");
  try {
    const { inputPx, load } = await loadBackbone(options.model, options.weights);
    const data: Samples = await task.load(folder, {
      seed,
      sizePx,
      inputPx,
      progress: options.reading,
      own: options.own,
    });
    manualSeed(seed);
    const network = load();
    const learned = learnedTask(task, network, data, batchSize);
    const settings = {
      ...DEFAULT_LOOP,
      steps,
      seed,
      encoderRate: frozen ? 0 : DEFAULT_LOOP.encoderRate,
      warmupSteps: warmupOf(steps),
    };
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
    const done = trainTasks(network.backbone, [learned], settings, { out, runHash, progress, signal });
    if (!done.finished) return null;
    const run = { network, data, learned, made: { seed, steps } };
    const result = {
      survey: surveyName(folder),
      command,
      weightsHash,
      frozen,
      objects: { ...data.counts },
      ...(await evaluate(run)),
      seconds: Math.round(done.seconds),
      history: done.records,
    };
    const written = { ...result, ...task.runKey(data), settings };
    writeFileAtomic(join(out, "metrics.json"), `${JSON.stringify(written, null, 2)}\n`);
    const model = task.finish(network, learned.head, data, run.made);
    saveHead(path, task, model);
    network.backbone.dispose();
    learned.head.dispose();
    return result;
  } finally {
    release();
  }
}
