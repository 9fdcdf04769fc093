/**
 * Which class a galaxy is of: two fully connected layers on an encoder's features (Fu et al. 2024, section 3.1), and
 * how they are kept on disk.
 */
import { Mlp } from "../../models/mlp.ts";
import { Layer } from "../../nn/index.ts";
import { crossEntropy, keep, noGrad, ones, scope, type Tensor, tensor, zeros } from "../../torch/index.ts";
import { skyloopVersion } from "../card.ts";
import type { HeadCard, Packed } from "../task.ts";
import type { SplitBy } from "./data.ts";

/** The task's name. */
export const CLASSIFY_NAME = "classify";

/** Hidden units of the paper's head. */
const HEAD_HIDDEN = 256;

/**
 * Features [N, dim] to logits [N, classes]. Features are standardised inside, so that a head works on them as they
 * come.
 */
export class ClassifyHead extends Layer {
  readonly mean: Tensor; // [dim]
  readonly sd: Tensor; // [dim]
  readonly mlp: Mlp;

  constructor(dim: number, classes: number, dropout = 0) {
    super();
    this.mean = keep(zeros([dim]));
    this.sd = keep(ones([dim]));
    this.mlp = new Mlp(dim, HEAD_HIDDEN, classes, dropout);
  }

  /**
   * Takes mean and deviation from features [N, dim] of training objects; columns that hardly vary keep a deviation that
   * does not blow them up.
   */
  standardise(features: Float32Array, dim: number): void {
    noGrad(() =>
      scope(() => {
        const all = tensor(features, [features.length / dim, dim]);
        this.mean.copy_(all.mean(0));
        const deviation = all.variance(0, false).sqrt();
        const typical = deviation.mean().item();
        this.sd.copy_(deviation.clamp(Math.max(0.01 * typical, 1e-8)));
      }),
    );
  }

  forward(features: Tensor): Tensor {
    return this.mlp.forward(features.sub(this.mean).div(this.sd));
  }
}

/**
 * Weights [classes] that give every class the same total weight, 1 on average over the objects; `targets` [N, classes].
 * A class without objects gets 0.
 */
export function balancedWeights(targets: Float32Array, classes: number): Float32Array {
  const totals = new Float64Array(classes);
  for (let i = 0; i < targets.length; i++) totals[i % classes] += targets[i];
  const [objects, occurring] = [targets.length / classes, totals.filter((total) => total > 0).length];
  return Float32Array.from(totals, (total) => (total > 0 ? objects / occurring / total : 0));
}

/** Weights of the classes and label smoothing of a cross entropy. */
export interface ClassifyLoss {
  /** [classes], or null for equal weights. */
  weights: Tensor | null;
  labelSmoothing: number;
}

/** Mean cross entropy of logits [N, classes] with targets [N, classes], which may be shares of votes. */
export function classifyLoss(logits: Tensor, targets: Tensor, { weights, labelSmoothing }: ClassifyLoss): Tensor {
  return crossEntropy(logits, targets, weights, labelSmoothing);
}

/** Logits [N, classes] of features [N, dim], row-major, block by block. */
export function classifyLogits(
  head: ClassifyHead,
  features: Float32Array,
  dim: number,
  blockRows = 4096,
): Float32Array {
  const count = features.length / dim;
  const parts: Float32Array[] = [];
  noGrad(() => {
    for (let at = 0; at < count; at += blockRows) {
      const end = Math.min(count, at + blockRows);
      parts.push(
        scope(() => head.forward(tensor(features.subarray(at * dim, end * dim), [end - at, dim])).toFloat32Array()),
      );
    }
  });
  const out = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((at, part) => {
    out.set(part, at);
    return at + part.length;
  }, 0);
  return out;
}

/** What a saved head needs beside its weights to be used on another survey. */
export interface FeatureHeadCard {
  model: string;
  /** Feature set that it reads, and the hash of the weights that made it. */
  features: string;
  weightsHash: string;
  column: string;
  classes: string[];
  dim: number;
  /** Logits are divided by it before they become probabilities. */
  temperature: number;
  /** How the objects of its training were split; absent in files of older versions. */
  splitBy?: SplitBy | null;
}

/** Card and tensors of a classifier on frozen features, as its file keeps them; its network is not in it. */
export function packFeatureHead(
  head: ClassifyHead,
  { model, weightsHash, ...details }: FeatureHeadCard,
  about: Partial<Pick<Packed, "trainedOn" | "made">> = {},
): Packed<Omit<FeatureHeadCard, "model" | "weightsHash">> {
  return {
    backbone: { name: model, weightsHash },
    trainedOn: { dataHash: null },
    made: { skyloop: skyloopVersion(), seed: null, steps: null },
    ...about,
    details,
    tensors: head.stateDict(),
  };
}

/** A head on features from its card and tensors, in evaluation mode. */
export function openFeatureHead(
  { backbone, details }: HeadCard,
  tensors: Record<string, Tensor>,
): { head: ClassifyHead; card: FeatureHeadCard } {
  const { name: model, weightsHash } = backbone;
  const card = { ...details, model, weightsHash } as FeatureHeadCard;
  const head = new ClassifyHead(card.dim, card.classes.length);
  head.loadStateDict(tensors);
  return { head: head.eval(), card };
}

/** The rows of a matrix [N, width] that are named. */
export function pickRows(matrix: Float32Array, width: number, rows: number[]): Float32Array {
  const out = new Float32Array(rows.length * width);
  for (const [i, row] of rows.entries()) out.set(matrix.subarray(row * width, (row + 1) * width), i * width);
  return out;
}
