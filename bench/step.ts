/**
 * One measurement of ours in a process of its own: `tsx step.ts encode|train MODEL BATCH SIZE SECONDS PRECISION`,
 * prints what bench/peers/swin.py prints.
 */

import { Random } from "../src/base/random.ts";
import { createModel } from "../src/models/index.ts";
import {
  Adam,
  manualSeed,
  noGrad,
  type Parameter,
  type Precision,
  rand,
  scope,
  setPrecision,
} from "../src/torch/index.ts";
import { OBJECTIVES } from "../src/train/pretrain/objectives/index.ts";
import { measure } from "./measure.ts";

const [work, name, batch, sizePx, seconds] = [
  process.argv[2],
  process.argv[3],
  ...process.argv.slice(4, 7).map(Number),
] as [string, string, number, number, number];
setPrecision(process.argv[7] as Precision);
manualSeed(1);
const model = createModel(name).train(work === "train");
const images = rand([batch, 3, sizePx, sizePx]);
const head = OBJECTIVES.masked(model);
const learned: [string, Parameter][] = [...model.namedParameters(), ...head.namedParameters()];
const optimiser = new Adam(learned, { learningRate: 1e-4 });
const random = new Random(1);
const truth = new Array<null>(batch).fill(null);
const places = [...truth.keys()];
const painted = new Float32Array();
const step = () => {
  if (work === "encode") return noGrad(() => scope(() => void model.encode(images).features.mean(1).toFloat32Array()));
  optimiser.zeroGrad();
  scope(() => {
    const { loss } = head.loss({
      model,
      views: images,
      places,
      rows: places,
      painted,
      truth,
      random,
      features: () => images,
    });
    loss.backward();
  });
  optimiser.step();
};
await measure(step, batch, seconds);
