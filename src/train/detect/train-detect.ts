/** `skyloop train detect`: a detector learned from fields with known objects. */
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { SkyloopError } from "../../base/errors.ts";
import { hashBytes, hashFile, writeFileAtomic } from "../../base/files.ts";
import { lockFolder } from "../../base/lock.ts";
import type { Progress } from "../../base/progress.ts";
import type { Random } from "../../base/random.ts";
import type { Detection, Field } from "../../contract/detection.ts";
import { learnedBackbone } from "../../models/mask-rcnn/backbones.ts";
import { batchImages, galaxyOptions, MaskRcnn } from "../../models/mask-rcnn/index.ts";
import { type DetectorDetails, loadDetector, roundWeights, saveDetector } from "../../tasks/detect/detector.ts";
import { manualSeed, readSafetensors, scope, tensor, trimMemory, writeSafetensors } from "../../torch/index.ts";
import { loadCheckpoint, saveCheckpoint } from "../checkpoint.ts";
import { ScheduledOptimiser } from "../optimiser.ts";
import { type StepRecord, trainSteps } from "../trainer.ts";
import { drawTrainingCrop, type FieldSet } from "./data.ts";

/** How a detector is trained. */
export interface DetectSettings {
  steps: number;
  warmupSteps: number;
  batchSize: number;
  /** Side of the crops. */
  sizePx: number;
  /** Of all that is new; what is pre-trained learns at `bodyRate` times it. */
  learningRate: number;
  bodyRate: number;
  weightDecay: number;
  clipNorm: number;
  validateEvery: number;
  checkpointEvery: number;
  seed: number;
}

/** Long enough for lenses in simulated fields. */
export const DEFAULT_DETECT: DetectSettings = {
  steps: 1500,
  warmupSteps: 50,
  batchSize: 8,
  sizePx: 128,
  learningRate: 1e-3,
  bodyRate: 0.3,
  weightDecay: 0.05,
  clipNorm: 5,
  validateEvery: 250,
  checkpointEvery: 50,
  seed: 1,
};

/** What validation says: figures by name, and the one by which weights are chosen. */
export interface FieldScores {
  ap50: number | null;
  figures: Record<string, number | null>;
  /** The score from which on detections are to be shown. */
  threshold: number;
}

/** State of a training after `step` steps; losses are means since the record before. */
export interface DetectRecord {
  step: number;
  losses: Record<string, number>;
  ap50: number | null;
  figures: Record<string, number | null>;
}

/** A training of a detector: on what, from which backbone, and where it is written. */
export interface DetectRun {
  out: string;
  data: FieldSet;
  backbone: string;
  weights?: string;
  /** Whether a backbone begins with initial weights although there are learned ones. */
  scratch: boolean;
  /** A detector whose weights the training goes on from. */
  from?: string;
  settings: DetectSettings;
  details: Omit<DetectorDetails, "threshold" | "validation">;
  judge(detections: Detection[][], fields: Field[]): FieldScores;
  command: string;
  progress: Progress;
  signal?: AbortSignal;
}

/** What a finished training leaves in `metrics.json`. */
export interface DetectResult {
  command: string;
  fields: { train: number; validation: number };
  settings: DetectSettings;
  details: DetectorDetails;
  backbone: { name: string; weightsHash: string };
  parameters: number;
  /** Step whose weights were kept. */
  best: number;
  seconds: number;
  cpuSeconds: number;
  history: DetectRecord[];
}

interface RunState {
  step: number;
  seconds: number;
  cpuSeconds: number;
  records: DetectRecord[];
  sums: Record<string, number>;
  since: number;
  best: { step: number; ap50: number } | null;
}

const fresh = (): RunState => ({
  step: 0,
  seconds: 0,
  cpuSeconds: 0,
  records: [],
  sums: {},
  since: 0,
  best: null,
});

