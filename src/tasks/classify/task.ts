/** Classification as a task: a head on the backbone's features, learned from labelled images in memory. */
import { augment, DEFAULT_AUGMENT } from "../../batches/augment.ts";
import { fitTemperature } from "../../measure/calibration.ts";
import { classificationScores, mostProbable } from "../../measure/classification.ts";
import { noGrad, scope, type Tensor, tensor } from "../../torch/index.ts";
import { skyloopVersion } from "../card.ts";
import type { Evaluator, Network, Samples, Task } from "../task.ts";
import { type ClassData, loadClassData, type SplitClassData } from "./data.ts";
import { CLASSIFY_NAME, ClassifyHead, classifyLoss, packFeatureHead, pickRows } from "./head.ts";
import { packClassifier } from "./network.ts";
import { type ClassModel, disposeClassModel, openClassModel, predictProbabilities } from "./predict.ts";

/** Labelled images of a survey. */
export interface ClassSamples extends Samples, SplitClassData {
  column: string;
}

/** Options of classification in `SampleOptions.own`. */
export interface ClassOwn {
  column?: string;
}

/** Random views of training images and their targets, or a part of the samples that is measured. */
type ClassBatch = { views: Tensor; targets: Tensor } | { part: ClassData };

const [DROPOUT, LABEL_SMOOTHING] = [0.3, 0.05];
const READ_AT_ONCE = 64;
/** Images of a step for each crop of the image tasks': they cost about the same, since classes need no decoder. */
export const CLASS_BATCH_TIMES = 4;

/** Features [N, dim] of images that are not augmented. */
function featuresOf({ reader }: Network, { images, sizePx, classes: { length } }: ClassData): Float32Array {
  const plane = 3 * sizePx ** 2;
  const out = new Float32Array(length * reader.dim);
  for (let from = 0; from < length; from += READ_AT_ONCE) {
    const n = Math.min(READ_AT_ONCE, length - from);
    const part = images.subarray(from * plane, (from + n) * plane);
    noGrad(() =>
      scope(() =>
        reader
          .of(tensor(part, [n, 3, sizePx, sizePx]))
          .copyTo(out.subarray(from * reader.dim, (from + n) * reader.dim)),
      ),
    );
  }
  return out;
}

/** Logits [N, classes] of images that are not augmented. */
function logitsOf(network: Network, head: ClassifyHead, part: ClassData): Float32Array {
  const { dim } = network.reader;
  return noGrad(() =>
    scope(() => head.forward(tensor(featuresOf(network, part), [part.classes.length, dim])).toFloat32Array()),
  );
}

function evaluatorOf({ classes }: ClassSamples): Evaluator<ClassBatch, Float32Array> {
  let [found, truth]: number[][] = [[], []];
  return {
    reset() {
      [found, truth] = [[], []];
    },
    process(batch, logits) {
      if (!("part" in batch)) return;
      found.push(...mostProbable(logits, classes.length));
      truth.push(...batch.part.classes);
    },
    evaluate() {
      const { accuracy, macroF1 } = classificationScores(Int32Array.from(found), truth, classes.length);
      return { deficit: 1 - macroF1, measures: { accuracy, macroF1 } };
    },
  };
}

/** Which class a galaxy is of. Every object weighs the same in the loss, so that accuracy is what is learned. */
export const CLASSIFY: Task<ClassSamples, ClassBatch, ClassifyHead, Float32Array, ClassModel> = {
  name: CLASSIFY_NAME,
  deficitLabel: "1 - macro F1",
  source: "classes",
  batchTimes: CLASS_BATCH_TIMES,

  async load(folder, { seed, inputPx, progress, own = {} }) {
    const { column = "label" } = own as ClassOwn;
    return classSamples(await loadClassData(folder, column, inputPx, seed, progress), column);
  },
  runKey: () => ({}),
  createHead(network, { classes, train }) {
    const head = new ClassifyHead(network.reader.dim, classes.length, DROPOUT);
    head.standardise(featuresOf(network, train), network.reader.dim);
    return head;
  },
  draw({ reader }, { train, classes }, count, random) {
    const rows = Array.from({ length: count }, () => random.int(train.classes.length));
    const images = tensor(pickRows(train.images, 3 * train.sizePx ** 2, rows), [count, 3, train.sizePx, train.sizePx]);
    const targets = new Float32Array(count * classes.length);
    for (const [i, row] of rows.entries()) targets[i * classes.length + train.classes[row]] = 1;
    return {
      views: augment(images, random, { ...DEFAULT_AUGMENT, sizePx: reader.sizePx }),
      targets: tensor(targets, [count, classes.length]),
    };
  },
  eachBatch: (data, part, use) => noGrad(() => scope(() => use({ part: data[part] }))),
  forward(network, head, batch, frozen) {
    const { reader } = network;
    if ("part" in batch)
      return head.forward(tensor(featuresOf(network, batch.part), [batch.part.classes.length, reader.dim]));
    return head.forward(frozen ? noGrad(() => reader.once(batch.views)) : reader.once(batch.views));
  },
  loss(logits, batch) {
    if ("part" in batch) throw new Error("only random views are learned from");
    return classifyLoss(logits, batch.targets, { weights: null, labelSmoothing: LABEL_SMOOTHING });
  },
  decode: (logits) => logits.toFloat32Array(),
  evaluator: evaluatorOf,
  recordOf: ({ classes }) => ({ classes }),
  scores(network, head, { test, classes }) {
    const logits = logitsOf(network, head, test);
    return classificationScores(mostProbable(logits, classes.length), test.classes, classes.length);
  },

  finish(network, head, { column, classes, validation }, { features = network.name }) {
    const temperature = fitTemperature(logitsOf(network, head, validation), validation.classes, classes.length);
    const { name: model, weightsHash } = network;
    return { head, card: { model, features, weightsHash, column, classes, dim: network.reader.dim, temperature } };
  },
  pack: (model) =>
    ("head" in model
      ? packFeatureHead(model.head, model.card, {
          made: { skyloop: skyloopVersion(), seed: null, steps: null },
        })
      : packClassifier(model.classifier, model.card)) as ReturnType<typeof CLASSIFY.pack>,
  open: openClassModel,
  dispose: disposeClassModel,
  predict: (model, survey, progress) => predictProbabilities(survey, model, progress),
};

/** Class data as samples of the task. */
export function classSamples(data: SplitClassData, column: string): ClassSamples {
  const { train, validation, test } = data;
  const counts = { train: train.classes.length, validation: validation.classes.length, test: test.classes.length };
  return { ...data, column, counts };
}
