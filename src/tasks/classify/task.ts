/** Classification as a task: labelled objects, what a network is given of each, and a head that says its class. */
import { blocks } from "../../base/blocks.ts";
import { SkyloopError } from "../../base/errors.ts";
import { augment } from "../../batches/augment.ts";
import { fitTemperature, negativeLogLikelihood, scoreLogits } from "../../measure/calibration.ts";
import { classificationScores, mostProbable } from "../../measure/classification.ts";
import { noGrad, scope, type Tensor, tensor } from "../../torch/index.ts";
import { skyloopVersion } from "../card.ts";
import type { Evaluator, MeasuredPart, Network, Schedule, Task } from "../task.ts";
import { endsInClasses, isConvnet, NoHead } from "./convnet.ts";
import { type ClassSamples, loadClasses } from "./data.ts";
import { CLASSIFY_NAME, ClassifyHead, classifyLoss, pickRows } from "./head.ts";
import { isKept, networkOfHead } from "./kept-features.ts";
import { hardClasses } from "./labels.ts";
import { perBlock } from "./logits.ts";
import { classNetwork } from "./network.ts";
import { type ClassModel, disposeClassModel, openClassModel, packClassModel, predictProbabilities } from "./predict.ts";

/** What a network is given of some objects, and their targets [n, classes]; `varied`: random views of training images. */
interface ClassBatch {
  inputs: Tensor;
  targets: Float32Array;
  varied: boolean;
  data: ClassSamples;
}

/** Images of a step for each crop of the image tasks': they cost about the same, since classes need no decoder. */
export const CLASS_BATCH_TIMES = 4;

/** Features [n, dim] of some objects, not varied. */
const featuresOf = (network: Network, { inputs, atOnce }: ClassSamples, places: number[]): Float32Array =>
  perBlock(places, atOnce, (some) => network.reader.of(inputs(some)));

/** Logits [n, classes] of the objects of a part, not varied. */
export function classLogits(
  network: Network,
  head: { forward(features: Tensor): Tensor },
  data: ClassSamples,
  part: MeasuredPart,
): Float32Array {
  return perBlock(data.split[part], data.atOnce, (some) => head.forward(network.reader.of(data.inputs(some))));
}

function evaluatorOf({ classes }: ClassSamples): Evaluator<ClassBatch, Float32Array> {
  let [found, truth]: number[][] = [[], []];
  return {
    reset() {
      [found, truth] = [[], []];
    },
    process({ targets }, logits) {
      for (const logit of logits) found.push(logit);
      truth.push(...hardClasses({ targets, classes }));
    },
    evaluate() {
      const K = classes.length;
      const { accuracy, macroF1 } = classificationScores(mostProbable(found, K), truth, K);
      const loss = negativeLogLikelihood(found, truth, K);
      return { deficit: 1 - macroF1, measures: { accuracy, macroF1, loss }, loss };
    },
  };
}

/** Epochs of a head on features, and without a better one after which it stops. */
const HEAD = { epochs: 100, patience: 15, batchSize: 64, learningRate: 1e-3 } as const;
/** Passes over the training objects of a network that learns as a whole, and the fewest steps. */
const WHOLE = {
  epochs: 20,
  leastSteps: 150,
  batchSize: 32,
  learningRate: 1e-3,
  encoderRate: 0.1,
  records: 12,
} as const;
/** Weights that begin without knowledge, and large networks without normalisation, do not stand the head's rate. */
const CONVNET_RATE = 3e-4;
const WEIGHT_DECAY = 0.05;

/** After how many training steps every object has been drawn once, on average. */
export const stepsOfEpoch = ({ split: { train } }: ClassSamples, { batchSize }: { batchSize: number }): number =>
  Math.ceil(train.length / (CLASS_BATCH_TIMES * batchSize));

/** As long and as fast as each way of learning likes it; `epochs` of the samples bound it. */
function scheduleOf(data: ClassSamples, network: Network, frozen: boolean): Partial<Schedule> {
  const settings = frozen ? HEAD : WHOLE;
  const batchSize = settings.batchSize / CLASS_BATCH_TIMES;
  const perEpoch = stepsOfEpoch(data, { batchSize });
  const common = { batchSize, weightDecay: WEIGHT_DECAY };
  if (frozen) {
    const { patience, learningRate } = HEAD;
    const steps = (data.epochs ?? HEAD.epochs) * perEpoch;
    return {
      ...common,
      steps,
      learningRate,
      patience,
      rate: "constant",
      validateEvery: perEpoch,
      checkpointEvery: 10 * perEpoch,
    };
  }
  const steps =
    data.epochs === undefined ? Math.max(WHOLE.leastSteps, WHOLE.epochs * perEpoch) : data.epochs * perEpoch;
  return {
    ...common,
    steps,
    learningRate: isConvnet(network.name) ? CONVNET_RATE : WHOLE.learningRate,
    encoderRate: WHOLE.encoderRate,
    warmupSteps: Math.max(1, Math.round(0.1 * steps)),
    validateEvery: Math.max(1, Math.round(steps / WHOLE.records)),
    checkpointEvery: Math.max(1, Math.round(steps / WHOLE.records)),
  };
}

