/** A toy task in one file: the mean colour of a stamp, red minus blue, as a number in a column. */

import { SILENT } from "../../src/base/progress.ts";
import { loadInputs } from "../../src/batches/inputs.ts";
import { stratifiedSplit } from "../../src/batches/split.ts";
import { featuresOf } from "../../src/models/feature-reader.ts";
import { createModel, type LoadedBackbone } from "../../src/models/index.ts";
import { Linear } from "../../src/nn/index.ts";
import { openSurvey } from "../../src/survey/folder.ts";
import type { Samples, Task } from "../../src/tasks/task.ts";
import { mseLoss, noGrad, scope, type Tensor, tensor } from "../../src/torch/index.ts";

/** Images [N, 3, S, S] and the colour [N] of each. */
interface Part {
  images: Float32Array;
  sizePx: number;
  colours: Float32Array;
}

interface ColourSamples extends Samples, Record<"train" | "validation" | "test", Part> {}

interface ColourBatch {
  images: Tensor;
  colours: Float32Array;
}

interface ColourModel {
  network: LoadedBackbone;
  head: Linear;
  dataHash: string;
  made: { seed: number; steps: number };
}

/** Mean of the first plane less that of the last, [N]. */
function coloursOf(images: Float32Array, sizePx: number): Float32Array {
  const plane = sizePx ** 2;
  const mean = (from: number) => images.subarray(from, from + plane).reduce((sum, value) => sum + value, 0) / plane;
  return Float32Array.from({ length: images.length / (3 * plane) }, (_, i) => {
    const from = 3 * plane * i;
    return mean(from) - mean(from + 2 * plane);
  });
}

const pickedOf = ({ images, sizePx, colours }: Part, rows: number[]): ColourBatch => {
  const size = 3 * sizePx ** 2;
  const picked = new Float32Array(rows.length * size);
  for (const [i, row] of rows.entries()) picked.set(images.subarray(row * size, (row + 1) * size), i * size);
  return {
    images: tensor(picked, [rows.length, 3, sizePx, sizePx]),
    colours: Float32Array.from(rows, (row) => colours[row]),
  };
};

/** Mean colour, learned from the pixels. */
export const MEAN_COLOUR: Task<ColourSamples, ColourBatch, Linear, Float32Array, ColourModel> = {
  name: "mean-colour",
  deficitLabel: "error / spread",
  source: "stamps",
  batchTimes: 2,
  needs: ["features"],

  async load(folder, { seed, inputPx, progress }) {
    const survey = await openSurvey(folder);
    survey.close();
    const all = Array.from({ length: survey.count }, (_, row) => row);
    const split = stratifiedSplit(new Int32Array(all.length), { validation: 0.25, test: 0.25 }, seed);
    const partOf = async (rows: number[]): Promise<Part> => {
      const loaded = await loadInputs(
        folder,
        inputPx,
        [...rows].sort((a, b) => a - b),
        progress,
      );
      const images = scope(() => loaded.to("float32").toFloat32Array());
      loaded.dispose();
      return { images, sizePx: inputPx, colours: coloursOf(images, inputPx) };
    };
    const [train, validation, test] = [
      await partOf(split.train),
      await partOf(split.validation),
      await partOf(split.test),
    ];
    const counts = { train: split.train.length, validation: split.validation.length, test: split.test.length };
    return { dataHash: survey.header.dataHash, counts, train, validation, test };
  },
  runKey: () => ({ toy: 1 }),
  createHead: ({ backbone }) => new Linear(backbone.featureDim, 1),
  draw: (_, { train }, count, random) =>
    pickedOf(
      train,
      Array.from({ length: count }, () => random.int(train.colours.length)),
    ),
  eachBatch: (data, part, use) => noGrad(() => scope(() => use(pickedOf(data[part], [...data[part].colours.keys()])))),
  forward: ({ backbone }, head, { images }, frozen) =>
    head.forward(frozen ? noGrad(() => backbone.features(images)) : backbone.features(images)),
  loss: (output, { colours }) => mseLoss(output, tensor(colours, [colours.length, 1])),
  decode: (output) => output.toFloat32Array(),
  evaluator() {
    let [found, truth]: number[][] = [[], []];
    return {
      reset() {
        [found, truth] = [[], []];
      },
      process({ colours }, numbers) {
        found.push(...numbers);
        truth.push(...colours);
      },
      evaluate() {
        const error = Math.sqrt(found.reduce((sum, value, i) => sum + (value - truth[i]) ** 2, 0) / found.length);
        return { deficit: Math.min(1, error), measures: { error } };
      },
    };
  },

  finish: (network, head, { dataHash }, made) => ({ network, head, dataHash, made }),
  pack: ({ network, head, dataHash, made }) => ({
    backbone: { name: network.name, weightsHash: null },
    trainedOn: { dataHash },
    made: { skyloop: null, seed: made.seed, steps: made.steps },
    details: {},
    tensors: Object.fromEntries([
      ...network.backbone.kept().map(([name, value]) => [`encoder.${name}`, value]),
      ...Object.entries(head.stateDict()).map(([name, value]) => [`head.${name}`, value]),
    ]),
  }),
  open({ backbone: { name }, trainedOn, made }, tensors) {
    const under = (part: string) =>
      Object.fromEntries(
        Object.entries(tensors).flatMap(([key, value]) =>
          key.startsWith(part) ? [[key.slice(part.length), value]] : [],
        ),
      );
    const backbone = createModel(name);
    backbone.loadStateDict(under("encoder."), { partial: true });
    const head = new Linear(backbone.featureDim, 1);
    head.loadStateDict(under("head."));
    const reader = featuresOf(backbone.eval());
    const network = { name, backbone, reader, weightsHash: "none" };
    return {
      network,
      head,
      dataHash: trainedOn.dataHash ?? "",
      made: { seed: made.seed ?? 1, steps: made.steps ?? 0 },
    };
  },
  dispose({ network, head }) {
    network.backbone.dispose();
    head.dispose();
  },
  parts: ({ network, head }) => ({ network, head }),

  async predict({ network, head }, survey) {
    const rows = Array.from({ length: survey.count }, (_, row) => row);
    const images = await loadInputs(survey.folder, network.reader.sizePx, rows, SILENT);
    const values = noGrad(() =>
      scope(() => head.forward(network.backbone.features(images.to("float32"))).toFloat32Array()),
    );
    images.dispose();
    return { columns: [{ name: "colour", about: "red less blue" }], values, offsets: null };
  },
};
