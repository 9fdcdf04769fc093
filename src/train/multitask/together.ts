/**
 * Tasks learned together on one backbone: `pretrain` keeps it as pre-training left it, `uniform` gives every task the
 * same share of the steps, `active` gives more to those that do worse on their validation samples. Test samples are
 * looked at once, at the end.
 */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { SkyloopError } from "../../base/errors.ts";
import { hashBytes, hashFile, writeFileAtomic } from "../../base/files.ts";
import { lockFolder } from "../../base/lock.ts";
import type { Progress } from "../../base/progress.ts";
import { isProjectionName } from "../../models/feature-projection.ts";
import { checkBackbone, loadBackbone, releasedWeights } from "../../models/index.ts";
import { lineChart } from "../../plot/lines.ts";
import { CLASS_BATCH_TIMES } from "../../tasks/classify/task.ts";
import { saveHead } from "../../tasks/heads.ts";
import { type AnyTask, measure, type Network, type SampleOptions, type Samples } from "../../tasks/task.ts";
import { manualSeed, readSafetensors, scope, writeSafetensors } from "../../torch/index.ts";
import type { ActiveShares } from "../shares.ts";
import {
  DEFAULT_LOOP,
  type LearnedTask,
  type LoopRecord,
  type LoopSettings,
  learnedTask,
  trainTasks,
  warmupOf,
} from "../train-tasks.ts";

/** Ways to share the steps. */
export const STRATEGIES = ["pretrain", "uniform", "active"] as const;
/** A way of STRATEGIES. */
export type Strategy = (typeof STRATEGIES)[number];

/** A task of a run and where its samples come from; `data` spares several runs to read them again. */
export interface TaskSource {
  task: AnyTask;
  survey: string;
  options: Pick<SampleOptions, "seed" | "own" | "mostTrain">;
  data?: Samples;
}

/** What a run of several tasks is asked for. */
export interface TogetherOptions {
  strategy: Strategy;
  /** In the order in which they take turns. */
  tasks: TaskSource[];
  model: string;
  weights?: string;
  out: string;
  /** Of initial weights and order. */
  seed: number;
  /** Seeds of the splits, as the record names them. */
  splits: Record<string, number>;
  steps: number;
  batchSize: number;
  sizePx: number;
  active: ActiveShares;
  /** Steps between two estimates of the shares. */
  validateEvery: number;
  command: string;
  /** Of reading the surveys, and of training. */
  reading: Progress;
  progress: Progress;
  signal?: AbortSignal;
}

/** What a run leaves in `metrics.json`, beside the scores of each task under its name. */
export interface TogetherResult {
  strategy: Strategy;
  command: string;
  model: string;
  weightsHash: string;
  seed: number;
  steps: number;
  objects: Record<string, Samples["counts"]>;
  /** Steps that each task got, in their order. */
  stepsOfTask: number[];
  seconds: number;
  history: LoopRecord[];
}

/**
 * Of the encoder, in units of the heads' learning rate. Half of what one image task alone uses: gradients of the image
 * tasks in the encoder are far smaller than those of the classes, so that what Adam does in their steps is to repeat
 * the classes' last ones.
 */
const ENCODER_RATE = 0.1;

/** Checks what the command line gave. Throws BAD_OPTION, RUN_EXISTS. */
export function checkOptions({
  steps,
  batchSize,
  validateEvery,
  out,
}: Pick<TogetherOptions, "steps" | "batchSize" | "validateEvery" | "out">): void {
  for (const [name, value] of Object.entries({
    "--steps": steps,
    "--batch": batchSize,
    "--share-every": validateEvery,
  }))
    if (!Number.isInteger(value) || value < 1)
      throw new SkyloopError("BAD_OPTION", `${name} is a whole number from 1, not ${value}`);
  if (existsSync(join(out, "metrics.json")))
    throw new SkyloopError(
      "RUN_EXISTS",
      `${out} holds a finished run already; give another folder with --out, or delete it`,
    );
}

function settingsOf({ strategy, steps, seed, validateEvery, active }: TogetherOptions): LoopSettings {
  return {
    ...DEFAULT_LOOP,
    steps,
    seed,
    warmupSteps: warmupOf(steps),
    validateEvery,
    checkpointEvery: validateEvery,
    encoderRate: strategy === "pretrain" ? 0 : ENCODER_RATE,
    active: strategy === "active" ? active : null,
  };
}

/** A task that is learned, with its samples. */
interface Member {
  task: AnyTask;
  data: Samples;
  learned: LearnedTask;
}

/** Everything that decides a run, beside what is done with it. */
function runHashOf(options: TogetherOptions, settings: LoopSettings, members: Member[], weightsHash: string): string {
  const { strategy, splits, batchSize, sizePx } = options;
  return hashBytes(
    JSON.stringify({
      strategy,
      settings,
      ...splits,
      batchSize,
      classBatch: CLASS_BATCH_TIMES,
      sizePx,
      ...Object.assign({}, ...members.map(({ task, data }) => task.runKey(data))),
      weightsHash,
      ...Object.fromEntries(members.map(({ task, data }) => [task.source, data.dataHash])),
    }),
  );
}

