/**
 * What every task of the table must do; a new entry says here what it is learned from, and is tested by standing there.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { smallSurvey, temporaryFolder } from "../../test/fixtures/surveys.ts";
import { SILENT } from "../base/progress.ts";
import { Random } from "../base/random.ts";
import { convolveBatch } from "../batches/convolve.ts";
import type { CroppedPicture } from "../batches/pictures.ts";
import { loadBackbone } from "../models/index.ts";
import type { Module } from "../nn/index.ts";
import { DEGRADE, pointSpread } from "../stamps/degrade.ts";
import { openSurvey } from "../survey/folder.ts";
import {
  AdamW,
  clipGradNorm,
  liveTensors,
  manualSeed,
  type Parameter,
  scope,
  setThreads,
  type Tensor,
} from "../torch/index.ts";
import { loadHead, saveHead } from "./heads.ts";
import { stackImages } from "./images/image-task.ts";
import { TASKS } from "./index.ts";
import { type AnyTask, measure, type Network, type Samples } from "./task.ts";

/** What of the simulated survey each task learns. */
const LEARNED: Record<keyof typeof TASKS, Record<string, unknown>> = {
  classify: { column: "faceOnSpiral" },
  restore: {},
  reconstruct: {},
  parameters: { column: "axisRatio" },
};
const STAMPS = 8;
/**
 * Eight stamps are learned when three quarters of the loss are gone: the head of `classify` keeps a sixth of it, by its
 * smoothed labels. Steps begin small; those of image tasks, without any normalisation after the encoder, are clipped.
 */
const LEARN = { most: 120, rate: 3e-3, warmUp: 8, clip: 1, left: 0.25 };
/** In crops of 32 px the last stage of the encoder is a single token, whose attention has no places to tell apart. */
const UNUSED = /^backbone\.layers\.3\..*relative_position_bias_table$/;

const folder = temporaryFolder();
let survey = "";
beforeAll(async () => {
  setThreads(1);
  survey = await smallSurvey(folder.path, 40);
}, 60_000);
afterAll(() => folder.remove());

const under = (part: string, parameters: Iterable<[string, Parameter]>) =>
  [...parameters].map(([name, parameter]): [string, Parameter] => [`${part}.${name}`, parameter]);
const withGradient = (parameters: [string, Parameter][]): string[] =>
  scope(() => parameters.flatMap(([name, { grad }]) => (grad !== null && grad.abs().max().item() > 0 ? [name] : [])));
/**
 * Samples whose pictures, where they are what is learned, have no noise of their own: nothing tells it beforehand, and to
 * remember it pixel by pixel takes hundreds of steps.
 */
function withoutNoise(data: Samples): Samples {
  const { train } = data as Samples & { train?: CroppedPicture[] };
  if (!Array.isArray(train) || !("sidePx" in train[0])) return data;
  const smooth = scope(() =>
    convolveBatch(
      stackImages(
        train.map(({ data }) => Float32Array.from(data)),
        train[0].sidePx,
      ),
      train.map(() => pointSpread({ fwhmPx: 6, beta: DEGRADE.beta })),
    ).toFloat32Array(),
  );
  const length = smooth.length / train.length;
  const pictures = train.map((one, i) => ({ ...one, data: smooth.subarray(i * length, (i + 1) * length) }));
  return { ...data, train: pictures } as Samples;
}
/** Numbers by a hash of their bits, which is compared at once. */
const bitsOf = (numbers: Float32Array | Uint8Array | undefined) =>
  numbers === undefined ? undefined : createHash("sha256").update(numbers).digest("hex");

