/** Training and testing of one network of Figure 6; what was computed is kept. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readJson } from "../../src/base/files.ts";
import { SILENT, terminalProgress } from "../../src/base/progress.ts";
import type { Detection, Field } from "../../src/contract/detection.ts";
import { groundsOf, readBackgroundKinds } from "../../src/evaluate/grounds.ts";
import { type DetectionMeasures, detectionMeasures } from "../../src/measure/detection-measures.ts";
import { alarmTable } from "../../src/measure/false-alarms.ts";
import { batchImages } from "../../src/models/mask-rcnn/index.ts";
import { fieldPixels } from "../../src/stamps/field-pixels.ts";
import { readFields } from "../../src/survey/annotations.ts";
import { loadDetector } from "../../src/tasks/detect/detector.ts";
import { scope, tensor } from "../../src/torch/index.ts";
import { trainDetect } from "../../src/train/detect/index.ts";
import type { DetectResult } from "../../src/train/detect/train-detect.ts";
import { kept } from "../common/cells.ts";
import { type RealLens, SCALE_ARCSEC } from "./sets.ts";

/** A backbone, and whether it begins with what pre-training has learned. */
export interface Network {
  name: string;
  backbone: string;
  scratch: boolean;
  weights?: string;
}

/** Settings that all networks share. */
export interface Budget {
  work: string;
  steps: number;
  batchSize: number;
  sizePx: number;
  channels: number;
  /** Lenses that are painted into the crops. */
  paint: number;
}

/** One training and what it can do on each test. */
export interface Run {
  network: string;
  seed: number;
  learningRate: number;
  parameters: number;
  cpuSeconds: number;
  history: { step: number; ap50: number | null }[];
  threshold: number;
  tests: Record<string, DetectionMeasures>;
  real: Record<string, { hits: number; tries: number }>;
  /** Detections in the real pictures away from their middles, a picture. */
  elsewhere: number;
}

const CLASS = "lens";
/** A detection that near the known lens has found it. */
const NEAR_ARCSEC = 4;

const nameOf = (network: Network, seed: number, learningRate: number, { steps }: Budget) =>
  `${network.name}-${steps}-${learningRate}-${seed}`.replaceAll(" ", "-");

const trainingOf = (network: Network, seed: number, learningRate: number, budget: Budget) =>
  join(budget.work, "runs", nameOf(network, seed, learningRate, budget));

/** Whether a training has come to its end. */
export const isTrained = (network: Network, seed: number, learningRate: number, budget: Budget): boolean =>
  existsSync(join(trainingOf(network, seed, learningRate, budget), "detector.safetensors"));

/** Trains (or goes on, or reads what is finished). */
export async function train(
  network: Network,
  fields: readonly string[],
  seed: number,
  learningRate: number,
  budget: Budget,
): Promise<DetectResult> {
  const { steps, batchSize, sizePx, channels, paint } = budget;
  const out = trainingOf(network, seed, learningRate, budget);
  if (isTrained(network, seed, learningRate, budget)) return readJson(join(out, "metrics.json")) as DetectResult;
  const result = await trainDetect(fields, {
    ...network,
    out,
    classes: [CLASS],
    paint,
    channels,
    windowsPx: 256,
    steps,
    batchSize,
    sizePx,
    learningRate,
    seed,
    validateEvery: Math.max(1, Math.min(250, Math.floor(steps / 4))),
    command: "recipe figure-6",
    reading: SILENT,
    progress: terminalProgress(`${network.name}, seed ${seed}`, "steps"),
  });
  if (result === null) throw new Error("the training was stopped");
  return result;
}

/** Fields of a test with what a trained network finds in each. */
export async function findingsOf(
  network: Network,
  seed: number,
  learningRate: number,
  folder: string,
  budget: Budget,
): Promise<{ fields: Field[]; found: Detection[][]; threshold: number; className: string }> {
  const out = trainingOf(network, seed, learningRate, budget);
  const { model, details } = loadDetector(join(out, "detector.safetensors"));
  const { fields } = await readFields(folder, { classes: [CLASS], decodeImages: false });
  const found: Detection[][] = [];
  const progress = terminalProgress(`${network.name} on ${folder}`, "fields");
  try {
    for (const field of fields) {
      const pixels = await fieldPixels(field);
      found.push(scope(() => model.detect(batchImages([tensor(pixels, [3, field.height, field.width])]))[0]));
      progress.update(found.length, fields.length);
    }
  } finally {
    progress.end();
    model.dispose();
  }
  return { fields, found, threshold: details.threshold, className: CLASS };
}