/**
 * Trains by one strategy and writes the encoder, a head a task, `metrics.json`, `shares.svg` and `validation.svg` into
 * `out`; a run that was stopped goes on. Null where `signal` stopped it. Throws RUN_EXISTS, BAD_OPTION, OTHER_RECIPE,
 * LOCKED and what reading the samples throws.
 */
export async function trainTogether(
  options: TogetherOptions,
): Promise<(TogetherResult & Record<string, unknown>) | null> {
  checkOptions(options);
  mkdirSync(options.out, { recursive: true });
  const release = lockFolder(options.out, "train");
  try {
    const backbone = await loadBackbone(options.model, options.weights);
    for (const { task } of options.tasks) checkBackbone(task.name, task.needs, backbone);
    const { inputPx, load } = backbone;
    const sources = await loadAll(options, inputPx);
    manualSeed(options.seed);
    const network = load();
    const members = sources.map(({ task, data }) => ({
      task,
      data,
      learned: learnedTask(task, network, data, options.batchSize),
    }));
    const result = await learnAll(options, network, members);
    network.backbone.dispose();
    for (const { learned } of members) learned.head.dispose();
    return result;
  } finally {
    release();
  }
}

/** Samples of every task, read once for tasks of the same source and survey that read them alike. */
async function loadAll(
  { tasks, sizePx, reading: progress }: TogetherOptions,
  inputPx: number,
): Promise<{ task: AnyTask; data: Samples }[]> {
  const found: { task: AnyTask; data: Samples }[] = [];
  for (const { task, survey, options, data } of tasks)
    found.push({ task, data: data ?? (await task.load(survey, { ...options, sizePx, inputPx, progress })) });
  return found;
}

async function learnAll(options: TogetherOptions, network: Network, members: Member[]) {
  const { strategy, out, seed, steps, command, model, progress, signal, splits } = options;
  const settings = settingsOf(options);
  const { weightsHash } = network;
  const runHash = runHashOf(options, settings, members, weightsHash);
  const learned = members.map((member) => member.learned);
  const done = await trainTasks(network.backbone, learned, settings, { out, runHash, progress, signal });
  if (!done.finished) return null;
  const scored = members.map(({ task, data, learned: { head } }) => [
    task.name,
    task.scores?.(network, head, data) ?? measure(task, network, head, data, "test").measures,
  ]);
  const result = {
    strategy,
    command,
    model,
    weightsHash,
    seed,
    ...splits,
    steps,
    ...Object.assign({}, ...members.map(({ task, data }) => task.recordOf?.(data))),
    objects: Object.fromEntries(members.map(({ task, data }) => [task.name, data.counts])),
    ...Object.fromEntries(scored),
    stepsOfTask: done.records.at(-1)?.stepsOfTask ?? [],
    seconds: Math.round(done.seconds),
    history: done.records,
  } as TogetherResult & Record<string, unknown>;
  const features = `${model}-${strategy}-${seed}`;
  const encoderHash = await saveEncoder(network, options, join(out, "encoder.safetensors"));
  for (const {
    task,
    data,
    learned: { head },
  } of members) {
    const trained = { ...network, weightsHash: encoderHash };
    saveHead(join(out, `${task.name}.safetensors`), task, task.finish(trained, head, data, { seed, steps, features }));
  }
  writeCharts(out, result, members);
  writeFileAtomic(join(out, "metrics.json"), `${JSON.stringify({ ...result, features, settings }, null, 2)}\n`);
  return result;
}

/**
 * Writes the backbone as it is now, with the notes and the projection by which its features are read, and returns its
 * hash.
 */
async function saveEncoder(
  { backbone }: Network,
  { model, weights = releasedWeights(model) }: TogetherOptions,
  path: string,
): Promise<string> {
  scope(() => {
    const { tensors, metadata } = existsSync(weights)
      ? readSafetensors(weights, isProjectionName)
      : { tensors: {}, metadata: {} };
    const state = Object.fromEntries(backbone.kept());
    writeSafetensors(path, { ...state, ...tensors }, { ...metadata, model, part: "encoder", dtype: "float32" });
  });
  return hashFile(path);
}

/** Shares and validation scores over the steps, as SVG. */
function writeCharts(out: string, { history, strategy, seed }: TogetherResult, members: Member[]): void {
  const x = history.map(({ step }) => step);
  const chart = (title: string, yLabel: string, of: (record: LoopRecord, task: number) => number) =>
    lineChart({
      title: `${title}, ${strategy}, seed ${seed}`,
      xLabel: "step",
      yLabel,
      series: members.map(({ task }, i) => ({ name: task.name, x, y: history.map((record) => of(record, i)) })),
    });
  const labels = [...new Set(members.map(({ task }) => task.deficitLabel))].join("; ");
  writeFileAtomic(
    join(out, "shares.svg"),
    chart("Shares of the steps", "share of the next steps", ({ shares }, task) => shares[task]),
  );
  writeFileAtomic(
    join(out, "validation.svg"),
    chart("How far from perfect", labels, ({ deficits }, task) => deficits[task]),
  );
}
