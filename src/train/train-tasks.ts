/** Training of one task or several on one backbone: whose turn it is, validation, and checkpoints to go on from. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Progress } from "../base/progress.ts";
import type { Random } from "../base/random.ts";
import type { Backbone } from "../models/backbone.ts";
import type { Module } from "../nn/index.ts";
import { type AnyTask, measure, type Network, type Samples } from "../tasks/task.ts";
import { type Parameter, scope, type Tensor } from "../torch/index.ts";
import { loadCheckpoint, saveCheckpoint } from "./checkpoint.ts";
import { ScheduledOptimiser } from "./optimiser.ts";
import { type ActiveShares, activeShares, equalShares, takeTurn } from "./shares.ts";
import { trainSteps } from "./trainer.ts";

/** A task as the loop sees it: its head, its samples and how they are learned from are its own business. */
export interface LearnedTask<Head extends Module = Module> {
  name: string;
  head: Head;
  /** Loss of one batch, drawn with `random` and libtorch's generator alone. */
  loss(random: Random, frozen: boolean): Tensor;
  /** How it does on its validation objects: 0 perfect to 1 worthless, and the measures behind it. */
  validate(): { deficit: number; measures: Record<string, number> };
}

/** A task with a new head on a network, learning from `count` crops a step, or as many objects as cost the same. */
export function learnedTask(task: AnyTask, network: Network, data: Samples, count: number): LearnedTask {
  const head: Module = task.createHead(network, data);
  const evaluator = task.evaluator(data);
  return {
    name: task.name,
    head,
    loss(random, frozen) {
      const batch = task.draw(network, data, count * task.batchTimes, random);
      return task.loss(task.forward(network, head, batch, frozen), batch);
    },
    validate: () => measure(task, network, head, data, "validation", evaluator),
  };
}

/** Length, learning rates and regularisation of a run that trains one task or several on one encoder. */
export interface LoopSettings {
  steps: number;
  warmupSteps: number;
  /** Of the heads. */
  learningRate: number;
  /** What it is multiplied by for the encoder; 0 freezes it. */
  encoderRate: number;
  weightDecay: number;
  clipNorm: number;
  validateEvery: number;
  checkpointEvery: number;
  seed: number;
  /** null: every task gets the same share. */
  active: ActiveShares | null;
}

/**
 * Long enough for a head to be useful in minutes; a higher rate than transformers are used to, which trials with these
 * convolutional heads liked.
 */
export const DEFAULT_LOOP: LoopSettings = {
  steps: 1000,
  warmupSteps: 50,
  learningRate: 2e-3,
  encoderRate: 0.2,
  weightDecay: 0.01,
  clipNorm: 3,
  validateEvery: 100,
  checkpointEvery: 100,
  seed: 1,
  active: null,
};

/** Warm-up of a run of `steps` steps: the default's, or a tenth of a short run. */
export function warmupOf(steps: number): number {
  return Math.min(DEFAULT_LOOP.warmupSteps, Math.ceil(steps / 10));
}

/** State of affairs after `step` steps. Losses are means since the record before; null for a task without a step. */
export interface LoopRecord {
  step: number;
  shares: number[];
  stepsOfTask: number[];
  losses: (number | null)[];
  deficits: number[];
  measures: Record<string, number>[];
}

/** Where a run writes, and who hears of it. */
export interface LoopOptions {
  out: string;
  /** Names settings and data: a checkpoint of another run is refused. */
  runHash: string;
  progress: Progress;
  signal?: AbortSignal;
}

interface LoopState {
  step: number;
  seconds: number;
  cpuSeconds: number;
  credits: number[];
  shares: number[];
  stepsOfTask: number[];
  sums: number[];
  counts: number[];
  records: LoopRecord[];
}

