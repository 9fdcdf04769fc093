/** Classification as the trainer sees it: a head on the encoder's features, learned from images in memory. */

import { augment, DEFAULT_AUGMENT } from "../../batches/augment.ts";
import { classificationScores, mostProbable } from "../../measure/classification.ts";
import type { FeatureReader } from "../../models/feature-reader.ts";
import type { ClassData } from "../../tasks/classify/data.ts";
import { ClassifyHead, classifyLoss } from "../../tasks/classify/head.ts";
import { keep, noGrad, scope, tensor } from "../../torch/index.ts";
import type { LearnedTask } from "../trainer.ts";

/** A classification while it is learned beside other tasks. */
export interface ClassTaskOptions {
  /** Number of classes. */
  count: number;
  batchSize: number;
  labelSmoothing: number;
  dropout: number;
}

/** A classification while it is learned: its loss and its head. */
export interface LearnedClassTask extends LearnedTask {
  head: ClassifyHead;
  /** Logits [N, classes] of images. */
  logits(data: ClassData): Float32Array;
  /** Frees the images that it holds. */
  dispose(): void;
}

/** Images that a classification is validated on at once. */
export const EVALUATED_AT_ONCE = 64;
/**
 * Classes from images through the encoder's features and the paper's two layers; every object weighs the same in the
 * loss, so that accuracy is what is learned.
 */
export function classTask(
  reader: FeatureReader,
  train: ClassData,
  validation: ClassData,
  options: ClassTaskOptions,
): LearnedClassTask {
  const { count, batchSize, labelSmoothing, dropout } = options;
  const head = new ClassifyHead(reader.dim, count, dropout);
  const images = keep(tensor(train.images, [train.classes.length, 3, train.sizePx, train.sizePx]));
  const targets = new Float32Array(train.classes.length * count);
  for (const [i, k] of train.classes.entries()) targets[i * count + k] = 1;
  const featuresOf = (data: ClassData) => {
    const plane = 3 * data.sizePx ** 2;
    const out = new Float32Array(data.classes.length * reader.dim);
    for (let from = 0; from < data.classes.length; from += EVALUATED_AT_ONCE) {
      const n = Math.min(EVALUATED_AT_ONCE, data.classes.length - from);
      const part = data.images.subarray(from * plane, (from + n) * plane);
      noGrad(() =>
        scope(() =>
          reader
            .of(tensor(part, [n, 3, data.sizePx, data.sizePx]))
            .copyTo(out.subarray(from * reader.dim, (from + n) * reader.dim)),
        ),
      );
    }
    return out;
  };
  const logits = (data: ClassData) =>
    noGrad(() =>
      scope(() => head.forward(tensor(featuresOf(data), [data.classes.length, reader.dim])).toFloat32Array()),
    );
  head.standardise(featuresOf(train), reader.dim);
  return {
    name: "classify",
    head,
    logits,
    loss(_, random, frozen) {
      const rows = Array.from({ length: batchSize }, () => random.int(train.classes.length));
      const index = tensor(BigInt64Array.from(rows, BigInt), [rows.length]);
      const views = augment(images.indexSelect(0, index), random, { ...DEFAULT_AUGMENT, sizePx: reader.sizePx });
      const features = frozen ? noGrad(() => reader.once(views)) : reader.once(views);
      const batchTargets = Float32Array.from(
        { length: rows.length * count },
        (_, i) => targets[rows[Math.floor(i / count)] * count + (i % count)],
      );
      return classifyLoss(head.forward(features), tensor(batchTargets, [rows.length, count]), {
        weights: null,
        labelSmoothing,
      });
    },
    validate() {
      const { accuracy, macroF1 } = classificationScores(
        mostProbable(logits(validation), count),
        validation.classes,
        count,
      );
      return { deficit: 1 - macroF1, measures: { accuracy, macroF1 } };
    },
    dispose() {
      images.dispose();
    },
  };
}