describe.each(Object.keys(TASKS) as (keyof typeof TASKS)[])("task %s", (name) => {
  const task: AnyTask = TASKS[name];
  const samples = (inputPx: number) =>
    task.load(survey, { seed: 1, sizePx: 32, inputPx, progress: SILENT, own: LEARNED[name] });
  let load: () => Network;
  let data: Samples;
  beforeAll(async () => {
    const found = await loadBackbone("lvm-nano");
    load = found.load;
    data = await samples(found.inputPx);
  });

  /** A network and a new head on it, freed afterwards; no tensor may be left. */
  function withHead(use: (network: Network, head: Module) => void): void {
    const before = liveTensors();
    manualSeed(1);
    const network = load();
    const head: Module = task.createHead(network, data);
    use(network, head);
    network.backbone.dispose();
    network.reader.dispose();
    head.dispose();
    expect(liveTensors()).toBe(before);
  }

  it("has the same samples for the same seed, and measures them alike whenever it is asked", async () => {
    const { train, validation, test } = data.counts;
    expect(Math.min(train, validation, test)).toBeGreaterThan(0);
    const again = await samples(64);
    expect([again.counts, again.dataHash]).toEqual([data.counts, data.dataHash]);
    withHead((network, head) => {
      for (const module of [network.backbone, head]) module.eval();
      const evaluator = task.evaluator(data);
      const [first, second, other] = [data, data, again].map((of) =>
        measure(task, network, head, of, "validation", evaluator),
      );
      expect([second, other]).toEqual([first, first]);
      expect(first.deficit).toBeGreaterThanOrEqual(0);
      expect(first.deficit).toBeLessThanOrEqual(1);
      expect(Object.values(first.measures).every(Number.isFinite)).toBe(true);
    });
  });

  it("learns 8 stamps by heart, by every parameter of its head and of a backbone that is not frozen", () => {
    withHead((network, head) => {
      scope(() => {
        for (const module of [network.backbone, head]) module.train();
        manualSeed(2);
        const batch = task.draw(network, withoutNoise(data), STAMPS, new Random(2));
        const parameters = [...under("backbone", network.backbone.learned()), ...under("head", head.namedParameters())];
        const lossOf = (frozen: boolean): Tensor => task.loss(task.forward(network, head, batch, frozen), batch);
        scope(() => lossOf(true).backward());
        expect(withGradient(parameters).filter((key) => key.startsWith("backbone."))).toEqual([]);

        const optimiser = new AdamW(parameters, { learningRate: LEARN.rate, weightDecay: 0 });
        const missed = new Set(parameters.map(([key]) => key).filter((key) => !UNUSED.test(key)));
        const losses: number[] = [];
        const learned = () => missed.size === 0 && losses.at(-1)! < LEARN.left * losses[0];
        while (losses.length < LEARN.most && !learned()) {
          optimiser.learningRate = LEARN.rate * Math.min(1, (losses.length + 1) / LEARN.warmUp);
          optimiser.zeroGrad();
          scope(() => {
            const value = lossOf(false);
            value.backward();
            losses.push(value.item());
          });
          for (const key of withGradient(parameters)) missed.delete(key);
          clipGradNorm(
            parameters.map(([, parameter]) => parameter),
            LEARN.clip,
          );
          optimiser.step();
        }
        console.log(`${name}: loss ${losses[0].toFixed(3)} -> ${losses.at(-1)?.toFixed(3)} in ${losses.length} steps`);
        expect([...missed]).toEqual([]);
        expect(losses[0]).toBeGreaterThan(0);
        expect(losses.at(-1)).toBeLessThan(LEARN.left * losses[0]);
        optimiser.zeroGrad();
        optimiser.dispose();
      });
    });
  });

  it("is the same after saving and loading: card, tensors, and what it says of a survey", async () => {
    manualSeed(1);
    const network = load();
    const head: Module = task.createHead(network, data);
    for (const module of [network.backbone, head]) module.eval();
    const model = task.finish(network, head, data, { seed: 1, steps: 0 });
    const path = join(folder.path, `${name}.safetensors`);
    saveHead(path, task, model);
    const loaded = loadHead(path);
    expect(loaded.task).toBe(task);
    const [own, other] = [model, loaded.model].map((of) =>
      scope(() =>
        Object.entries(task.pack(of).tensors as Record<string, Tensor>).map(([key, value]) => [
          key,
          bitsOf(value.toFloat32Array()),
        ]),
      ),
    );
    expect(other).toEqual(own);
    const opened = await openSurvey(survey);
    const say = async (of: unknown) => {
      const found = await task.predict?.(of, opened, SILENT);
      return [found?.columns, bitsOf(found?.values), bitsOf(task.picture?.(of, await opened.readStamp(3)))];
    };
    const said = await say(model);
    expect(said.some((part) => part !== undefined)).toBe(true);
    expect(await say(loaded.model)).toEqual(said);
    opened.close();
    for (const of of [model, loaded.model]) task.dispose(of);
    network.backbone.dispose();
    network.reader.dispose();
    head.dispose();
  });
});
