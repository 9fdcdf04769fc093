/** Learning a classification head on frozen features, stopped where held-out objects say so. */
import { Random } from "../../base/random.ts";
import type { Split } from "../../batches/split.ts";
import { fitTemperature, negativeLogLikelihood } from "../../measure/calibration.ts";
import { classificationScores, mostProbable } from "../../measure/classification.ts";
import { balancedWeights, ClassifyHead, classifyLogits, classifyLoss, pickRows } from "../../tasks/classify/head.ts";
import { hardClasses } from "../../tasks/classify/labels.ts";
import { keep, manualSeed, noGrad, scope, type Tensor, tensor } from "../../torch/index.ts";
import { adamW } from "../optimiser.ts";

/** How a classifier's head is trained on frozen features. */
export interface HeadOptions {
  epochs: number;
  /** Epochs without a better validation loss after which it stops. */
  patience: number;
  batchSize: number;
  learningRate: number;
  weightDecay: number;
  dropout: number;
  labelSmoothing: number;
  /** Whether rare classes weigh as much as frequent ones. */
  balanced: boolean;
  seed: number;
}

/** Settings of `train classify` without options. */
export const DEFAULT_HEAD: HeadOptions = {
  epochs: 100,
  patience: 15,
  batchSize: 64,
  learningRate: 1e-3,
  weightDecay: 0.05,
  dropout: 0.3,
  labelSmoothing: 0.05,
  balanced: true,
  seed: 1,
};

/** Objects with features [N, dim] and targets [N, classes], rows in the same order. */
export interface HeadData {
  features: Float32Array;
  dim: number;
  targets: Float32Array;
  classes: number;
}

/** Mean cross entropy and accuracy after one epoch. */
export interface EpochRecord {
  epoch: number;
  trainLoss: number;
  validationLoss: number;
  validationAccuracy: number;
}

/** The head of the epoch with the smallest validation loss, and the temperature that calibrates it. */
export interface TrainedHead {
  head: ClassifyHead;
  history: EpochRecord[];
  bestEpoch: number;
  temperature: number;
}

/**
 * Trains on `split.train`, keeps the epoch with the smallest loss on `split.validation` and fits the temperature there;
 * without validation objects it runs all epochs. The same data, options and thread count give the same head.
 */
export function trainHead(
  { features, dim, targets, classes }: HeadData,
  split: Pick<Split, "train" | "validation">,
  options: HeadOptions,
): TrainedHead {
  manualSeed(options.seed);
  const of = (rows: number[]) => ({ x: pickRows(features, dim, rows), y: pickRows(targets, classes, rows) });
  const [train, validation] = [of(split.train), of(split.validation)];
  const truth = hardClasses({ targets: validation.y, classes: new Array<string>(classes).fill("") });
  const head = new ClassifyHead(dim, classes, options.dropout);
  head.standardise(train.x, dim);
  const optimiser = adamW(head.mlp.namedParameters(), options);
  const random = new Random(options.seed).fork("head");
  const order = Int32Array.from(split.train, (_, i) => i);
  const history: EpochRecord[] = [];
  let best: { epoch: number; loss: number; state: Record<string, Tensor> } | null = null;
  const weights = options.balanced ? keep(tensor(balancedWeights(train.y, classes), [classes])) : null;
  const [x, y] = [tensor(train.x, [split.train.length, dim]), tensor(train.y, [split.train.length, classes])];
  for (let epoch = 1; epoch <= options.epochs; epoch++) {
    head.train();
    random.shuffle(order);
    let sum = 0;
    for (let at = 0; at < order.length; at += options.batchSize) {
      const batch = order.subarray(at, at + options.batchSize);
      optimiser.zeroGrad();
      sum += scope(() => {
        const index = tensor([...batch], [batch.length], "int64");
        const loss = classifyLoss(head.forward(x.indexSelect(0, index)), y.indexSelect(0, index), {
          weights,
          labelSmoothing: options.labelSmoothing,
        });
        loss.backward();
        return loss.item() * batch.length;
      });
      optimiser.step();
    }
    head.eval();
    const logits = classifyLogits(head, validation.x, dim);
    const validationLoss = truth.length === 0 ? Number.NaN : negativeLogLikelihood(logits, truth, classes);
    const { accuracy } = classificationScores(mostProbable(logits, classes), truth, classes);
    history.push({ epoch, trainLoss: sum / order.length, validationLoss, validationAccuracy: accuracy });
    if (truth.length === 0) continue;
    if (best === null || validationLoss < best.loss) {
      for (const tensor of Object.values(best?.state ?? {})) tensor.dispose();
      best = { epoch, loss: validationLoss, state: noGrad(() => copyState(head)) };
    } else if (epoch - best.epoch >= options.patience) break;
  }
  if (best !== null) {
    head.loadStateDict(best.state);
    for (const tensor of Object.values(best.state)) tensor.dispose();
  }
  optimiser.zeroGrad();
  optimiser.dispose();
  for (const tensor of [weights, x, y]) tensor?.dispose();
  const temperature = fitTemperature(classifyLogits(head, validation.x, dim), truth, classes);
  return { head, history, bestEpoch: best?.epoch ?? options.epochs, temperature };
}

function copyState(head: ClassifyHead): Record<string, Tensor> {
  return scope(() =>
    Object.fromEntries(Object.entries(head.stateDict()).map(([name, value]) => [name, keep(value.detach().clone())])),
  );
}
