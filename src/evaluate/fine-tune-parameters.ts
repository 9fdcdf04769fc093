/**
 * An encoder and a head that learn several numbers of galaxies from pixels together, to compare with heads on features of
 * a frozen encoder: which of its states is kept is decided by validation objects.
 */
import { DEFAULT_AUGMENT } from "../batches/augment.ts";
import { loadBackbone } from "../models/index.ts";
import { perBlock } from "../tasks/classify/logits.ts";
import { gaussianLoss, ParameterHead } from "../tasks/parameters/head.ts";
import { cat, manualSeed, type Tensor, tensor } from "../torch/index.ts";
import { DEFAULT_NETWORK, type NetworkOptions, trainNetwork } from "../train/classify/train-network.ts";

/** Galaxies of which some numbers are known. */
export interface PixelData {
  /** [N, 3, S, S] in half precision or single. */
  images: Tensor;
  /** Numbers that were measured of each, beside what the encoder sees, [N, width]. */
  numbers: Float32Array;
  width: number;
  /** What is to be learned, [N, outputs], NaN where there is none. */
  targets: Float32Array;
  outputs: number;
}

/** Length of a fine-tuning. */
export interface FineTuneOptions {
  model: string;
  /** Weights to begin with, other than the released ones. */
  weights?: string;
  steps: number;
  batchSize: number;
  /** Steps between two looks at the validation objects; after `patience` looks without a better one it ends. */
  validateEvery: number;
  patience: number;
  seed: number;
}

/** Mean and deviation that are said of some objects, [rows, outputs] each, and what the validation objects showed. */
export interface FineTuned {
  mean: Float32Array;
  spread: Float32Array;
  /** Unexplained share of the variance of validation objects, mean over the outputs, by the step. */
  history: { step: number; unexplained: number }[];
  /** Of the state that was kept. */
  step: number;
}

/** Settings of `fineTuneParameters` without options. */
export const DEFAULT_FINE_TUNE: Omit<FineTuneOptions, "model" | "seed"> = {
  steps: 800,
  batchSize: 48,
  validateEvery: 150,
  patience: 3,
};

const IMAGES_AT_ONCE = 64;
/** Views show the whole galaxy or its inner part, as features are read. Colours tell types apart: little is done to them. */
const VIEWS: NetworkOptions["augment"] = {
  ...DEFAULT_AUGMENT,
  zoom: [0.65, 1.05],
  gamma: 0.05,
  bandGain: 0.02,
  saturation: [0.9, 1.1],
  noise: 0.02,
};

const pick = (values: Float32Array, width: number, rows: readonly number[]) => {
  const out = new Float32Array(rows.length * width);
  for (const [i, row] of rows.entries()) out.set(values.subarray(row * width, (row + 1) * width), i * width);
  return out;
};

/** Standardised targets and their weights, [outputs, rows] each. */
function wantedOf(head: ParameterHead, { targets, outputs }: PixelData, rows: readonly number[]) {
  const [shift, scale] = [head.shift.toFloat32Array(), head.scale.toFloat32Array()];
  const [wanted, weights] = [new Float32Array(outputs * rows.length), new Float32Array(outputs * rows.length)];
  for (let k = 0; k < outputs; k++)
    for (const [i, row] of rows.entries()) {
      const value = targets[row * outputs + k];
      if (!Number.isFinite(value)) continue;
      wanted[k * rows.length + i] = (value - shift[k]) / scale[k];
      weights[k * rows.length + i] = 1;
    }
  return { wanted, weights };
}

/** Squared error of what was said of `rows`, in units of the variance of the objects learned from, mean over outputs. */
function unexplained(
  head: ParameterHead,
  said: Float32Array,
  { targets, outputs }: PixelData,
  rows: readonly number[],
) {
  const scale = head.scale.toFloat32Array();
  let sum = 0;
  for (let k = 0; k < outputs; k++) {
    const known = rows.flatMap((row, i) => (Number.isFinite(targets[row * outputs + k]) ? [i] : []));
    const square = (i: number) => ((said[2 * (k * rows.length + i)] - targets[rows[i] * outputs + k]) / scale[k]) ** 2;
    sum += known.reduce((total, i) => total + square(i), 0) / known.length / outputs;
  }
  return sum;
}

/**
 * Fine-tunes an encoder with a head of one network a number on the objects `train`, keeps the state that did best on
 * `validation`, and says what it finds of `measured`, as the mean over the views that features are read in. The same data,
 * options and threads, the same result. Throws UNKNOWN_MODEL, WEIGHTS_MISSING, DIVERGED.
 */
export async function fineTuneParameters(
  data: PixelData,
  { train, validation, measured }: Record<"train" | "validation" | "measured", number[]>,
  options: FineTuneOptions,
): Promise<FineTuned> {
  const { images, numbers, width, outputs } = data;
  const { model, weights, seed, steps, batchSize, validateEvery, patience } = options;
  const network = (await loadBackbone(model, weights)).load();
  const { reader, backbone } = network;
  manualSeed(seed);
  const head = new ParameterHead({ inputs: reader.dim + width, outputs, members: 1 });
  const imagesOf = (rows: number[]) => images.indexSelect(0, tensor(rows, [rows.length], "int64")).to("float32");
  const inputsOf = (features: Tensor, rows: number[]) =>
    cat([features, tensor(pick(numbers, width, rows), [rows.length, width])], 1);
  const read = (rows: number[], views: "of" | "once") =>
    perBlock(rows, IMAGES_AT_ONCE, (some) => inputsOf(reader[views](imagesOf(some)), some));
  head.standardise(read(train, "once"), pick(data.targets, outputs, train));

  const history: FineTuned["history"] = [];
  const best = { at: -1, state: new Map<string, Float32Array>() };
  const parts = [
    ["encoder", backbone],
    ["head", head],
  ] as const;
  const look = (step: number) => {
    history.push({ step, unexplained: unexplained(head, head.say(read(validation, "once")), data, validation) });
    const now = history.length - 1;
    if (best.at < 0 || history[now].unexplained < history[best.at].unexplained) {
      best.at = now;
      for (const [part, module] of parts)
        for (const [name, value] of module.namedParameters()) best.state.set(`${part}.${name}`, value.toFloat32Array());
    }
    return now - best.at >= patience ? "stop" : undefined;
  };
  await trainNetwork({ network, head }, { images, targets: new Float32Array(0), classes: 0 }, train, {
    ...DEFAULT_NETWORK,
    augment: VIEWS,
    balanced: false,
    steps,
    batchSize,
    seed,
    look: { every: validateEvery, at: look },
    lossOf(features, rows) {
      const { wanted, weights: counts } = wantedOf(head, data, rows);
      const shape = [outputs, rows.length];
      return gaussianLoss(head.forward(inputsOf(features, rows)), tensor(wanted, shape), tensor(counts, shape));
    },
  });
  for (const [part, module] of parts)
    for (const [name, parameter] of module.namedParameters())
      parameter.fill(best.state.get(`${part}.${name}`) as Float32Array);
  const said = head.say(read(measured, "of"));
  for (const one of [reader, backbone, head]) one.dispose();
  const column = (at: 0 | 1) =>
    Float32Array.from(
      { length: measured.length * outputs },
      (_, i) => said[2 * ((i % outputs) * measured.length + Math.floor(i / outputs)) + at],
    );
  return { mean: column(0), spread: column(1), history, step: history[best.at].step };
}
