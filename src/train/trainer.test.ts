import { expect, it } from "vitest";
import { Linear } from "../nn/index.ts";
import { ones, scope } from "../torch/index.ts";
import { ScheduledOptimiser } from "./optimiser.ts";
import { trainSteps } from "./trainer.ts";

it("does between two steps what else is due, such as hearing of a signal", async () => {
  const head = new Linear(2, 1);
  const optimiser = new ScheduledOptimiser([...head.namedParameters()], {
    learningRate: 1e-3,
    warmupSteps: 1,
    steps: 100,
    weightDecay: 0,
    clipNorm: 1,
  });
  const clock = { step: 0, seconds: 0, cpuSeconds: 0 };
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 0);
  await trainSteps({
    clock,
    steps: 100_000,
    seed: 1,
    optimiser,
    signal: stop.signal,
    learn: () =>
      scope(() => {
        const loss = head.forward(ones([1, 2])).sum();
        loss.backward();
        return { loss: loss.item() };
      }),
  });
  expect(clock.step).toBeGreaterThan(0);
  expect(clock.step).toBeLessThan(100_000);
  optimiser.dispose();
  head.dispose();
});
