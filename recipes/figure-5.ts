/**
 * Figure 5 of the paper: accuracy of five classes with few examples, LVM with a head against AlexNet, VGG16, ResNet18
 * and ResNet50 from scratch.
 *
 * Command: bin/skyloop recipe figure-5 [--only lvm|resnet18,…] [--sizes 10,50] [--model NAME] [--weights FILE]
 *          [--seeds N,M] [--steps N] [--quick] [--done] [--data ../shared/data] [--work runs/figure-5]
 *          [--out reports/figure-5] [--threads 2]
 * --seeds: how many with up to 50 a class, and with more; one number is for both.
 * Time: hours on two cores without GPU; a cell of `lvm-tiny` takes 10 s of one core frozen and 75 s fine-tuned,
 * ResNet18's and AlexNet's 20 to 30 s, ResNet50's and VGG16's more. Each cell (network x size x seed) is kept as it is
 * done: a stopped run goes on, several can share the work by `--only` and `--sizes` with an `--out` each, `--done`
 * reports the cells that are there without doing more, and `--only lvm --model NAME` or `--weights FILE` makes those
 * of another model or of other weights.
 * Expected: the table in docs/results/few-shot.md, within its spreads.
 *
 * Data: the five classes that EFIGI's T types make (elliptical, lenticular, early spiral, late spiral, irregular), by
 * professional astronomers on SDSS pictures; the paper's five come from Galaxy Zoo votes on images that cannot be had
 * as a set. The rarest class leaves 205 to draw from, so every size fits. The released LVM saw these images in its
 * pre-training, without their labels, those of the test set among them; the other networks saw only the examples.
 */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SkyloopError } from "../src/base/errors.ts";
import { hashBytes, hashFile, readJson, writeFileAtomic } from "../src/base/files.ts";
import { terminalProgress } from "../src/base/progress.ts";
import { loadImageBank } from "../src/batches/image-bank.ts";
import { type CellResult, drawPerClass, holdOut, runCell, spareObjects } from "../src/evaluate/few-shot.ts";
import { releasedWeights } from "../src/models/index.ts";
import { lineChart } from "../src/plot/lines.ts";
import { openSurvey } from "../src/survey/folder.ts";
import { hardClasses, readClasses } from "../src/tasks/classify/labels.ts";
import type { FeaturesByRow } from "../src/tasks/classify/logits.ts";
import { keep, scope, setThreads } from "../src/torch/index.ts";
import { DEFAULT_NETWORK } from "../src/train/classify/train-network.ts";
import { keepCell, keptCell } from "./common/cells.ts";
import { publicSurvey } from "./common/surveys.ts";
import { markdown, shown, spread } from "./common/tables.ts";

/** The same for every network. */
const BUDGET = {
  sizePx: 64,
  steps: 100,
  batchSize: 16,
  learningRates: [1e-3, 3e-4, 1e-4],
  pilotPerClass: 20,
  test: 60,
  validation: 30,
  splitSeed: 1,
  measured: "test and spare",
};
/** Up to so many a class are few: these columns are measured with more seeds. */
const FEW = 50;
const BASELINES = ["alexnet", "resnet18", "resnet50", "vgg16"] as const;
const LVM = ["lvm-frozen", "lvm-fine-tuned"] as const;
const NAMES: Record<string, string> = {
  "lvm-frozen": "LVM, frozen",
  "lvm-fine-tuned": "LVM, fine-tuned",
  alexnet: "AlexNet",
  resnet18: "ResNet18",
  resnet50: "ResNet50",
  vgg16: "VGG16",
};

