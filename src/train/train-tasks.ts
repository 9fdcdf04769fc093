/** Training of one task or several on one backbone: whose turn it is, validation, and checkpoints to go on from. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Progress } from "../base/progress.ts";
import type { Random } from "../base/random.ts";
import type { Backbone } from "../models/backbone.ts";
import type { Module } from "../nn/index.ts";
import { type AnyTask, measure, type Network, type Samples } from "../tasks/task.ts";
import { type Parameter, readSafetensors, scope, type Tensor, writeSafetensors } from "../torch/index.ts";
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
  /** How it does on its validation objects: 0 perfect to 1 worthless, the measures behind it, and what is chosen by. */
  validate(): { deficit: number; measures: Record<string, number>; loss?: number };
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
  rate?: "cosine" | "constant";
  /** Validations without a better one after which training stops; the heads that did best are kept. Absent: the last. */
  patience?: number;
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
  /** With patience: the validation that did best, as its place in `records`. */
  best?: { record: number; loss: number };
  stopped?: boolean;
}

/** The state before the first step of `count` tasks, or that of a checkpoint's notes. */
function stateOf(count: number, notes: Record<string, string> | null): LoopState {
  const none = () => new Array<number>(count).fill(0);
  if (notes !== null) return { cpuSeconds: 0, ...(JSON.parse(notes.state) as Partial<LoopState>) } as LoopState;
  const tallies = { credits: none(), stepsOfTask: none(), sums: none(), counts: none() };
  return { step: 0, seconds: 0, cpuSeconds: 0, ...tallies, shares: equalShares(count), records: [] };
}

/**
 * Validates every task and writes the record; with `active` the shares of the next steps follow from it. Returns the sum
 * of the losses on the validation objects.
 */
function judge(state: LoopState, tasks: LearnedTask[], active: ActiveShares | null): number {
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
  return found.reduce((sum, { deficit, loss = deficit }) => sum + loss, 0);
}

/** The file in a run's folder from which it goes on after a stop; not needed when training is done. */
export const checkpointOf = (out: string): string => join(out, "checkpoint.safetensors");
/** The file with the heads that did best on the validation samples so far; not needed when training is done. */
export const bestOf = (out: string): string => join(out, "best.safetensors");

/** The best heads of a run with patience, in a file beside the checkpoint. */
class BestHeads {
  readonly #path: string;
  readonly #heads: readonly (readonly [string, Module])[];

  constructor(out: string, heads: readonly (readonly [string, Module])[]) {
    [this.#path, this.#heads] = [bestOf(out), heads];
  }

  /** Notes what a validation found. Whether so many have passed without a better one that training is over. */
  note(state: LoopState, loss: number, patience: number): boolean {
    const record = state.records.length - 1;
    // Nothing was learned before the first step, and without validation objects nothing is better than anything.
    if (state.step === 0 || !Number.isFinite(loss)) return false;
    if (state.best === undefined || loss < state.best.loss) {
      state.best = { record, loss };
      scope(() =>
        writeSafetensors(
          this.#path,
          Object.fromEntries(
            this.#heads.flatMap(([name, head]) =>
              [...head.namedTensors()].map(([key, value]) => [`${name}.${key}`, value]),
            ),
          ),
          {},
        ),
      );
      return false;
    }
    return record - state.best.record >= patience;
  }

  /** Brings the heads back to their best, where there is one. */
  restore(state: LoopState): void {
    if (state.best !== undefined && existsSync(this.#path))
      scope(() => {
        const { tensors } = readSafetensors(this.#path);
        for (const [name, head] of this.#heads)
          head.loadStateDict(
            Object.fromEntries(Object.keys(head.stateDict()).map((key) => [key, tensors[`${name}.${key}`]])),
          );
      });
  }
}

/**
 * Trains heads, and the backbone unless it is frozen, to the last step; the checkpoint holds all that does not follow
 * from seed and step. Throws DIVERGED, OTHER_RECIPE, BAD_OPTION.
 */
export async function trainTasks(
  backbone: Backbone,
  tasks: LearnedTask[],
  settings: LoopSettings,
  { out, runHash, progress, signal }: LoopOptions,
): Promise<{ finished: boolean; records: LoopRecord[]; seconds: number; best: number | null }> {
  mkdirSync(out, { recursive: true });
  const frozen = settings.encoderRate === 0;
  const under = (part: string, parameters: Iterable<[string, Parameter]>) =>
    [...parameters].map(([name, parameter]): [string, Parameter] => [`${part}.${name}`, parameter]);
  const optimiser = new ScheduledOptimiser(
    [
      ...(frozen ? [] : under("encoder", backbone.learned())),
      ...tasks.flatMap(({ name, head }) => under(name, head.namedParameters())),
    ],
    {
      ...settings,
      rateOf: (name) =>
        name.startsWith("encoder.") && backbone.isNew?.(name.slice("encoder.".length)) !== true
          ? settings.encoderRate
          : 1,
    },
  );
  const heads = tasks.map(({ name, head }) => [name, head] as const);
  const trained = { modules: { encoder: backbone, ...Object.fromEntries(heads) }, optimiser: optimiser.adam };
  const best = new BestHeads(out, heads);
  const checkpoint = checkpointOf(out);
  const state = stateOf(tasks.length, loadCheckpoint(checkpoint, trained, runHash));
  const toEvaluation = () => {
    for (const module of [backbone, ...tasks.map(({ head }) => head)]) module.eval();
  };
  const evaluate = () => {
    toEvaluation();
    const loss = judge(state, tasks, settings.active);
    state.stopped = settings.patience !== undefined && best.note(state, loss, settings.patience);
    return state.stopped ? ("stop" as const) : undefined;
  };
  const save = () => saveCheckpoint(checkpoint, trained, { recipeHash: runHash, state: JSON.stringify(state) });
  let turn = 0;
  try {
    if (state.records.length === 0) evaluate();
    if (state.stopped !== true)
      await trainSteps(
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
  const finished = state.stopped === true || state.step >= settings.steps;
  if (finished) best.restore(state);
  return { finished, records: state.records, seconds: state.seconds, best: state.best?.record ?? null };
}