/** One step's gradients: the sum of the five losses on crops of training fields. */
function learn(model: MaskRcnn, data: FieldSet, { batchSize, sizePx }: DetectSettings, random: Random): StepRecord {
  model.train();
  return scope(() => {
    const crops = Array.from({ length: batchSize }, (_, i) => drawTrainingCrop(data, sizePx, random.fork(`crop ${i}`)));
    const batch = batchImages(crops.map(({ pixels }) => tensor(pixels, [3, sizePx, sizePx])));
    const losses = Object.entries(
      model.losses(
        batch,
        crops.map(({ truths }) => truths),
        random,
      ),
    );
    const total = losses.map(([, loss]) => loss).reduce((sum, loss) => sum.add(loss));
    total.backward();
    return { loss: total.item(), ...Object.fromEntries(losses.map(([name, loss]) => [name, loss.item()])) };
  });
}

/** What the model finds in the validation fields, one field after another. */
function detectFields(model: MaskRcnn, { fields, store }: FieldSet, places: readonly number[]): Detection[][] {
  model.eval();
  return places.map((i) => {
    const { width, height } = fields[i];
    return scope(() => model.detect(batchImages([tensor(store.read(i), [3, height, width])]))[0]);
  });
}

/** Throws BAD_OPTION for numbers that no training can have. */
function check({ steps, batchSize, sizePx, seed, learningRate }: DetectSettings): void {
  for (const [name, value, least] of [
    ["--steps", steps, 1],
    ["--batch", batchSize, 1],
    ["--seed", seed, 0],
  ] as const)
    if (!Number.isInteger(value) || value < least)
      throw new SkyloopError("BAD_OPTION", `${name} is a whole number from ${least}, not ${value}`);
  if (!Number.isInteger(sizePx) || sizePx < 64 || sizePx % 32 !== 0)
    throw new SkyloopError("BAD_OPTION", `--size is a multiple of 32 px from 64 on, not ${sizePx}`);
  if (!(learningRate > 0 && learningRate < 1))
    throw new SkyloopError("BAD_OPTION", `--rate lies between 0 and 1, not ${learningRate}`);
}

/**
 * Trains to the last step and writes `detector.safetensors`, with the weights that did best on the validation fields,
 * and `metrics.json` into `out`. A run that was stopped goes on bit for bit. Null where `signal` stopped it. Throws
 * RUN_EXISTS, BAD_OPTION, OTHER_RECIPE, DIVERGED, LOCKED, UNKNOWN_MODEL, WEIGHTS_MISSING.
 */
export async function trainDetector(run: DetectRun): Promise<DetectResult | null> {
  const { out, data, settings, details, progress, signal } = run;
  check(settings);
  const path = join(out, "detector.safetensors");
  if (existsSync(path))
    throw new SkyloopError("RUN_EXISTS", `${out} holds a trained detector already; give another folder with --out`);
  mkdirSync(out, { recursive: true });
  const release = lockFolder(out, "train");
  try {
    manualSeed(settings.seed);
    const { body, weightsHash } = await learnedBackbone(run.backbone, { ...run, windowsPx: details.windowsPx });
    const model = new MaskRcnn(body, galaxyOptions(details.classes, details.channels, details.enlarge));
    if (run.from !== undefined) loadInto(model, run.from);
    const learnedBody = weightsHash !== "none";
    const optimiser = new ScheduledOptimiser(model.learned(), {
      ...settings,
      rateOf: (name) => (learnedBody && name.startsWith("backbone.body.") ? settings.bodyRate : 1),
    });
    const from = run.from === undefined ? undefined : await hashFile(run.from);
    const more = { from, taught: data.taught?.hash, paint: data.bank?.length };
    const key = { settings, details, weightsHash, backbone: run.backbone, data: data.dataHash, ...more };
    const recipeHash = hashBytes(JSON.stringify(key));
    const checkpoint = join(out, "checkpoint.safetensors");
    const trained = { modules: { detector: model }, optimiser: optimiser.adam };
    const notes = loadCheckpoint(checkpoint, trained, recipeHash);
    const state: RunState = notes === null ? fresh() : (JSON.parse(notes.state) as RunState);
    const save = () => saveCheckpoint(checkpoint, trained, { recipeHash, state: JSON.stringify(state) });
    const best = join(out, "best.safetensors");
    try {
      await trainSteps(
        {
          ...settings,
          clock: state,
          optimiser,
          evaluateEvery: settings.validateEvery,
          checkpoint,
          progress,
          signal,
          learn: (_, random) => learn(model, data, settings, random),
        },
        {
          moved(record) {
            for (const [name, value] of Object.entries(record)) state.sums[name] = (state.sums[name] ?? 0) + value;
            state.since++;
          },
          evaluate: () => judge(run, model, state, best),
          checkpoint() {
            save();
            // Numbers of boxes change from step to step, and with them the sizes of what is freed: by thousands of steps gigabytes.
            trimMemory();
          },
        },
      );
      save();
    } finally {
      optimiser.dispose();
      progress.end();
    }
    if (state.step < settings.steps) return null;
    const result = finish(run, model, weightsHash, state, { best, path });
    rmSync(checkpoint, { force: true });
    rmSync(best, { force: true });
    model.dispose();
    return result;
  } finally {
    release();
    data.store.close();
    data.taught?.store.close();
  }
}

