/**
 * What each way to pre-train is worth at the same cost: every objective from the same initial weights for the same
 * processor time, then every question of recipes/suites.json to its frozen features.
 *
 * Command: bin/skyloop recipe objectives --surveys FOLDER [--train NAME,…] [--only vicreg,masked,…] [--seconds 1800]
 *          [--seeds 10] [--work runs/objectives] [--reports reports] [--threads 2]
 * FOLDER holds the surveys of the public sets, made by `survey create … --adaptive-crop`; --train names those to learn
 * from.
 * Time: two hours on two cores without GPU; a run that was stopped goes on. Two processes with a thread each can share
 * the work by `--only`; the one that ends last reports all that is done.
 * Expected: simulated galaxies, alone or with VICReg, above masking and autoencoding on face-on spirals, bars and
 * rings (docs/results/objectives.md).
 */
import { mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { SkyloopError } from "../src/base/errors.ts";
import { writeFileAtomic } from "../src/base/files.ts";
import { PACKAGE_ROOT } from "../src/base/paths.ts";
import { SILENT, terminalProgress } from "../src/base/progress.ts";
import { type ImageBank, loadImageBank } from "../src/batches/image-bank.ts";
import { readSuites, runSuites, type SuiteResult } from "../src/evaluate/suites.ts";
import { embedSurvey } from "../src/tasks/embed/embed.ts";
import { hasBfloat16, setThreads } from "../src/torch/index.ts";
import { trainOnBank } from "../src/train/pretrain/pretrain.ts";
import { Recipe } from "../src/train/pretrain/recipe.ts";
import { keepCell, kept, keptCell } from "./common/cells.ts";
import { markdown, shown } from "./common/tables.ts";

const OBJECTIVES = {
  vicreg: { vicreg: 1 },
  simulated: { simulated: 1 },
  "vicreg and simulated": { vicreg: 1, simulated: 1 },
  masked: { masked: 1 },
  autoencode: { autoencode: 1 },
} as const;
/** Steps by which the cost of one is measured, after the first. */
const MEASURED = 12;

const { values } = parseArgs({
  options: {
    surveys: { type: "string", default: "." },
    train: {
      type: "string",
      default:
        "gz_kaggle,efigi,galaxy10_decals,gz_examples,spacewarps_cfhtls,lens_zoo_guide,legacy_nair_ttype,sdss_stripe82_unlabelled,sim4k",
    },
    only: { type: "string", default: Object.keys(OBJECTIVES).join() },
    seconds: { type: "string", default: "1800" },
    seeds: { type: "string", default: "10" },
    work: { type: "string", default: "runs/objectives" },
    reports: { type: "string", default: "reports" },
    threads: { type: "string", default: "2" },
  },
});
const asked = values.only.split(",");
const unknown = asked.filter((name) => !(name in OBJECTIVES));
if (unknown.length > 0)
  throw new SkyloopError(
    "BAD_OPTION",
    `--only is a list of ${Object.keys(OBJECTIVES).join(", ")}, not ${unknown.join(", ")}`,
  );
const [seconds, seeds, threads] = [values.seconds, values.seeds, values.threads].map(Number);
const work = resolve(values.work);
const reports = resolve(values.reports, "objectives");
for (const folder of [work, reports]) mkdirSync(folder, { recursive: true });
// The suites name surveys by their folders.
process.chdir(values.surveys);
setThreads(threads);
const surveys = values.train.split(",");
const suites = readSuites(join(PACKAGE_ROOT, "recipes/suites.json"));

const recipeOf = (name: keyof typeof OBJECTIVES, steps: number): Recipe =>
  Recipe.parse({
    model: "lvm-nano",
    surveys,
    bankPx: 80,
    viewPx: 64,
    pooling: "stages",
    steps,
    batchSize: 128,
    learningRate: 0.001,
    warmupSteps: 20,
    averageDecay: 0.98,
    checkpointEvery: 100,
    seed: 1,
    threads,
    precision: hasBfloat16() ? "bfloat16" : "float32",
    objectives: OBJECTIVES[name],
    commonRange: "reading",
    views: "zoomed",
    projection: 128,
  });

/** Processor seconds of a step, by a short run that is thrown away. */
async function costOf(name: keyof typeof OBJECTIVES, bank: Awaited<ReturnType<typeof loadImageBank>>): Promise<number> {
  const out = join(work, `${name} cost`);
  mkdirSync(out, { recursive: true });
  const at: number[] = [];
  await trainOnBank(recipeOf(name, MEASURED + 1), bank, {
    out,
    progress: { update: () => void at.push(process.cpuUsage().user / 1e6), end() {} },
  });
  rmSync(out, { recursive: true });
  return (at[MEASURED] - at[0]) / MEASURED;
}

interface Found {
  steps: number;
  cpuSeconds: number;
  results: SuiteResult[];
}

let loaded: (ImageBank & { skipped: number }) | null = null;
const found: Record<string, Found> = {};
for (const name of Object.keys(OBJECTIVES) as (keyof typeof OBJECTIVES)[]) {
  const out = join(work, name);
  const path = join(out, "suites.json");
  const key = [recipeOf(name, 1), seconds, seeds, suites];
  if (keptCell(path, key) === null) {
    if (!asked.includes(name)) continue;
    loaded ??= await loadImageBank(surveys, 80, terminalProgress("reading", "stamps"));
    mkdirSync(out, { recursive: true });
    const bank = loaded;
    const steps = await kept(join(out, "steps.json"), key, async () =>
      Math.round(seconds / (await costOf(name, bank))),
    );
    const begun = process.cpuUsage();
    await trainOnBank(recipeOf(name, steps), loaded, { out, progress: terminalProgress(name, "steps") });
    const used = process.cpuUsage(begun);
    const model = `objective-${name.replaceAll(" ", "-")}`;
    for (const survey of new Set(suites.flatMap((suite) => suite.surveys)))
      await embedSurvey(survey, {
        model: "lvm-nano",
        weights: join(out, "encoder.safetensors"),
        name: model,
        progress: terminalProgress(survey, "stamps"),
      });
    const results = await runSuites(suites, { model, seeds, splitSeed: 1, progress: terminalProgress(name, "suites") });
    const cpuSeconds = Math.round((used.user + used.system) / 1e6);
    keepCell<Found>(path, key, { steps, cpuSeconds, results });
  }
  found[name] = keptCell<Found>(path, key) as Found;
}
for (const model of ["random:lvm-nano", "pixels-pca"]) {
  found[model] = await kept(join(work, `${model.replace(":", "-")}.json`), [seeds, suites], async () => ({
    steps: 0,
    cpuSeconds: 0,
    results: await runSuites(suites, { model, seeds, splitSeed: 1, progress: SILENT }),
  }));
}

/** The number that tells most of a suite: average precision of a class, or accuracy. */
const columns = suites.flatMap(({ name, sizes, heads }) =>
  sizes.map((size) => ({ name, size, head: heads[0], title: `${name}, ${size === 0 ? "all" : size}` })),
);
const scoreOf = ({ results }: Found, { name, size, head }: (typeof columns)[number]) => {
  const result = results.find(({ suite }) => suite === name)?.result;
  const row = result?.results.find((one) => one.head === head && one.perClass === (size === 0 ? "all" : size));
  if (result === undefined || row === undefined)
    throw new SkyloopError("OTHER_RECIPE", `${name} with ${size} a class is not among the results; delete ${work}`);
  return result.classes.length === 2 ? row.aupr : row.accuracy;
};
/** Mean of the questions about galaxies; which survey an image is of is what features should not tell. */
const meanOf = (one: Found, isOf: (size: number) => boolean) => {
  const some = columns.filter(({ name, size }) => name !== "which survey" && isOf(size));
  return (some.reduce((sum, column) => sum + scoreOf(one, column).mean, 0) / some.length).toFixed(3);
};
const isFew = (size: number) => size > 0 && size <= 15;
const names = Object.keys(found);
const table = markdown(
  ["suite, examples a class", ...names],
  [
    ["steps of 128", ...names.map((name) => String(found[name].steps))],
    ["processor seconds", ...names.map((name) => String(found[name].cpuSeconds))],
    ["mean of what follows, up to 15 a class", ...names.map((name) => meanOf(found[name], isFew))],
    ["mean of what follows, 50 and more", ...names.map((name) => meanOf(found[name], (size) => !isFew(size)))],
    ...columns.map((column) => [column.title, ...names.map((name) => shown(scoreOf(found[name], column), 3))]),
  ],
);
const text = `# Objectives at equal cost\n\n${table}\n\nAUPR of the loop's learner for two classes, accuracy of the linear probe for more; mean and standard deviation over ${seeds} draws of the examples, one training run each.\n`;
writeFileAtomic(join(reports, "table.md"), text);
writeFileAtomic(join(reports, "results.json"), JSON.stringify(found, null, 1));
process.stdout.write(text);