/**
 * What the false alarms of a test lie on, at the card's threshold and at 0.1 a field, as a table. `labels` is the table of what
 * backgrounds are of.
 */
export async function alarmsOf(
  { fields, found, threshold }: Awaited<ReturnType<typeof findingsOf>>,
  folder: string,
  labels: string,
): Promise<string> {
  const everything = await readFields(folder, { decodeImages: false });
  const backgrounds = existsSync(labels) ? await readBackgroundKinds(labels) : undefined;
  const grounds = groundsOf(everything.fields, CLASS, backgrounds);
  const { falseAlarms } = detectionMeasures(found, fields, { class: CLASS, threshold, grounds });
  return falseAlarms === null ? "What the backgrounds are of is not known." : alarmTable(falseAlarms);
}

/** Trains a network and measures it on every test. */
export async function runOf(
  network: Network,
  seed: number,
  learningRate: number,
  folders: { train: string[]; tests: Record<string, string> },
  real: RealLens[],
  budget: Budget,
): Promise<Run> {
  const trained = await train(network, folders.train, seed, learningRate, budget);
  const key = {
    network,
    seed,
    learningRate,
    tests: folders.tests,
    steps: budget.steps,
    real: real.length,
    weights: trained.best,
  };
  const name = nameOf(network, seed, learningRate, budget);
  return kept(join(budget.work, "cells", `${name}.json`), key, async () => {
    const tests: Record<string, DetectionMeasures> = {};
    let threshold = 0;
    for (const [test, folder] of Object.entries(folders.tests)) {
      const { fields, found, ...about } = await findingsOf(network, seed, learningRate, folder, budget);
      threshold = about.threshold;
      tests[test] = detectionMeasures(found, fields, { class: CLASS, threshold });
    }
    const { model } = loadDetector(join(trainingOf(network, seed, learningRate, budget), "detector.safetensors"));
    const detect = (pixels: Float32Array, width: number, height: number) =>
      scope(() => model.detect(batchImages([tensor(pixels, [3, height, width])]))[0]);
    try {
      return { ...aboutOf(trained, network, seed, learningRate), threshold, tests, ...onReal(real, detect, threshold) };
    } finally {
      model.dispose();
    }
  });
}

const aboutOf = (
  { parameters, cpuSeconds, history }: DetectResult,
  { name }: Network,
  seed: number,
  learningRate: number,
) => ({
  network: name,
  seed,
  learningRate,
  parameters,
  cpuSeconds,
  history: history.map(({ step, ap50 }) => ({ step, ap50 })),
});

/** Known lenses found near the middle of their pictures, by grade. */
function onReal(
  real: RealLens[],
  detect: (pixels: Float32Array, width: number, height: number) => Detection[],
  threshold: number,
): Pick<Run, "real" | "elsewhere"> {
  const grades: Run["real"] = {};
  let elsewhere = 0;
  for (const { grade, pixels, sizePx } of real) {
    const found = detect(pixels, sizePx, sizePx).filter(({ score }) => score >= threshold);
    const middle = sizePx / 2;
    const near = found.filter(
      ({ x1, x2, y1, y2 }) => Math.hypot((x1 + x2) / 2 - middle, (y1 + y2) / 2 - middle) * SCALE_ARCSEC <= NEAR_ARCSEC,
    );
    grades[grade] ??= { hits: 0, tries: 0 };
    grades[grade].tries++;
    if (near.length > 0) grades[grade].hits++;
    elsewhere += found.length - near.length;
  }
  return { real: grades, elsewhere: real.length === 0 ? Number.NaN : elsewhere / real.length };
}
