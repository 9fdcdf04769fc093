/**
 * Training of one task or several on one encoder: whose turn it is, steps, validation, and checkpoints to go on from.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { SkyloopError } from "../base/errors.ts";
import type { Progress } from "../base/progress.ts";
import { Random } from "../base/random.ts";
import { isDecoderName, type SwinUnet } from "../models/swin-unet.ts";
import type { Module } from "../nn/index.ts";
import { AdamW, clipGradNorm, manualSeed, type Parameter, scope, type Tensor } from "../torch/index.ts";
import { loadCheckpoint, saveCheckpoint } from "./checkpoint.ts";
import { warmupCosine } from "./schedule.ts";
import { type ActiveShares, activeShares, equalShares, takeTurn } from "./shares.ts";

/** A task as the loop sees it. */
export interface LearnedTask {
  name: string;
  head: Module;
  /** Loss of one batch, drawn with `random` and libtorch's generator alone. */
  loss(encoder: SwinUnet, random: Random, frozen: boolean): Tensor;
  /** How it does on its validation objects: 0 perfect to 1 worthless, and the measures behind it. */
  validate(encoder: SwinUnet): { deficit: number; measures: Record<string, number> };
}

/** Length, learning rates and regularisation of a run that trains tasks. */
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

/** State of affairs after `step` steps. Losses are means since the record before; null for a task without a step. */
export interface LoopRecord {
  step: number;
  shares: number[];
  stepsOfTask: number[];
  losses: (number | null)[];
  deficits: number[];
  measures: Record<string, number>[];
}

/** Where a run's checkpoint is kept and how it is watched and stopped. */
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
  credits: number[];
  shares: number[];
  stepsOfTask: number[];
  sums: number[];
  counts: number[];
  records: LoopRecord[];
}

/** What an image task trains beside its decoder: parameters by name, those of the U-Net's decoder left out. */
export function encoderParameters(model: SwinUnet): [string, Parameter][] {
  // `prelu` stands in the published state and is never used.
  return [...model.namedParameters()].filter(([name]) => !isDecoderName(name) && !name.startsWith("prelu."));
}

/**
 * Trains heads, and the encoder unless it is frozen, to the last step. Everything random in a step follows from seed
 * and step, and the checkpoint holds the rest: a run that was killed and goes on gives the same weights. Throws
 * DIVERGED, OTHER_RECIPE, BAD_OPTION.
 */
export function trainTasks(
  encoder: SwinUnet,
  tasks: LearnedTask[],
  settings: LoopSettings,
  { out, runHash, progress, signal }: LoopOptions,
): { finished: boolean; records: LoopRecord[]; seconds: number } {
  mkdirSync(out, { recursive: true });
  const frozen = settings.encoderRate === 0;
  const learned: [string, Parameter][] = frozen
    ? []
    : encoderParameters(encoder).map(([name, parameter]) => [`encoder.${name}`, parameter]);
  for (const { name, head } of tasks)
    for (const [key, parameter] of head.namedParameters()) learned.push([`${name}.${key}`, parameter]);
  const optimiser = new AdamW(learned, {
    ...settings,
    noDecay: (_, parameter) => parameter.shape.length < 2,
    rateOf: (name) => (name.startsWith("encoder.") ? settings.encoderRate : 1),
  });
  const trained = {
    modules: { encoder, ...Object.fromEntries(tasks.map(({ name, head }) => [name, head])) },
    optimiser,
  };
  const checkpoint = join(out, "checkpoint.safetensors");
  const none = () => new Array<number>(tasks.length).fill(0);
  const notes = loadCheckpoint(checkpoint, trained, runHash);
  const state: LoopState =
    notes === null
      ? {
          step: 0,
          seconds: 0,
          credits: none(),
          shares: equalShares(tasks.length),
          stepsOfTask: none(),
          sums: none(),
          counts: none(),
          records: [],
        }
      : (JSON.parse(notes.state) as LoopState);
  const save = () => saveCheckpoint(checkpoint, trained, { recipeHash: runHash, state: JSON.stringify(state) });
  const judge = () => {
    encoder.eval();
    for (const { head } of tasks) head.eval();
    const found = tasks.map((task) => task.validate(encoder));
    const deficits = found.map(({ deficit }) => deficit);
    if (settings.active !== null) state.shares = activeShares(deficits, settings.active);
    const { step, shares, stepsOfTask, sums, counts } = state;
    const losses = sums.map((sum, i) => (counts[i] === 0 ? null : sum / counts[i]));
    state.records.push({
      step,
      shares: [...shares],
      stepsOfTask: [...stepsOfTask],
      losses,
      deficits,
      measures: found.map(({ measures }) => measures),
    });
    [state.sums, state.counts] = [none(), none()];
  };

  try {
    if (state.records.length === 0) judge();
    let before = performance.now();
    while (state.step < settings.steps && signal?.aborted !== true) {
      const turn = takeTurn(state.credits, state.shares);
      const random = new Random(settings.seed).fork(`step ${state.step}`);
      manualSeed(random.int(2 ** 31));
      encoder.train(!frozen);
      for (const { head } of tasks) head.train();
      optimiser.learningRate = warmupCosine(state.step, settings.steps, settings.warmupSteps, settings.learningRate);
      optimiser.zeroGrad();
      const loss = scope(() => {
        const value = tasks[turn].loss(encoder, random, frozen);
        const number = value.item();
        if (Number.isFinite(number)) value.backward();
        return number;
      });
      if (!Number.isFinite(loss))
        throw new SkyloopError(
          "DIVERGED",
          `the loss of ${tasks[turn].name} is ${loss} at step ${state.step}; the last good checkpoint is ${checkpoint}; lower the learning rate and train into a new folder`,
        );
      clipGradNorm(
        learned.map(([, parameter]) => parameter),
        settings.clipNorm,
      );
      optimiser.step();
      state.step++;
      state.stepsOfTask[turn]++;
      state.sums[turn] += loss;
      state.counts[turn]++;
      if (state.step % settings.validateEvery === 0 || state.step === settings.steps) judge();
      const now = performance.now();
      state.seconds += (now - before) / 1000;
      before = now;
      progress.update(state.step, settings.steps, `${tasks[turn].name} loss ${loss.toFixed(3)}`);
      if (state.step % settings.checkpointEvery === 0 || state.step === settings.steps) save();
    }
    if (signal?.aborted === true) save();
  } finally {
    optimiser.zeroGrad();
    optimiser.dispose();
    progress.end();
  }
  encoder.eval();
  for (const { head } of tasks) head.eval();
  return { finished: state.step >= settings.steps, records: state.records, seconds: state.seconds };
}
