import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/fixtures/surveys.ts";
import { SILENT } from "../base/progress.ts";
import { createModel } from "../models/index.ts";
import { Linear } from "../nn/index.ts";
import { manualSeed, mseLoss, rand, scope, setThreads } from "../torch/index.ts";
import { DEFAULT_LOOP, type LearnedTask, type LoopSettings, trainTasks } from "./train-tasks.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());
setThreads(1);

/** Two toy tasks on the encoder's features, of which the first is hopeless. */
async function run(out: string, settings: Partial<LoopSettings>, stopAfter = Number.POSITIVE_INFINITY) {
  manualSeed(1);
  const encoder = createModel("lvm-nano");
  const toy = (name: string, deficit: number): LearnedTask => {
    const head = new Linear(256, 2);
    const of = (count: number) => head.forward(encoder.encode(rand([count, 3, 32, 32])).features.mean(1));
    return {
      name,
      head,
      loss: (random) => mseLoss(of(2), rand([2, 2]).mul(random.next())),
      validate: () => ({ deficit, measures: { weight: scope(() => head.weight.sum().item()) } }),
    };
  };
  const tasks = [toy("hard", 0.9), toy("easy", 0.1)];
  const controller = new AbortController();
  const progress = { ...SILENT, update: (done: number) => (done >= stopAfter ? controller.abort() : undefined) };
  const found = await trainTasks(
    encoder,
    tasks,
    { ...DEFAULT_LOOP, steps: 12, warmupSteps: 2, validateEvery: 4, checkpointEvery: 3, ...settings },
    { out: join(folder.path, out), runHash: "a", progress, signal: controller.signal },
  );
  const weights = scope(() => [
    ...encoder.layers[0].blocks[0].mlp.fc1.weight.toFloat32Array(),
    ...tasks.flatMap(({ head }) => [...(head as Linear).weight.toFloat32Array()]),
  ]);
  encoder.dispose();
  for (const { head } of tasks) head.dispose();
  return { ...found, weights };
}

describe("the loop over tasks", () => {
  it("stopped and gone on gives the same weights, records and turns as one that was not", async () => {
    const whole = await run("whole", { active: { temperature: 0.3, floor: 0.1 } });
    expect((await run("parts", { active: { temperature: 0.3, floor: 0.1 } }, 5)).finished).toBe(false);
    const parts = await run("parts", { active: { temperature: 0.3, floor: 0.1 } });
    expect(parts.finished).toBe(true);
    expect(parts.weights).toEqual(whole.weights);
    expect(parts.records).toEqual(whole.records);
    const { stepsOfTask, shares } = whole.records.at(-1) ?? { stepsOfTask: [], shares: [] };
    expect(shares[0]).toBeGreaterThan(0.8);
    expect(stepsOfTask[0]).toBeGreaterThan(stepsOfTask[1]);
  });

  it("leaves a frozen encoder as it is, and gives both tasks the same share when nothing else is asked for", async () => {
    manualSeed(1);
    const encoder = createModel("lvm-nano");
    const before = scope(() => [...encoder.layers[0].blocks[0].mlp.fc1.weight.toFloat32Array()]);
    encoder.dispose();
    const { weights, records } = await run("frozen", { encoderRate: 0 });
    expect(weights.slice(0, before.length)).toEqual(before);
    expect(records.at(-1)?.stepsOfTask).toEqual([6, 6]);
    const tuned = await run("tuned", {});
    expect(tuned.weights.slice(0, before.length)).not.toEqual(before);
  });

  it("with patience stops where validation gets no better, and keeps the head that did best, stopped or not", async () => {
    const losses = [9, 5, 3, 4, 6, 3.5, 1];
    const learn = async (out: string, stopAfter = Number.POSITIVE_INFINITY) => {
      manualSeed(1);
      const encoder = createModel("lvm-nano");
      const head = new Linear(4, 1);
      const weights: number[] = [];
      const task: LearnedTask = {
        name: "toy",
        head,
        loss: (random) => mseLoss(head.forward(rand([2, 4])), rand([2, 1]).mul(random.next())),
        validate() {
          weights.push(scope(() => head.weight.sum().item()));
          return { deficit: 0.5, measures: {}, loss: losses[weights.length - 1 + before] };
        },
      };
      const controller = new AbortController();
      const progress = { ...SILENT, update: (done: number) => (done >= stopAfter ? controller.abort() : undefined) };
      const settings = {
        ...DEFAULT_LOOP,
        steps: 60,
        encoderRate: 0,
        validateEvery: 2,
        checkpointEvery: 2,
        patience: 2,
      };
      const options = { out: join(folder.path, out), runHash: "p", progress, signal: controller.signal };
      const found = await trainTasks(encoder, [task], { ...settings, rate: "constant" }, options);
      const last = scope(() => head.weight.sum().item());
      for (const module of [encoder, head]) module.dispose();
      return { ...found, weights, last };
    };
    let before = 0;
    const whole = await learn("patient");
    expect(whole.finished).toBe(true);
    expect(whole.records.map(({ step }) => step)).toEqual([0, 2, 4, 6, 8]);
    expect(whole.best).toBe(2);
    expect(whole.last).toBe(whole.weights[2]);
    expect(whole.last).not.toBe(whole.weights[4]);
    expect((await learn("patient-parts", 5)).finished).toBe(false);
    before = 3;
    const parts = await learn("patient-parts");
    expect([parts.best, parts.last, parts.records.length]).toEqual([2, whole.last, 5]);
  });

  it("refuses a checkpoint of another run", async () => {
    await expect(
      trainTasks(createModel("lvm-nano"), [], DEFAULT_LOOP, {
        out: join(folder.path, "whole"),
        runHash: "b",
        progress: SILENT,
      }),
    ).rejects.toThrow(/another recipe/);
  });
});
