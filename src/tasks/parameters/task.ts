/**
 * Parameters as a task: numbers of the catalogue, learned from pixels beside other tasks. `skyloop train parameters` learns
 * them from features on disk and measured numbers instead; the heads are the same.
 */

import { Random } from "../../base/random.ts";
import { augment, DEFAULT_AUGMENT } from "../../batches/augment.ts";
import { modelInput } from "../../stamps/model-input.ts";
import { openSurvey } from "../../survey/folder.ts";
import { noGrad, scope, type Tensor, tensor } from "../../torch/index.ts";
import type { Evaluator, Network, Samples, Task } from "../task.ts";
import { gaussianLoss, ParameterHead } from "./head.ts";
import { fitStretch } from "./intervals.ts";
import {
  openParameters,
  PARAMETERS_NAME,
  type ParameterModel,
  type ParametersDetails,
  packParameters,
  predictParameters,
} from "./model.ts";
import { readTarget } from "./targets.ts";

/** Images in memory and the number of each. */
interface NumberData {
  images: Float32Array;
  sizePx: number;
  values: Float32Array;
}

/** Images of a survey with a number each. */
export interface NumberSamples extends Samples {
  column: string;
  unit?: string;
  train: NumberData;
  validation: NumberData;
  test: NumberData;
}

/** Options of the task in `SampleOptions.own`: the column, and values that mean "missing". */
export interface ParametersOwn {
  column?: string;
  missing?: number[];
}

type NumberBatch = { images: Tensor; values: Float32Array; shift: number; scale: number };

const SHARES = { validation: 0.15, test: 0.2 } as const;
const READ_AT_ONCE = 64;
/** Images of a step for each crop of the image tasks': they cost about the same. */
const BATCH_TIMES = 4;

async function loadNumbers(folder: string, { column = "label", missing }: ParametersOwn, options: LoadOptions) {
  const survey = await openSurvey(folder);
  try {
    const target = readTarget(survey, column, { missing: missing ?? null, circular: [] });
    const known = Array.from(target.values.keys()).filter((row) => Number.isFinite(target.values[row]));
    const order = Array.from(
      new Random(options.seed).fork("numbers").sample(known.length, known.length),
      (i) => known[i],
    );
    const [test, validation] = [SHARES.test, SHARES.validation].map((share) =>
      Math.max(1, Math.round(share * known.length)),
    );
    const part = async (rows: number[]): Promise<NumberData> => {
      const plane = 3 * options.inputPx ** 2;
      const images = new Float32Array(rows.length * plane);
      for (const [i, row] of rows.entries()) {
        const { adaptiveCrop } = survey.header;
        const input = modelInput(await survey.readStamp(row), { sizePx: options.inputPx, adaptiveCrop });
        // A pixel without a measurement is dark to a model.
        images.set(
          input.map((value) => (Number.isFinite(value) ? value : 0)),
          i * plane,
        );
      }
      return { images, sizePx: options.inputPx, values: Float32Array.from(rows, (row) => target.values[row]) };
    };
    return {
      dataHash: survey.header.dataHash,
      unit: target.unit,
      column,
      test: await part(order.slice(0, test)),
      validation: await part(order.slice(test, test + validation)),
      train: await part(order.slice(test + validation).slice(0, options.mostTrain)),
    };
  } finally {
    survey.close();
  }
}
interface LoadOptions {
  seed: number;
  inputPx: number;
  mostTrain?: number;
}

/** Mean and deviation of the training values. */
function scaleOf({ train: { values } }: NumberSamples): { shift: number; scale: number } {
  const shift = values.reduce((sum, value) => sum + value, 0) / values.length;
  const scale = Math.sqrt(values.reduce((sum, value) => sum + (value - shift) ** 2, 0) / values.length) || 1;
  return { shift, scale };
}