/** Gives a network the weights of a detector of the same shape. Throws BAD_HEAD, STATE_MISMATCH. */
function loadInto(model: MaskRcnn, path: string): void {
  const { model: known } = loadDetector(path);
  try {
    scope(() => model.loadStateDict(known.stateDict()));
  } finally {
    known.dispose();
  }
}

/** Measures the validation fields, writes the record, and keeps the weights where they are the best so far. */
function judge({ data, judge: score }: DetectRun, model: MaskRcnn, state: RunState, best: string): void {
  const { ap50, figures } = score(
    detectFields(model, data, data.validation),
    data.validation.map((i) => data.fields[i]),
  );
  const means = Object.fromEntries(
    Object.entries(state.sums).map(([name, sum]) => [name, sum / Math.max(1, state.since)]),
  );
  state.records.push({ step: state.step, losses: means, ap50, figures });
  [state.sums, state.since] = [{}, 0];
  if (state.best !== null && (ap50 ?? 0) <= state.best.ap50) return;
  state.best = { step: state.step, ap50: ap50 ?? 0 };
  scope(() => writeSafetensors(best, model.stateDict()));
}

/** Writes the best weights with their card. Figures are those of the weights as the file holds them. */
function finish(
  { out, data, settings, details, backbone, judge: score, command }: DetectRun,
  model: MaskRcnn,
  weightsHash: string,
  state: RunState,
  { best, path }: { best: string; path: string },
): DetectResult {
  scope(() => model.loadStateDict(readSafetensors(best).tensors));
  roundWeights(model);
  const { figures, threshold } = score(
    detectFields(model, data, data.validation),
    data.validation.map((i) => data.fields[i]),
  );
  const whole = { ...details, threshold, validation: figures } as DetectorDetails;
  const result: DetectResult = {
    command,
    fields: { train: data.train.length, validation: data.validation.length },
    settings,
    details: whole,
    backbone: { name: backbone, weightsHash },
    parameters: model.learned().reduce((sum, [, { size }]) => sum + size, 0),
    best: state.best?.step ?? state.step,
    seconds: Math.round(state.seconds),
    cpuSeconds: Math.round(state.cpuSeconds),
    history: state.records,
  };
  writeFileAtomic(join(out, "metrics.json"), `${JSON.stringify(result, null, 2)}\n`);
  saveDetector(path, {
    model,
    backbone,
    weightsHash,
    dataHash: data.dataHash,
    made: { skyloop: null, seed: settings.seed, steps: settings.steps },
    details: whole,
  });
  return result;
}
