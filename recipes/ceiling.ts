/**
 * What these images allow: networks that learn the pixels with every label there is, beside the learner of a session on
 * frozen features with the same labels. The distance is what the features do not hold.
 *
 * Command: bin/skyloop recipe ceiling [--data ../shared/data] [--work runs/ceiling] [--questions bar,ring,…]
 *   [--networks resnet18-64,resnet18-88,resnet18-128,resnet50-64,lvm-nano-64,lvm-nano-128] [--steps 1000] [--seeds 1] [--threads 2]
 * Time: a question takes 5 minutes of processor time a network at 64 px, four times that at 128 px. What was computed is
 * kept in --work.
 * Expected: with every label the frozen features of lvm-nano-structures are as good as lvm-nano fine-tuned at 64 px or better
 * (docs/results/ceiling.md).
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SkyloopError } from "../src/base/errors.ts";
import { terminalProgress } from "../src/base/progress.ts";
import { Random } from "../src/base/random.ts";
import { type LabelledObject, labelledObjects, splitGroups } from "../src/evaluate/probe-data.ts";
import { jointFeatures } from "../src/evaluate/probe-features.ts";
import { HEADS } from "../src/evaluate/probe-heads.ts";
import { probeImages } from "../src/evaluate/probe-networks.ts";
import { featureSpace, LEARNER_VERSION } from "../src/loop/learn.ts";
import { softmaxRows } from "../src/measure/calibration.ts";
import { measureClasses } from "../src/measure/classes.ts";
import { plainReader } from "../src/models/feature-reader.ts";
import { openSurvey } from "../src/survey/folder.ts";
import { isConvnet } from "../src/tasks/classify/convnet.ts";
import { networkLogits } from "../src/tasks/classify/logits.ts";
import { createClassifier, disposeClassifier } from "../src/tasks/classify/network.ts";
import { embedSurvey } from "../src/tasks/embed/embed.ts";
import { manualSeed, setThreads } from "../src/torch/index.ts";
import { DEFAULT_NETWORK, trainNetwork } from "../src/train/classify/train-network.ts";
import { kept } from "./common/cells.ts";
import { publicSurvey } from "./common/surveys.ts";
import { markdown, shown, spread } from "./common/tables.ts";

interface Question {
  title: string;
  set: string;
  column: string;
  positive: string[];
  negative: string[];
}
const efigi = (title: string, column: string): Question => ({
  title,
  set: "efigi",
  column,
  positive: ["0.5", "0.75", "1"],
  negative: ["0"],
});
const galaxy10 = (title: string, label: string): Question => ({
  title,
  set: "galaxy10_decals",
  column: "label",
  positive: [label],
  negative: [],
});
const QUESTIONS: Record<string, Question> = {
  bar: efigi("EFIGI bar", "Bar_Length"),
  ring: efigi("EFIGI inner ring", "Inner_Ring"),
  perturbation: efigi("EFIGI perturbation", "Perturbation"),
  barred: galaxy10("Galaxy10 barred spiral", "spiral_barred"),
  merging: galaxy10("Galaxy10 merging", "merging"),
};
/** Feature sets whose distance from the ceiling is asked for. */
const FROZEN = ["lvm-nano", "lvm-nano-rings", "lvm-nano-structures"];
/** Share of the training objects that chooses when to stop, and how often it is asked. */
const [CHOOSING, LOOKS] = [0.2, 8];
const SPLIT = 1;

const { values: flags } = parseArgs({
  options: {
    data: { type: "string", default: "../shared/data" },
    work: { type: "string", default: "runs/ceiling" },
    questions: { type: "string", default: Object.keys(QUESTIONS).join(",") },
    networks: { type: "string", default: "resnet18-64,resnet18-88,resnet18-128,resnet50-64,lvm-nano-64,lvm-nano-128" },
    steps: { type: "string", default: "1000" },
    seeds: { type: "string", default: "1" },
    threads: { type: "string", default: "2" },
  },
});
setThreads(Number(flags.threads));
const steps = Number(flags.steps);
const seeds = Array.from({ length: Number(flags.seeds) }, (_, i) => i + 1);
const networks = flags.networks.split(",");

/** AUPR of the positive class among held-out objects. */
const auprOf = (scores: Float32Array, objects: LabelledObject[]) =>
  measureClasses(
    scores,
    objects.map(({ label }) => label),
    2,
  ).aupr;

