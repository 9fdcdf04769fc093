/** Training a network from images to classes by a fixed number of steps on random views of the images. */
import { Random } from "../../base/random.ts";
import { type AugmentOptions, augment, DEFAULT_AUGMENT } from "../../batches/augment.ts";
import { balancedWeights, classifyLoss, pickRows } from "../../tasks/classify/head.ts";
import { type ImageClassifier, indexOf, MEASURE_BATCH, standardiseHead } from "../../tasks/classify/network.ts";
import { keep, manualSeed, scope, type Tensor, tensor } from "../../torch/index.ts";
import { ScheduledOptimiser } from "../optimiser.ts";

/** Labelled images in memory: [N, 3, S, S], in half precision or single, and targets [N, classes]. */
export interface LabelledImages {
  images: Tensor;
  targets: Float32Array;
  classes: number;
}

/** How a network is trained end to end on the images of a classification. */
export interface NetworkOptions {
  steps: number;
  batchSize: number;
  learningRate: number;
  /** The learning rate of parameters that come with knowledge, in units of `learningRate`. */
  learnedShare: number;
  weightDecay: number;
  labelSmoothing: number;
  balanced: boolean;
  seed: number;
  augment: Omit<AugmentOptions, "sizePx">;
}

/** Settings of `train classify --fine-tune` and of convolutional networks. */
export const DEFAULT_NETWORK: NetworkOptions = {
  steps: 600,
  batchSize: 32,
  learningRate: 1e-3,
  learnedShare: 0.1,
  weightDecay: 0.05,
  labelSmoothing: 0.05,
  balanced: true,
  seed: 1,
  // Colour tells kinds of galaxies apart: it is changed less than where no label is to be learned.
  augment: {
    ...DEFAULT_AUGMENT,
    zoom: [0.9, 1.1],
    gamma: 0.05,
    bandGain: 0.02,
    saturation: [0.9, 1.1],
    blur: 0.5,
    noise: 0.02,
  },
};

const WARMUP_SHARE = 0.1;
const CLIP_NORM = 3;
/** `count` rows a time, each of `rows` once an epoch, in an order that the seed decides. */
function* batches(rows: number[], count: number, random: Random): Generator<number[]> {
  let queue: number[] = [];
  for (;;) {
    while (queue.length < count) queue = queue.concat(random.shuffle([...rows]));
    yield queue.slice(0, count);
    queue = queue.slice(count);
  }
}

/**
 * Trains on `rows` of the images for `options.steps` steps (AdamW, warm-up and cosine, gradients clipped) and leaves
 * the network in evaluation. Returns the loss of every step. The same data, options and thread count give the same
 * network, if it was made under the same seed.
 */
export function trainNetwork(
  classifier: ImageClassifier,
  { images, targets, classes }: LabelledImages,
  rows: number[],
  options: NetworkOptions,
  onStep: (step: number, loss: number) => void = () => {},
): number[] {
  const { layer, sizePx, parameters } = classifier;
  const random = new Random(options.seed).fork("network");
  manualSeed(options.seed);
  const of = (some: number[]) => images.indexSelect(0, indexOf(some)).to("float32");
  const blocks = Array.from({ length: Math.ceil(rows.length / MEASURE_BATCH) }, (_, i) =>
    rows.slice(i * MEASURE_BATCH, (i + 1) * MEASURE_BATCH),
  );
  standardiseHead(
    classifier,
    blocks.map((block) => () => of(block)),
  );
  layer.train();
  const fresh = new Set(parameters.fresh.map(([name]) => name));
  const optimiser = new ScheduledOptimiser([...parameters.fresh, ...parameters.learned], {
    ...options,
    warmupSteps: Math.max(1, Math.round(WARMUP_SHARE * options.steps)),
    clipNorm: CLIP_NORM,
    rateOf: (name) => (fresh.has(name) ? 1 : options.learnedShare),
  });
  const weights = options.balanced
    ? keep(tensor(balancedWeights(pickRows(targets, classes, rows), classes), [classes]))
    : null;
  const order = batches(rows, options.batchSize, random);
  const losses: number[] = [];
  for (let step = 0; step < options.steps; step++) {
    const batch = order.next().value as number[];
    optimiser.begin(step);
    const loss = scope(() => {
      const views = augment(of(batch), random, { ...options.augment, sizePx });
      const wanted = tensor(pickRows(targets, classes, batch), [batch.length, classes]);
      const value = classifyLoss(layer.forward(views), wanted, { weights, labelSmoothing: options.labelSmoothing });
      value.backward();
      return value.item();
    });
    optimiser.finish();
    losses.push(loss);
    onStep(step + 1, loss);
  }
  optimiser.dispose();
  weights?.dispose();
  layer.eval();
  return losses;
}