/** The state before the first step of `count` tasks, or that of a checkpoint's notes. */
function stateOf(count: number, notes: Record<string, string> | null): LoopState {
  const none = () => new Array<number>(count).fill(0);
  if (notes !== null) return { cpuSeconds: 0, ...(JSON.parse(notes.state) as Partial<LoopState>) } as LoopState;
  const tallies = { credits: none(), stepsOfTask: none(), sums: none(), counts: none() };
  return { step: 0, seconds: 0, cpuSeconds: 0, ...tallies, shares: equalShares(count), records: [] };
}

/** Validates every task and writes the record; with `active` the shares of the next steps follow from it. */
function judge(state: LoopState, tasks: LearnedTask[], active: ActiveShares | null): void {
  const found = tasks.map((task) => task.validate());
  const deficits = found.map(({ deficit }) => deficit);
  if (active !== null) state.shares = activeShares(deficits, active);
  const { step, shares, stepsOfTask, sums, counts } = state;
  state.records.push({
    step,
    shares: [...shares],
    stepsOfTask: [...stepsOfTask],
    losses: sums.map((sum, i) => (counts[i] === 0 ? null : sum / counts[i])),
    deficits,
    measures: found.map(({ measures }) => measures),
  });
  state.sums = tasks.map(() => 0);
  state.counts = tasks.map(() => 0);
}

/**
 * Trains heads, and the backbone unless it is frozen, to the last step; the checkpoint holds all that does not follow
 * from seed and step. Throws DIVERGED, OTHER_RECIPE, BAD_OPTION.
 */
export function trainTasks(
  backbone: Backbone,
  tasks: LearnedTask[],
  settings: LoopSettings,
  { out, runHash, progress, signal }: LoopOptions,
): { finished: boolean; records: LoopRecord[]; seconds: number } {
  mkdirSync(out, { recursive: true });
  const frozen = settings.encoderRate === 0;
  const under = (part: string, parameters: Iterable<[string, Parameter]>) =>
    [...parameters].map(([name, parameter]): [string, Parameter] => [`${part}.${name}`, parameter]);
  const optimiser = new ScheduledOptimiser(
    [
      ...(frozen ? [] : under("encoder", backbone.learned())),
      ...tasks.flatMap(({ name, head }) => under(name, head.namedParameters())),
    ],
    { ...settings, rateOf: (name) => (name.startsWith("encoder.") ? settings.encoderRate : 1) },
  );
  const heads = tasks.map(({ name, head }) => [name, head] as const);
  const trained = { modules: { encoder: backbone, ...Object.fromEntries(heads) }, optimiser: optimiser.adam };
  const checkpoint = join(out, "checkpoint.safetensors");
  const state = stateOf(tasks.length, loadCheckpoint(checkpoint, trained, runHash));
  const toEvaluation = () => {
    for (const module of [backbone, ...tasks.map(({ head }) => head)]) module.eval();
  };
  const evaluate = () => {
    toEvaluation();
    judge(state, tasks, settings.active);
  };
  const save = () => saveCheckpoint(checkpoint, trained, { recipeHash: runHash, state: JSON.stringify(state) });
  let turn = 0;
  try {
    if (state.records.length === 0) evaluate();
    trainSteps(
      {
        ...settings,
        clock: state,
        optimiser,
        evaluateEvery: settings.validateEvery,
        checkpoint,
        progress,
        signal,
        begin() {
          turn = takeTurn(state.credits, state.shares);
          return tasks[turn].name;
        },
        learn(_, random) {
          backbone.train(!frozen);
          for (const { head } of tasks) head.train();
          return scope(() => {
            const value = tasks[turn].loss(random, frozen);
            const loss = value.item();
            if (Number.isFinite(loss)) value.backward();
            return { loss };
          });
        },
      },
      {
        moved({ loss }) {
          state.stepsOfTask[turn]++;
          state.sums[turn] += loss;
          state.counts[turn]++;
        },
        evaluate,
        checkpoint: save,
      },
    );
    save();
  } finally {
    optimiser.dispose();
    progress.end();
  }
  toEvaluation();
  return { finished: state.step >= settings.steps, records: state.records, seconds: state.seconds };
}