const { values: flags } = parseArgs({
  options: {
    only: { type: "string", default: [...LVM, ...BASELINES].join() },
    sizes: { type: "string", default: "10,50,20,200,100,0" },
    model: { type: "string", default: "lvm-tiny" },
    weights: { type: "string" },
    seeds: { type: "string", default: "16,3" },
    steps: { type: "string", default: String(BUDGET.steps) },
    quick: { type: "boolean", default: false },
    done: { type: "boolean", default: false },
    data: { type: "string", default: "../shared/data" },
    work: { type: "string", default: "runs/figure-5" },
    out: { type: "string", default: "reports/figure-5" },
    threads: { type: "string", default: "2" },
  },
});
setThreads(Number(flags.threads));
const steps = flags.quick ? 3 : Number(flags.steps);
const sizes = flags.quick ? [10] : flags.sizes.split(",").map(Number);
const [fewSeeds, manySeeds] = flags.quick ? [1, 1] : flags.seeds.split(",").map(Number);
/** Seeds of a column. */
const seedsOf = (perClass: number) =>
  Array.from({ length: perClass > 0 && perClass <= FEW ? fewSeeds : (manySeeds ?? fewSeeds) }, (_, i) => i + 1);
const asked = flags.only.split(",").flatMap((name) => (name === "lvm" ? LVM : [name]));
const unknown = asked.filter((name) => !(name in NAMES));
if (unknown.length > 0)
  throw new SkyloopError(
    "BAD_OPTION",
    `--only is a list of lvm, ${Object.keys(NAMES).join(", ")}, not ${unknown.join(", ")}`,
  );
const weights = flags.weights ?? releasedWeights(flags.model);

async function load() {
  const folder = await publicSurvey(flags.data, flags.work, "efigi");
  const survey = await openSurvey(folder);
  const labelled = readClasses(survey, "label");
  survey.close();
  const bank = await loadImageBank([folder], BUDGET.sizePx, terminalProgress("images", "stamps"));
  if (bank.count !== survey.header.count)
    throw new SkyloopError(
      "SURVEY_BROKEN",
      `${bank.skipped} images of ${folder} cannot be read; delete it and run again`,
    );
  const classes = labelled.classes.length;
  const targets = new Float32Array(bank.count * classes);
  const truth = new Int32Array(bank.count).fill(-1);
  const hard = hardClasses(labelled);
  for (const [i, row] of labelled.rows.entries()) {
    targets.set(labelled.targets.subarray(i * classes, (i + 1) * classes), row * classes);
    truth[row] = hard[i];
  }
  return {
    images: keep(scope(() => bank.take(Array.from({ length: bank.count }, (_, row) => row)).to("float16"))),
    targets,
    classes,
    truth,
    names: labelled.classes,
    dataHash: bank.dataHash,
  };
}

const data = await load();
const split = holdOut(data.truth, data.classes, flags.quick ? { test: 5, validation: 5 } : BUDGET, BUDGET.splitSeed);
const weightsHash = await hashFile(weights);
/** What the frozen LVM finds in each image. */
const known: FeaturesByRow = new Map();

interface Cell extends Omit<CellResult, "predicted"> {
  network: string;
  measured: number;
  /** Accuracy on the held-out objects alone, which are the same in every column. */
  testAccuracy: number;
  perClass: number;
  seed: number;
  learningRate: number;
}

type Part = "pilot" | "test";

/** All that a cell's result depends on. */
function cellKey(network: string, perClass: number, seed: number, learningRate: number, part: Part): unknown {
  const weightsOf = network.startsWith("lvm") ? [flags.model, weightsHash] : null;
  return [network, weightsOf, perClass, seed, learningRate, part, steps, BUDGET, data.dataHash, flags.quick];
}

/** The cell, from where it is kept or by doing it; null where it is not there and `--done` asks for no more. */
async function cell(
  network: string,
  perClass: number,
  seed: number,
  learningRate: number,
  part: Part,
): Promise<Cell | null> {
  const key = cellKey(network, perClass, seed, learningRate, part);
  // Cells of other budgets and weights stay beside this one.
  const name = `${network}-${perClass}-${seed}-${part}-${hashBytes(JSON.stringify(key)).slice(0, 12)}.json`;
  const path = join(flags.work, "cells", name);
  const before = keptCell<Cell>(path, key);
  if (before !== null || flags.done) return before;
  const train = drawPerClass(split.pool, data.truth, data.classes, perClass, seed);
  const heldOut = part === "pilot" ? split.validation : split.test;
  const measured =
    part === "pilot" ? heldOut : [...heldOut, ...spareObjects(split.pool, data.truth, data.classes, train)];
  const options = { ...DEFAULT_NETWORK, steps, batchSize: BUDGET.batchSize, learningRate, seed };
  const wanted = network.startsWith("lvm")
    ? { name: flags.model, weights, frozen: network === "lvm-frozen" }
    : { name: network };
  const { predicted, ...result } = await runCell(wanted, data, { train, measured }, options, known);
  const testAccuracy = heldOut.filter((object, i) => predicted[i] === data.truth[object]).length / heldOut.length;
  const found: Cell = { network, perClass, seed, learningRate, measured: measured.length, testAccuracy, ...result };
  process.stderr.write(
    `${part} ${network} ${perClass || "all"} a class, seed ${seed}, learning rate ${learningRate}: accuracy ${found.accuracy.toFixed(3)}, loss ${found.lastLoss.toFixed(2)}, ${found.seconds} s\n`,
  );
  return keepCell(path, key, found);
}

