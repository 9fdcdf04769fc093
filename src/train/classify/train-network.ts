/**
 * A network from images to classes trained by a fixed number of steps on random views of labelled images in memory: for
 * comparisons, which keep no run.
 */
import { Random } from "../../base/random.ts";
import { type AugmentOptions, augment, DEFAULT_AUGMENT } from "../../batches/augment.ts";
import { IMAGES_AT_ONCE } from "../../tasks/classify/data.ts";
import { balancedWeights, ClassifyHead, classifyLoss, pickRows } from "../../tasks/classify/head.ts";
import { indexOf, perBlock } from "../../tasks/classify/logits.ts";
import { type Classifier, setTraining } from "../../tasks/classify/network.ts";
import { keep, manualSeed, noGrad, type Parameter, scope, type Tensor, tensor } from "../../torch/index.ts";
import { ScheduledOptimiser } from "../optimiser.ts";
import { trainSteps } from "../trainer.ts";

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
  /** Called every so many steps and after the last one, with the network ready to be measured; "stop" ends the training. */
  look?: { every: number; at(step: number): unknown };
}

/** Colour tells kinds of galaxies apart: it is changed less than where no label is to be learned. */
export const CLASS_AUGMENT: NetworkOptions["augment"] = {
  ...DEFAULT_AUGMENT,
  zoom: [0.9, 1.1],
  gamma: 0.05,
  bandGain: 0.02,
  saturation: [0.9, 1.1],
  blur: 0.5,
  noise: 0.02,
};

/** Settings of networks in comparisons. */
export const DEFAULT_NETWORK: NetworkOptions = {
  steps: 600,
  batchSize: 32,
  learningRate: 1e-3,
  learnedShare: 0.1,
  weightDecay: 0.05,
  labelSmoothing: 0.05,
  balanced: true,
  seed: 1,
  augment: CLASS_AUGMENT,
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

/** Parameters of a head, and of the network where it is not frozen, by name; and which hold no knowledge yet. */
function parametersOf({ network: { backbone }, head }: Classifier, frozen: boolean) {
  const under = (part: string, all: Iterable<[string, Parameter]>) =>
    [...all].map(([name, parameter]): [string, Parameter] => [`${part}.${name}`, parameter]);
  const isFresh = (name: string) =>
    name.startsWith("head.") || backbone.isNew?.(name.slice("encoder.".length)) === true;
  const all = [...under("head", head.namedParameters()), ...(frozen ? [] : under("encoder", backbone.learned()))];
  // What is new comes first, as ever: the length of all gradients is a sum in this order.
  const parameters = [...all.filter(([name]) => isFresh(name)), ...all.filter(([name]) => !isFresh(name))];
  return { parameters, isFresh };
}

/** The loss of a batch by the network's features [B, D] of it and its rows, for heads that do not classify. */
export type LossOf = (features: Tensor, rows: number[]) => Tensor;

/**
 * Trains on `rows` of the images for `options.steps` steps (AdamW, warm-up and cosine, gradients clipped) and leaves
 * the network in evaluation; of a `frozen` one only the head learns, and `lossOf` takes the place of the loss of classes.
 * Returns the loss of every step. The same data, options and thread count give the same network, if it was made under the
 * same seed. Throws DIVERGED.
 */
export async function trainNetwork(
  classifier: Classifier,
  { images, targets, classes }: LabelledImages,
  rows: number[],
  { frozen = false, lossOf, ...options }: NetworkOptions & { frozen?: boolean; lossOf?: LossOf },
): Promise<number[]> {
  const { network, head } = classifier;
  const { reader } = network;
  const random = new Random(options.seed).fork("network");
  manualSeed(options.seed);
  const of = (some: number[]) => images.indexSelect(0, indexOf(some)).to("float32");
  if (head instanceof ClassifyHead) {
    setTraining(classifier, false, frozen);
    head.standardise(
      perBlock(rows, IMAGES_AT_ONCE, (some) => reader.once(of(some))),
      reader.dim,
    );
  }
  setTraining(classifier, true, frozen);
  const { parameters, isFresh } = parametersOf(classifier, frozen);
  const optimiser = new ScheduledOptimiser(parameters, {
    ...options,
    warmupSteps: Math.max(1, Math.round(WARMUP_SHARE * options.steps)),
    clipNorm: CLIP_NORM,
    rateOf: (name) => (isFresh(name) ? 1 : options.learnedShare),
  });
  const weights = options.balanced
    ? keep(tensor(balancedWeights(pickRows(targets, classes, rows), classes), [classes]))
    : null;
  const classLoss = (features: Tensor, batch: number[]) =>
    classifyLoss(head.forward(features), tensor(pickRows(targets, classes, batch), [batch.length, classes]), {
      weights,
      labelSmoothing: options.labelSmoothing,
    });
  const order = batches(rows, options.batchSize, random);
  const losses: number[] = [];
  const clock = { step: 0, seconds: 0, cpuSeconds: 0 };
  const { look, ...settings } = options;
  const evaluate =
    look &&
    (() => {
      setTraining(classifier, false, frozen);
      const next = look.at(clock.step);
      setTraining(classifier, true, frozen);
      return next;
    });
  await trainSteps(
    {
      ...settings,
      clock,
      optimiser,
      random,
      evaluateEvery: look?.every,
      learn() {
        const batch = order.next().value as number[];
        const loss = scope(() => {
          const views = augment(of(batch), random, { ...options.augment, sizePx: reader.sizePx });
          const features = frozen ? noGrad(() => reader.once(views)) : reader.once(views);
          const value = lossOf === undefined ? classLoss(features, batch) : lossOf(features, batch);
          value.backward();
          return value.item();
        });
        losses.push(loss);
        return { loss };
      },
    },
    { evaluate },
  );
  optimiser.dispose();
  weights?.dispose();
  setTraining(classifier, false, frozen);
  return losses;
}