/** Which class a galaxy is of. */
export const CLASSIFY: Task<ClassSamples, ClassBatch, ClassifyHead | NoHead, Float32Array, ClassModel> = {
  name: CLASSIFY_NAME,
  deficitLabel: "1 - macro F1",
  source: "classes",
  batchTimes: CLASS_BATCH_TIMES,
  needs: ["features"],

  network: classNetwork,
  schedule: scheduleOf,
  load: loadClasses,
  runKey: () => ({}),
  createHead(network, data) {
    if (endsInClasses(network)) return new NoHead();
    const { dim } = network.reader;
    const head = new ClassifyHead(dim, data.classes.length, data.learning.dropout);
    head.standardise(featuresOf(network, data, data.split.train), dim);
    return head;
  },
  draw(network, data, count, random) {
    const { split, inputs, targets, classes, learning } = data;
    const places = Array.from({ length: count }, () => split.train[random.int(split.train.length)]);
    const given = inputs(places);
    return {
      inputs: isKept(network) ? given : augment(given, random, { ...learning.augment, sizePx: network.reader.sizePx }),
      targets: pickRows(targets, classes.length, places),
      varied: true,
      data,
    };
  },
  eachBatch(data, part, use) {
    const { inputs, split, targets, classes, atOnce } = data;
    const places = split[part];
    for (const { from, to } of blocks(places.length, atOnce))
      noGrad(() =>
        scope(() => {
          const some = places.slice(from, to);
          use({ inputs: inputs(some), targets: pickRows(targets, classes.length, some), varied: false, data });
        }),
      );
  },
  forward({ reader }, head, { inputs, varied }, frozen) {
    const read = () => (varied ? reader.once(inputs) : reader.of(inputs));
    return head.forward(frozen ? noGrad(read) : read());
  },
  loss(logits, { targets, data: { classes, classWeights, learning } }) {
    const K = classes.length;
    return classifyLoss(logits, tensor(targets, [targets.length / K, K]), {
      weights: classWeights === null ? null : tensor(classWeights, [K]),
      labelSmoothing: learning.labelSmoothing,
    });
  },
  decode: (logits) => logits.toFloat32Array(),
  evaluator: evaluatorOf,
  recordOf: ({ column, classes }) => ({ column, classes }),
  scores(network, head, data, model) {
    const logits = classLogits(network, head, data, "test");
    const truth = data.split.test.map((place) => data.truth[place]);
    const K = data.classes.length;
    return model === undefined
      ? classificationScores(mostProbable(logits, K), truth, K)
      : scoreLogits(logits, truth, K, model.card.temperature);
  },

  finish(network, head, data, { seed, steps, features }) {
    const { column, classes, split, truth, splitBy, dataHash } = data;
    const validation = split.validation.map((place) => truth[place]);
    const temperature = fitTemperature(classLogits(network, head, data, "validation"), validation, classes.length);
    const { name: model, weightsHash, reader } = network;
    const about = { trainedOn: { dataHash }, made: { skyloop: skyloopVersion(), seed, steps } };
    const card = { model, column, classes, temperature, splitBy };
    if (features === undefined || !(head instanceof ClassifyHead))
      return { network, head, card: { ...card, sizePx: reader.sizePx }, about };
    return { head, card: { ...card, features, weightsHash, dim: reader.dim }, about };
  },
  pack: (model) => packClassModel(model) as ReturnType<typeof CLASSIFY.pack>,
  open: openClassModel,
  dispose: disposeClassModel,
  async parts(model, folder, progress) {
    if ("network" in model) return { network: model.network, head: model.head as ClassifyHead | NoHead };
    const { network, inputs } = await networkOfHead(folder, model.card, progress);
    return { network, head: model.head, inputs: () => Promise.resolve(inputs) };
  },
  readAs({ card: { column, classes, splitBy } }, which) {
    const own = column.includes(",") ? { votes: column.split(",") } : { column, known: classes };
    if (which === "everything") return { own: { ...own, split: "everything" } };
    if (splitBy == null)
      throw new SkyloopError(
        "BAD_HEAD",
        "this head does not say which objects its training left to measure with; measure it on another survey with `skyloop evaluate classify`",
      );
    return { own: { ...own, ...(splitBy.shares === undefined ? {} : { split: splitBy.shares }) }, seed: splitBy.seed };
  },
  predict: (model, survey, progress) => predictProbabilities(survey, model, progress),
};