/** A network trained on the pixels: AUPR at the step that did best on objects set aside from training. */
async function trained(
  folder: string,
  split: ReturnType<typeof splitGroups>,
  network: string,
  seed: number,
): Promise<{ aupr: number; step: number }> {
  const [, name, px] = /^(.+)-(\d+)$/.exec(network) ?? [];
  if (name === undefined)
    throw new SkyloopError("BAD_OPTION", `--networks takes names such as resnet18-64, not ${network}`);
  const survey = await openSurvey(folder);
  const images = await probeImages([survey], Number(px));
  survey.close();
  manualSeed(seed);
  const classifier = createClassifier({ name, classes: 2 });
  const { backbone } = classifier.network;
  if (Number(px) !== classifier.network.reader.sizePx) {
    if (!isConvnet(name) && Number(px) % classifier.network.reader.sizePx !== 0)
      throw new SkyloopError(
        "BAD_OPTION",
        `${name} reads multiples of ${classifier.network.reader.sizePx} px, not ${px}`,
      );
    // An LVM keeps its pooling and projection: maps have more tokens, their mean and maximum as many numbers.
    classifier.network.reader = isConvnet(name)
      ? plainReader(backbone, Number(px))
      : { ...classifier.network.reader, sizePx: Number(px) };
  }
  const order = new Random(seed).fork("choosing").shuffle([...split.train]);
  const aside = Math.round(CHOOSING * order.length);
  const [choosing, learning] = [order.slice(0, aside), order.slice(aside)];
  const targets = new Float32Array(images.shape[0] * 2);
  for (const { row, label } of learning) targets[row * 2 + label] = 1;
  const measure = (objects: LabelledObject[]) =>
    auprOf(
      softmaxRows(
        networkLogits(
          classifier,
          images,
          objects.map(({ row }) => row),
        ),
        2,
      ),
      objects,
    );
  let best = { chosen: -1, aupr: Number.NaN, step: 0 };
  try {
    await trainNetwork(
      classifier,
      { images, targets, classes: 2 },
      learning.map(({ row }) => row),
      {
        ...DEFAULT_NETWORK,
        steps,
        seed,
        look: {
          every: Math.ceil(steps / LOOKS),
          at(step) {
            const chosen = measure(choosing);
            if (chosen > best.chosen) best = { chosen, aupr: measure(split.validation), step };
          },
        },
      },
    );
  } finally {
    disposeClassifier(classifier);
    images.dispose();
  }
  return { aupr: best.aupr, step: best.step };
}

/** The learner of a session on frozen features with every label. */
async function frozen(folder: string, split: ReturnType<typeof splitGroups>, model: string, seed: number) {
  if (!existsSync(join(folder, "features", model, "features.json")))
    await embedSurvey(folder, { model, progress: terminalProgress(`features of ${model}`, "stamps") });
  const survey = await openSurvey(folder);
  const { data, dim } = await jointFeatures([survey], model);
  survey.close();
  const rows = split.validation.map(({ row }) => row);
  return { aupr: auprOf(HEADS.loop(featureSpace(data, dim), split.train, rows, 2, seed), split.validation), step: 0 };
}

const rows: string[][] = [];
const told = terminalProgress("ceiling", "cells");
const wanted = flags.questions.split(",");
const cells = wanted.length * (networks.length + FROZEN.length) * seeds.length;
let done = 0;
for (const name of wanted) {
  const question = QUESTIONS[name];
  if (question === undefined)
    throw new SkyloopError("BAD_OPTION", `--questions are of ${Object.keys(QUESTIONS).join(", ")}, not ${name}`);
  const folder = await publicSurvey(flags.data, flags.work, question.set);
  const survey = await openSurvey(folder);
  const { objects } = await labelledObjects([survey], [question.column], question.positive, question.negative);
  const { dataHash } = survey.header;
  survey.close();
  const split = splitGroups(objects, SPLIT);
  const share = objects.filter(({ label }) => label === 1).length / objects.length;
  const columns: string[] = [];
  for (const column of [...FROZEN, ...networks]) {
    const found: { aupr: number; step: number }[] = [];
    for (const seed of seeds) {
      const key = FROZEN.includes(column)
        ? { question, dataHash, steps: 0, version: 1, learner: LEARNER_VERSION }
        : { question, dataHash, steps, version: 1 };
      const path = join(flags.work, "cells", `${name}-${column}-${seed}.json`);
      const make = FROZEN.includes(column) ? frozen : trained;
      found.push(await kept(path, key, () => make(folder, split, column, seed)));
      told.update(++done, cells);
    }
    const aupr = shown(spread(found.map((one) => one.aupr)), 3);
    columns.push(FROZEN.includes(column) ? aupr : `${aupr} (${found.map(({ step }) => step).join(", ")})`);
  }
  rows.push([question.title, share.toFixed(2), `${split.train.length} / ${split.validation.length}`, ...columns]);
}
told.end();
const header = [
  "question",
  "share",
  "learned from / measured on",
  ...FROZEN.map((one) => `${one}, frozen`),
  ...networks,
];
process.stdout.write(
  `AUPR with every label; networks: ${steps} steps of ${DEFAULT_NETWORK.batchSize}, in brackets the step chosen by a fifth of the training objects; ${seeds.length} seed${seeds.length === 1 ? "" : "s"}.\n\n${markdown(header, rows)}\n`,
);