/**
 * The learning rate with the best accuracy on validation objects, with one draw of examples: the same effort for every
 * network. Null where one is not tried yet.
 */
async function chosenRate(network: string): Promise<number | null> {
  const pilots: Cell[] = [];
  for (const rate of BUDGET.learningRates) {
    const pilot = await cell(network, BUDGET.pilotPerClass, 0, rate, "pilot");
    if (pilot !== null) pilots.push(pilot);
  }
  return pilots.length < BUDGET.learningRates.length
    ? null
    : pilots.reduce((best, pilot) => (pilot.accuracy > best.accuracy ? pilot : best)).learningRate;
}

/** An LVM against the best of the others, by pairs of the same seed. */
function comparison(name: string, perClass: number, of: (network: string, perClass: number) => Cell[]): string {
  const text = `- ${NAMES[name]}, ${perClass || "all"} a class`;
  const own = of(name, perClass);
  const mean = (cells: Cell[]) => spread(cells.map(({ accuracy }) => accuracy)).mean;
  const others = BASELINES.map((other) => of(other, perClass)).filter(({ length }) => length > 0);
  if (others.length === 0 || own.length === 0) return `${text}: nothing to compare.`;
  const best = others.reduce((top, other) => (mean(other) > mean(top) ? other : top));
  const pairs = own.flatMap((cell) => best.filter(({ seed }) => seed === cell.seed).map((other) => [cell, other]));
  if (pairs.length === 0) return `${text}: no seed in common with ${NAMES[best[0].network]}.`;
  const difference = (key: "accuracy" | "testAccuracy") => {
    const { mean, sd } = spread(pairs.map(([cell, other]) => cell[key] - other[key]));
    return { mean, error: sd / Math.sqrt(pairs.length) };
  };
  const [all, test] = [difference("accuracy"), difference("testAccuracy")];
  const verdict =
    all.mean <= 0
      ? "NOT above"
      : all.mean > 2 * all.error && pairs.length > 2
        ? "above"
        : "ahead by less than twice the error, of";
  return `${text}: ${verdict} the best of ${others.length} others (${NAMES[best[0].network]}): ${shownDifference(all)} over ${pairs.length} seeds (${shownDifference(test)} on the ${split.test.length} alone).`;
}

const shownDifference = ({ mean, error }: { mean: number; error: number }) =>
  `${mean >= 0 ? "+" : ""}${mean.toFixed(3)} +- ${error.toFixed(3)}`;

