/** The one loop of trainings that take a fixed number of steps, and go on bit for bit where they were stopped. */
import { setImmediate } from "node:timers/promises";
import { SkyloopError } from "../base/errors.ts";
import type { Progress } from "../base/progress.ts";
import { Random } from "../base/random.ts";
import { manualSeed } from "../torch/index.ts";
import type { ScheduledOptimiser } from "./optimiser.ts";

/** How far a training is, and the time that it took, over all its runs. */
export interface Clock {
  step: number;
  seconds: number;
  cpuSeconds: number;
}

/** Numbers that one step of training leaves for the metrics; its loss is always among them. */
export interface StepRecord extends Record<string, number> {
  loss: number;
}

/** What is done at points of the loop; every one may be left out. */
export interface Hooks {
  /** After the parameters moved, `clock.step` counted. */
  moved?(record: StepRecord): void;
  /** Every `evaluateEvery` steps and at the last one; "stop" ends the training. */
  evaluate?(): unknown;
  /** After each step: its record, the length of its gradients and its learning rate. */
  metrics?(record: StepRecord, gradNorm: number, learningRate: number): void;
  /** Every `checkpointEvery` steps, but not at the last one: who called the loop saves what it ends with. */
  checkpoint?(): void;
}

/** A training as the loop sees it. */
export interface Run {
  clock: Clock;
  steps: number;
  seed: number;
  optimiser: ScheduledOptimiser;
  evaluateEvery?: number;
  checkpointEvery?: number;
  /** File of the checkpoint, for messages. */
  checkpoint?: string;
  /** A stream that all steps draw from in turn, in place of one for each; such a run cannot go on where it stopped. */
  random?: Random;
  progress?: Progress;
  /** Stops the loop after the step in which it fires. */
  signal?: AbortSignal;
  /** What step `step` is about, for messages and progress; asked before the step's seed is drawn. */
  begin?(step: number): string;
  /** Gradients of a step; everything random follows from `random` and libtorch's generator. */
  learn(step: number, random: Random): StepRecord;
}

/**
 * Trains to the last step or until the signal. Everything random in a step follows from seed and step alone, so that a
 * run that goes on from its checkpoint is the same run. After each step the process does what else is due: events, such as
 * those that fire the signal, and freeing what belongs to tensors that are gone, hundreds of kilobytes a step. Throws DIVERGED.
 */
export async function trainSteps(run: Run, hooks: Hooks = {}): Promise<void> {
  const { clock, steps, seed, optimiser, progress, signal, checkpoint } = run;
  const due = (every = Number.POSITIVE_INFINITY) => clock.step % every === 0 || clock.step === steps;
  let [before, cpuBefore] = [performance.now(), process.cpuUsage()];
  while (clock.step < steps && signal?.aborted !== true) {
    const about = run.begin?.(clock.step) ?? "";
    const random = run.random ?? new Random(seed).fork(`step ${clock.step}`);
    if (run.random === undefined) manualSeed(random.int(2 ** 31));
    optimiser.begin(clock.step);
    const record = run.learn(clock.step, random);
    if (!Number.isFinite(record.loss))
      throw new SkyloopError(
        "DIVERGED",
        `the loss${about === "" ? "" : ` of ${about}`} is ${record.loss} at step ${clock.step}${checkpoint === undefined ? "" : `; the last good checkpoint is ${checkpoint}`}; lower the learning rate and train into a new folder`,
      );
    const gradNorm = optimiser.finish();
    clock.step++;
    hooks.moved?.(record);
    const stops = hooks.evaluate !== undefined && due(run.evaluateEvery) && hooks.evaluate() === "stop";
    const [now, cpu] = [performance.now(), process.cpuUsage(cpuBefore)];
    clock.seconds += (now - before) / 1000;
    clock.cpuSeconds += (cpu.user + cpu.system) / 1e6;
    [before, cpuBefore] = [now, process.cpuUsage()];
    hooks.metrics?.(record, gradNorm, optimiser.adam.learningRate);
    progress?.update(clock.step, steps, `${about === "" ? "" : `${about} `}loss ${record.loss.toFixed(3)}`);
    if (stops) return;
    if (clock.step < steps && due(run.checkpointEvery)) hooks.checkpoint?.();
    await setImmediate();
  }
}
