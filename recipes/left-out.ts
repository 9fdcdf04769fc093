/**
 * What weights taught by published catalogues give where the labels of a question were left out: trained anew without them, and
 * measured on them.
 *
 * Command: bin/skyloop recipe left-out [--data ../shared/data] [--only ring,disturbed] [--draws 10] [--work runs/left-out]
 * Time: five minutes of one core a training, seven of them; what was computed is kept in --work, and a stopped run resumes.
 * Expected: after a page of ten barred spirals, mergers, bars and face-on spirals are ranked better than by weights that no label
 * taught, inner rings where EFIGI's other rings were told, perturbation about as well
 * (models/lvm-nano-structures-morphology.md).
 */
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { SkyloopError } from "../src/base/errors.ts";
import { writeFileAtomic } from "../src/base/files.ts";
import { PACKAGE_ROOT } from "../src/base/paths.ts";
import { terminalProgress } from "../src/base/progress.ts";
import { type ProbeResult, probe } from "../src/evaluate/probe.ts";
import { labelledObjects, splitGroups } from "../src/evaluate/probe-data.ts";
import { readSuites, type Suite } from "../src/evaluate/suites.ts";
import { LEARNER_VERSION } from "../src/loop/learn.ts";
import { createSurvey } from "../src/survey/create.ts";
import { openSurvey } from "../src/survey/folder.ts";
import { embedSurvey } from "../src/tasks/embed/embed.ts";
import { pretrain } from "../src/train/pretrain/pretrain.ts";
import { type Recipe, readRecipe } from "../src/train/pretrain/recipe.ts";
import { kept } from "./common/cells.ts";
import { publicSurvey } from "./common/surveys.ts";
import { markdown } from "./common/tables.ts";

const SETS = ["efigi", "galaxy10_decals", "gz_kaggle", "gz2_votes_1000"] as const;
const MODEL = "lvm-nano-structures";

/** A training without some labels, and the questions of recipes/suites.json that are asked then. */
interface LeftOut {
  name: string;
  /** What is left out, for the table. */
  says: string;
  /** Columns of a set that are not told, or all of them. */
  columns: { set: (typeof SETS)[number]; columns: RegExp }[];
  /** Classes of a set's column that are not told. */
  classes?: { set: (typeof SETS)[number]; names: string[] };
  /** The galaxies that the question is measured on stay out of this training, and so do their other labels. */
  unseen?: true;
  suites: string[];
}

const ALL = /./;
const LEFT_OUT: LeftOut[] = [
  {
    name: "ring",
    says: "EFIGI's inner rings, and every label of the measured galaxies",
    columns: [{ set: "efigi", columns: /^Inner_Ring$/ }],
    unseen: true,
    suites: ["EFIGI inner ring"],
  },
  {
    name: "rings",
    says: "EFIGI's inner, outer and pseudo-rings, votes for rings",
    columns: [
      { set: "efigi", columns: /_Ring$/ },
      { set: "gz2_votes_1000", columns: /_ring_/ },
    ],
    suites: ["EFIGI inner ring"],
  },
  {
    name: "perturbation",
    says: "EFIGI's perturbation, and every label of the measured galaxies",
    columns: [{ set: "efigi", columns: /^Perturbation$/ }],
    unseen: true,
    suites: ["EFIGI perturbation"],
  },
  {
    name: "disturbed",
    says: "EFIGI's perturbation, Galaxy10's disturbed and merging, votes for odd, ring, disturbed, merger",
    columns: [
      { set: "efigi", columns: /^Perturbation$/ },
      { set: "gz2_votes_1000", columns: /_odd_/ },
    ],
    classes: { set: "galaxy10_decals", names: ["disturbed", "merging"] },
    suites: ["EFIGI perturbation"],
  },
  {
    name: "efigi",
    says: "all of EFIGI",
    columns: [{ set: "efigi", columns: ALL }],
    suites: ["EFIGI bar", "EFIGI inner ring", "EFIGI perturbation", "EFIGI edge-on"],
  },
  {
    name: "galaxy10",
    says: "Galaxy10",
    columns: [{ set: "galaxy10_decals", columns: ALL }],
    suites: ["Galaxy10, barred spiral", "Galaxy10, merging"],
  },
  {
    name: "galaxy-zoo",
    says: "both Galaxy Zoos",
    columns: [
      { set: "gz_kaggle", columns: ALL },
      { set: "gz2_votes_1000", columns: ALL },
    ],
    suites: ["face-on spiral"],
  },
];

const { values: flags } = parseArgs({
  options: {
    data: { type: "string", default: "../shared/data" },
    work: { type: "string", default: "runs/left-out" },
    only: { type: "string" },
    draws: { type: "string", default: "10" },
  },
});
const wanted = flags.only?.split(",");
const unknown = wanted?.find((name) => !LEFT_OUT.some((left) => left.name === name));
if (unknown !== undefined)
  throw new SkyloopError(
    "BAD_OPTION",
    `--only takes ${LEFT_OUT.map(({ name }) => name).join(", ")}, separated by commas, not ${unknown}`,
  );
if (!/^[1-9]\d*$/.test(flags.draws))
  throw new SkyloopError("BAD_OPTION", `--draws takes a whole number from 1 on, not ${flags.draws}`);
