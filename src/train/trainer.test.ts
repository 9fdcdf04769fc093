import { expect, it } from "vitest";
import { Linear } from "../nn/index.ts";
import { ones, scope } from "../torch/index.ts";
import { ScheduledOptimiser } from "./optimiser.ts";
import { trainSteps } from "./trainer.ts";

/** A layer of two inputs with its optimiser, and a step's gradients. */
function training() {
  const head = new Linear(2, 1);
  const optimiser = new ScheduledOptimiser([...head.namedParameters()], {
    learningRate: 1e-3,
    warmupSteps: 1,
    steps: 100,
    weightDecay: 0,
    clipNorm: 1,
  });
  const learn = () =>
    scope(() => {
      const loss = head.forward(ones([1, 2])).sum();
      loss.backward();
      return { loss: loss.item() };
    });
  const dispose = () => {
    optimiser.dispose();
    head.dispose();
  };
  return { head, optimiser, learn, dispose, clock: { step: 0, seconds: 0, cpuSeconds: 0 } };
}

it("does between two steps what else is due, such as hearing of a signal", async () => {
  const { optimiser, learn, dispose, clock } = training();
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 0);
  await trainSteps({ clock, steps: 100_000, seed: 1, optimiser, signal: stop.signal, learn });
  expect(clock.step).toBeGreaterThan(0);
  expect(clock.step).toBeLessThan(100_000);
  dispose();
});

it("ends where a loss is no number, before it moves a parameter, and keeps the last good checkpoint", async () => {
  const { head, optimiser, learn, dispose, clock } = training();
  const weights = () => [...head.weight.toFloat32Array()];
  const [saved, moved]: [number[], number[][]] = [[], []];
  const run = {
    clock,
    steps: 10,
    seed: 1,
    optimiser,
    checkpointEvery: 2,
    checkpoint: "runs/a/checkpoint.safetensors",
    learn: (step: number) => (step === 5 ? { ...learn(), loss: Number.NaN } : learn()),
  };
  const hooks = { moved: () => void moved.push(weights()), checkpoint: () => void saved.push(clock.step) };
  await expect(trainSteps(run, hooks)).rejects.toMatchObject({
    code: "DIVERGED",
    message: expect.stringMatching(/NaN at step 5; the last good checkpoint is runs\/a\/checkpoint\.safetensors/),
  });
  expect([clock.step, saved]).toEqual([5, [2, 4]]);
  expect(weights()).toEqual(moved[4]);
  expect(moved[4]).not.toEqual(moved[3]);
  dispose();
});