/** What is done so far, of all networks that have a learning rate, as JSON, Markdown and a figure. */
function report(cells: Cell[]): string {
  const done = Object.keys(NAMES).filter((network) => cells.some((found) => found.network === network));
  const columns = [...new Set(cells.map(({ perClass }) => perClass))].sort((a, b) => (a || Infinity) - (b || Infinity));
  const of = (network: string, perClass: number) =>
    cells.filter((found) => found.network === network && found.perClass === perClass);
  const rows = done.map((network) => [
    NAMES[network],
    String(cells.find((found) => found.network === network)?.learningRate),
    ...columns.map((perClass) => {
      const found = of(network, perClass);
      return found.length === 0
        ? "not run"
        : found.length === 1
          ? `${found[0].accuracy.toFixed(3)} (1)`
          : `${shown(spread(found.map(({ accuracy }) => accuracy)), 3)} (${found.length})`;
    }),
  ]);
  const measured = columns.map((perClass) => String(cells.find((found) => found.perClass === perClass)?.measured));
  const claims = LVM.filter((name) => done.includes(name)).flatMap((name) =>
    columns.map((perClass) => comparison(name, perClass, of)),
  );
  const pool = data.names.map((name, k) => `${name} ${split.pool.filter((i) => data.truth[i] === k).length}`);
  const text = [
    "# Figure 5: accuracy with few examples",
    "",
    markdown(
      ["network", "learning rate", ...columns.map((perClass) => (perClass === 0 ? "all" : `${perClass} a class`))],
      [...rows, ["galaxies measured on", "", ...measured]],
    ),
    "",
    ...claims,
    "",
    `Accuracy (chance ${(1 / data.classes).toFixed(2)}) on ${split.test.length} galaxies that no network learns from and on those that a draw leaves, the same number of each class; mean and standard deviation over (n) seeds (draw of examples, initial weights, order). A difference is the mean over the seeds that both have, of the same examples and galaxies, and the error of that mean over the seeds, without that of the galaxies. ${data.classes} classes of EFIGI at ${BUDGET.sizePx} px; to draw from: ${pool.join(", ")}. Every network: ${steps} steps of ${BUDGET.batchSize} views (AdamW, warm-up and cosine, the same augmentation), the best of ${BUDGET.learningRates.length} learning rates by ${split.validation.length} validation galaxies with ${BUDGET.pilotPerClass} a class. So few steps are what two cores can do; large networks from scratch would gain from more. LVM: ${flags.model}, weights ${weightsHash.slice(0, 12)}; its pre-training saw these images without labels, and it predicts from the mean of the turned views its weights ask for.`,
    "",
  ].join("\n");
  const most = Math.max(...columns, 1);
  const chart = lineChart({
    title: "Accuracy of five classes with few examples",
    xLabel: `examples of each class${columns.includes(0) ? " (last: all)" : ""}`,
    yLabel: "accuracy (a band without width: one seed)",
    logX: true,
    series: done.map((network) => {
      const at = columns.filter((perClass) => of(network, perClass).length > 0);
      const values = at.map((perClass) => spread(of(network, perClass).map(({ accuracy }) => accuracy)));
      return {
        name: NAMES[network],
        x: at.map((perClass) => perClass || 2 * most),
        y: values.map(({ mean }) => mean),
        spread: values.map(({ sd }) => sd),
        dashed: !network.startsWith("lvm"),
      };
    }),
  });
  mkdirSync(flags.out, { recursive: true });
  writeFileAtomic(join(flags.out, "figure-5.md"), text);
  writeFileAtomic(join(flags.out, "figure-5.svg"), chart);
  writeFileAtomic(
    join(flags.out, "figure-5.json"),
    `${JSON.stringify({ budget: { ...BUDGET, steps }, model: flags.model, weightsHash, dataHash: data.dataHash, classes: data.names, cells }, null, 2)}\n`,
  );
  return text;
}

/**
 * Cells of the report there is, so that `--only` and `--sizes` add to it; another budget, other data or, for the LVM,
 * other weights begin anew.
 */
function kept(): Cell[] {
  const path = join(flags.out, "figure-5.json");
  if (!existsSync(path)) return [];
  const before = readJson(path) as { budget: unknown; dataHash: string; weightsHash: string; cells: Cell[] };
  if (JSON.stringify(before.budget) !== JSON.stringify({ ...BUDGET, steps }) || before.dataHash !== data.dataHash)
    return [];
  const sameWeights = before.weightsHash === weightsHash;
  return before.cells.filter(
    ({ network, perClass }) =>
      !(asked.includes(network) && sizes.includes(perClass)) && (sameWeights || !network.startsWith("lvm")),
  );
}

const cells = kept();
for (const network of asked) {
  const rate = await chosenRate(network);
  if (rate === null) continue;
  for (const perClass of sizes)
    for (const seed of seedsOf(perClass)) {
      const found = await cell(network, perClass, seed, rate, "test");
      if (found === null) continue;
      cells.push(found);
      report(cells);
    }
}
process.stdout.write(report(cells));