const suites = readSuites(join(PACKAGE_ROOT, "recipes/suites.json"));
const folders = new Map<string, string>();
for (const set of SETS) folders.set(set, await publicSurvey(flags.data, flags.work, set));

/** The released recipe without what is left out. */
function recipeOf({ columns, classes }: LeftOut, surveys: string[]): Recipe {
  const released = readRecipe(join(PACKAGE_ROOT, `recipes/${MODEL}-morphology.json`));
  const told = Object.entries(released.catalogue ?? {}).map(([set, targets]) => {
    const hidden = columns.filter((one) => one.set === set);
    const left = targets.filter(({ column }) => !hidden.some((one) => one.columns.test(column)));
    return [
      set,
      left.map((target) =>
        classes?.set === set && target.classes !== undefined
          ? { ...target, classes: target.classes.filter((name) => !classes.names.includes(name)) }
          : target,
      ),
    ] as const;
  });
  return { ...released, surveys, catalogue: Object.fromEntries(told.filter(([, targets]) => targets.length > 0)) };
}

/** EFIGI without the galaxies that a question is measured on, made from the same files. */
async function withoutMeasured(name: string, { surveys, columns, positive, negative }: Suite): Promise<string> {
  const out = join(flags.work, `unseen-${name}`, "efigi");
  if (existsSync(join(out, "survey.json"))) return out;
  const opened = surveys.map((set) => openSurvey(folders.get(set) as string));
  const all = await Promise.all(opened);
  const { objects } = await labelledObjects(all, columns, positive, negative);
  const measured = new Set(splitGroups(objects, 1).validation.map(({ row }) => all[0].rows[row].id));
  for (const survey of all) survey.close();
  const files = join(flags.work, `unseen-${name}`, "files");
  rmSync(files, { recursive: true, force: true });
  mkdirSync(join(files, "images"), { recursive: true });
  const from = resolve(flags.data, "efigi");
  const [header, ...lines] = readFileSync(join(from, "labels.csv"), "utf8").trimEnd().split("\n");
  const left = lines.filter((line) => !measured.has(line.split(",")[0]));
  writeFileAtomic(join(files, "labels.csv"), `${[header, ...left].join("\n")}\n`);
  for (const line of left) {
    const file = line.split(",")[1];
    symlinkSync(join(from, file), join(files, file));
  }
  const progress = terminalProgress(`efigi without ${measured.size} galaxies`, "images");
  await createSurvey({ out, images: files, adaptiveCrop: true, command: "recipe left-out", progress });
  return out;
}

/** What `left` is, for what is kept. */
const keyOf = (left: LeftOut) => ({ ...left, columns: left.columns.map(({ set, columns }) => `${set} ${columns}`) });

/** Trains without what is left out, once; returns the weights. */
async function trained(left: LeftOut, suite: Suite): Promise<string> {
  const run = join(flags.work, `without-${left.name}`);
  const seen = left.unseen === true ? await withoutMeasured(left.name, suite) : (folders.get("efigi") as string);
  const surveys = [seen, ...SETS.slice(1).map((set) => folders.get(set) as string)];
  const recipe = recipeOf(left, surveys);
  await kept(join(flags.work, "cells", `${left.name}.json`), { left: keyOf(left), recipe }, () =>
    pretrain(recipe, { out: run, progress: terminalProgress(`without ${left.name}`, "steps") }),
  );
  return join(run, "encoder.safetensors");
}

async function measured(left: LeftOut, suite: Suite): Promise<ProbeResult> {
  const weights = await trained(left, suite);
  const name = `without-${left.name}`;
  const asked = suite.surveys.map((set) => folders.get(set) as string);
  for (const folder of asked)
    await embedSurvey(folder, { model: MODEL, weights, name, progress: terminalProgress(name, "stamps") });
  return probe({
    ...suite,
    surveys: asked,
    model: name,
    positive: suite.positive,
    negative: suite.negative,
    sizes: [5, 50],
    heads: ["loop"],
    seeds: Number(flags.draws),
    splitSeed: 1,
    progress: terminalProgress(suite.name, "classifiers"),
  });
}

const shown = ({ mean, sd }: { mean: number; sd: number }) => `${mean.toFixed(3)} +- ${sd.toFixed(3)}`;
const rows: string[][] = [];
for (const left of LEFT_OUT.filter(({ name }) => wanted?.includes(name) ?? true))
  for (const name of left.suites) {
    const suite = suites.find((one) => one.name === name);
    if (suite === undefined) throw new Error(`recipes/suites.json has no suite "${name}"`);
    const key = { left: keyOf(left), suite, draws: flags.draws, learner: LEARNER_VERSION };
    const result = await kept(join(flags.work, "cells", `${left.name}-${name}.json`), key, () => measured(left, suite));
    const [few, many] = result.results;
    rows.push([
      name,
      left.says,
      shown(few.aupr),
      result.loop === null ? "" : shown(result.loop.aupr),
      shown(many.aupr),
    ]);
  }
process.stdout.write(
  `${markdown(["question", "labels left out", "5 + 5", "a page of 10", "50 + 50"], rows)}\n\n${flags.draws} draws; the loop's learner, AUPR on the validation split.\n`,
);