/** Features [N, dim] of images that are not augmented. */
function featuresOf({ reader }: Network, { images, sizePx, values }: NumberData): Float32Array {
  const [plane, N] = [3 * sizePx ** 2, values.length];
  const out = new Float32Array(N * reader.dim);
  for (let from = 0; from < N; from += READ_AT_ONCE) {
    const n = Math.min(READ_AT_ONCE, N - from);
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

function evaluatorOf(data: NumberSamples): Evaluator<NumberBatch, Float32Array> {
  let [found, truth]: number[][] = [[], []];
  const { shift } = scaleOf(data);
  return {
    reset() {
      [found, truth] = [[], []];
    },
    process(batch, mean) {
      found.push(...mean);
      truth.push(...batch.values);
    },
    evaluate() {
      const square = truth.reduce((sum, value, i) => sum + (value - found[i]) ** 2, 0);
      const total = truth.reduce((sum, value) => sum + (value - shift) ** 2, 0);
      const unexplained = total > 0 ? square / total : 1;
      return {
        deficit: Math.min(1, unexplained),
        measures: { rmse: Math.sqrt(square / truth.length), r2: 1 - unexplained },
      };
    },
  };
}

/** What its parameters are: numbers of a column, with their spread. */
export const PARAMETERS: Task<
  NumberSamples,
  NumberBatch,
  ParameterHead,
  Float32Array,
  ParameterModel,
  ParametersDetails
> = {
  name: PARAMETERS_NAME,
  deficitLabel: "1 - R2",
  source: "numbers",
  batchTimes: BATCH_TIMES,
  needs: ["features"],

  async load(folder, { seed, inputPx, mostTrain, own = {} }) {
    const data = await loadNumbers(folder, own as ParametersOwn, { seed, inputPx, mostTrain });
    const { train, validation, test } = data;
    return {
      ...data,
      counts: { train: train.values.length, validation: validation.values.length, test: test.values.length },
    };
  },
  runKey: () => ({}),
  createHead(network, data) {
    const head = new ParameterHead({ inputs: network.reader.dim, outputs: 1, members: 1 });
    head.standardise(featuresOf(network, data.train), data.train.values);
    return head;
  },
  draw({ reader }, data, count, random) {
    const { images, sizePx, values } = data.train;
    const plane = 3 * sizePx ** 2;
    const rows = Array.from({ length: count }, () => random.int(values.length));
    const picked = new Float32Array(count * plane);
    for (const [i, row] of rows.entries()) picked.set(images.subarray(row * plane, (row + 1) * plane), i * plane);
    return {
      images: augment(tensor(picked, [count, 3, sizePx, sizePx]), random, {
        ...DEFAULT_AUGMENT,
        sizePx: reader.sizePx,
      }),
      values: Float32Array.from(rows, (row) => values[row]),
      ...scaleOf(data),
    };
  },
  eachBatch(data, part, use) {
    const { images, sizePx, values } = data[part];
    const plane = 3 * sizePx ** 2;
    for (let from = 0; from < values.length; from += READ_AT_ONCE) {
      const n = Math.min(READ_AT_ONCE, values.length - from);
      noGrad(() =>
        scope(() =>
          use({
            images: tensor(images.subarray(from * plane, (from + n) * plane), [n, 3, sizePx, sizePx]),
            values: values.subarray(from, from + n),
            ...scaleOf(data),
          }),
        ),
      );
    }
  },
  forward: ({ reader }, head, { images }, frozen) =>
    head.forward(frozen ? noGrad(() => reader.of(images)) : reader.once(images)),
  loss(said, { values, shift, scale }) {
    const wanted = values.map((value) => (value - shift) / scale);
    return gaussianLoss(
      said,
      tensor(wanted, [1, values.length]),
      tensor(new Float32Array(values.length).fill(1), [1, values.length]),
    );
  },
  decode: (said, { shift, scale }) => said.select(2, 0).select(0, 0).mul(scale).add(shift).toFloat32Array(),
  evaluator: evaluatorOf,

  finish(network, head, data, { seed, steps, features = network.name }) {
    const { reader, name: model, weightsHash } = network;
    const { validation, train, column, unit } = data;
    const said = head.say(featuresOf(network, validation));
    const of = (at: 0 | 1) => Array.from(validation.values, (_, i) => said[2 * i + at]);
    const residuals = of(0).map((mean, i) => validation.values[i] - mean);
    const own = unit === undefined ? {} : { unit };
    const details: ParametersDetails = {
      plan: {
        features: { name: features, model, weightsHash, dim: reader.dim },
        table: null,
        numbers: [],
        angles: [],
        flags: [],
      },
      members: 1,
      parameters: [
        {
          name: column,
          ...own,
          circular: false,
          least: train.values.reduce((a, b) => Math.min(a, b)),
          greatest: train.values.reduce((a, b) => Math.max(a, b)),
          bounded: [false, false],
          stretch: fitStretch(residuals, of(1)),
        },
      ],
      // Nothing is far for a head whose encoder has learned with it.
      reference: { limit: Number.MAX_VALUE },
    };
    const trainedOn = { dataHash: data.dataHash };
    return { head, details, reference: new Float32Array(reader.dim), trainedOn, made: { skyloop: null, seed, steps } };
  },
  pack: packParameters,
  open: openParameters,
  dispose: ({ head }) => head.dispose(),
  predict: (model, survey, progress) => predictParameters(model, survey, progress),
};
