/**
 * What to show while scores are still poor: ways to choose the first page of ten after 5 + 5 examples, by what the
 * learner then knows.
 *
 * Command: bin/skyloop recipe choice [--data ../shared/data] [--seeds 20] [--work runs/choice] [--out reports/choice]
 * Time: 6 minutes on two busy cores without GPU.
 * Expected: one object of each kind above 0.5 is the best way or next to it on all three questions, and worth as much
 * as twenty labels at random (table in docs/results/choice.md).
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeFileAtomic } from "../src/base/files.ts";
import { terminalProgress } from "../src/base/progress.ts";
import { Random } from "../src/base/random.ts";
import { drawExamples } from "../src/evaluate/probe.ts";
import { type LabelledObject, labelledObjects, splitGroups } from "../src/evaluate/probe-data.ts";
import { jointFeatures } from "../src/evaluate/probe-features.ts";
import { choose, type Mode } from "../src/loop/choose.ts";
import { type Example, type FeatureSpace, featureSpace, learn } from "../src/loop/learn.ts";
import { diverseRows } from "../src/loop/similar.ts";
import { openSurvey } from "../src/survey/folder.ts";
import { embedSurvey } from "../src/tasks/embed/embed.ts";
import { learnedAupr } from "./common/aupr.ts";
import { publicSurvey } from "./common/surveys.ts";
import { markdown, shown, spread } from "./common/tables.ts";

const [START, SHOWN] = [5, 10];

interface Scene {
  /** Unlabelled objects, highest score first. */
  ranked: number[];
  /** The examples. */
  examples: { row: number }[];
  score(row: number): number;
  space: FeatureSpace;
  random: Random;
  seed: number;
}
type Choice = (scene: Scene) => number[];

const nearest = ({ ranked, score }: Scene, target: number, count: number) =>
  ranked
    .slice()
    .sort((a, b) => Math.abs(score(a) - target) - Math.abs(score(b) - target))
    .slice(0, count);
const quantile = (scene: Scene, q: number) => {
  const above = scene.ranked.filter((row) => scene.score(row) > 0.5);
  return above.length === 0 ? 0.5 : scene.score(above[Math.floor((1 - q) * (above.length - 1))]);
};

/** `count` of the rows, each the one farthest from those taken (standardised features), beginning with the first. */
function spreadOut({ space }: Scene, rows: number[], count: number): number[] {
  const { matrix, dim, mean, sd } = space;
  const at = (row: number) => Float64Array.from(matrix.gather([row]), (value, d) => (value - mean[d]) / sd[d]);
  const points = rows.map(at);
  const distance = points.map(() => Number.POSITIVE_INFINITY);
  const taken: number[] = [];
  for (let next = 0; taken.length < Math.min(count, rows.length); ) {
    taken.push(next);
    for (const [i, point] of points.entries()) {
      let sum = 0;
      for (let d = 0; d < dim; d++) sum += (point[d] - points[next][d]) ** 2;
      distance[i] = Math.min(distance[i], sum);
    }
    next = distance.indexOf(Math.max(...distance));
  }
  return taken.map((i) => rows[i]);
}

/** The page that the loop itself would show. */
const chosenBy = (scene: Scene, mode: Mode, highestShare?: number) =>
  choose({
    scores: scores(scene),
    candidates: scene.ranked,
    mode,
    examples: scene.examples,
    pageSize: SHOWN,
    randomPicks: 0,
    seed: scene.seed,
    space: scene.space,
    highestShare,
  }).page.map(({ row }) => row);

const CHOICES: Record<string, Choice> = {
  "highest scores": ({ ranked }) => ranked.slice(0, SHOWN),
  "highest 50, spread out": (scene) => spreadOut(scene, scene.ranked.slice(0, 50), SHOWN),
  "quantile 0.75 of the scores above 0.5": (scene) => nearest(scene, quantile(scene, 0.75), SHOWN),
  "quantile 0.5": (scene) => nearest(scene, quantile(scene, 0.5), SHOWN),
  "quantile 0.25": (scene) => nearest(scene, quantile(scene, 0.25), SHOWN),
  "nearest 0.5": (scene) => nearest(scene, 0.5, SHOWN),
  "nearest 0.5: 50, spread out": (scene) => spreadOut(scene, nearest(scene, 0.5, 50), SHOWN),
  "evenly through the scores above 0.5": (scene) => evenly(above(scene)),
  "above 0.5, at random": (scene) =>
    scene.random.sample(above(scene).length, Math.min(SHOWN, above(scene).length)).map((i) => above(scene)[i]),
  "one of each kind above 0.5": (scene) =>
    diverseRows(scene.space, SHOWN, scene.random, { rows: above(scene) }).map(({ row }) => row),
  "one of each kind above 0.5 that no example stands for (the rule's lower scores)": (scene) =>
    chosenBy(scene, "lower"),
  "half the highest, half of each kind": (scene) => chosenBy(scene, "mixed", 1 / 2),
  "two thirds the highest, a third of each kind (the first page)": (scene) => chosenBy(scene, "mixed"),
  "three quarters the highest, a quarter of each kind": (scene) => chosenBy(scene, "mixed", 3 / 4),
  "evenly through all scores": ({ ranked }) => evenly(ranked),
  "at random": ({ ranked, random }) => random.sample(ranked.length, SHOWN).map((i) => ranked[i]),
};
const above = ({ ranked, score }: Scene) => ranked.filter((row) => score(row) > 0.5);
const evenly = (rows: number[]) =>
  Array.from(
    { length: Math.min(SHOWN, rows.length) },
    (_, i) => rows[Math.floor(((i + 0.5) * rows.length) / Math.min(SHOWN, rows.length))],
  );
const scores = ({ ranked, score, space }: Scene) => {
  const all = new Float32Array(space.count);
  for (const row of ranked) all[row] = score(row);
  return all;
};

interface Question {
  name: string;
  surveys: string[];
  columns: string[];
  positive: string[];
  negative: string[];
}
const QUESTIONS: Question[] = [
  {
    name: "face-on spiral",
    surveys: ["gz_kaggle", "gz2_votes_1000"],
    columns: ["label", "label_strict"],
    positive: ["spiral", "barred_spiral"],
    negative: [],
  },
  { name: "bar (EFIGI)", surveys: ["efigi"], columns: ["Bar_Length"], positive: ["0.5", "0.75", "1"], negative: ["0"] },
  {
    name: "disturbed or merging (Galaxy10)",
    surveys: ["galaxy10_decals"],
    columns: ["label4"],
    positive: ["disturbed_merging"],
    negative: [],
  },
];

async function answers(
  question: Question,
  work: string,
  seeds: number,
): Promise<Record<string, { aupr: number[]; positives: number[] }>> {
  const surveys = await Promise.all(question.surveys.map((name) => openSurvey(join(work, name))));
  const { objects } = await labelledObjects(surveys, question.columns, question.positive, question.negative);
  const { data, dim } = await jointFeatures(surveys, "lvm-nano");
  for (const survey of surveys) survey.close();
  const space = featureSpace(data, dim);
  const { train, validation } = splitGroups(objects, 1);
  const truth = new Map(train.map(({ row, label }) => [row, label === 1]));
  const found: Record<string, { aupr: number[]; positives: number[] }> = {};
  const measured = (examples: Example[], seed: number) => learnedAupr(space, examples, validation, seed);
  const note = (name: string, aupr: number, positives: number) => {
    found[name] ??= { aupr: [], positives: [] };
    found[name].aupr.push(aupr);
    found[name].positives.push(positives);
  };
  for (let seed = 1; seed <= seeds; seed++) {
    const examplesOf = (rows: LabelledObject[]) => rows.map(({ row, label }) => ({ row, positive: label === 1 }));
    const start = examplesOf(drawExamples(train, 2, START, seed));
    const learner = learn(space, start, seed);
    const known = new Set(start.map(({ row }) => row));
    const candidates = train.map(({ row }) => row).filter((row) => !known.has(row));
    const found = learner.scoreRows(candidates);
    learner.dispose();
    const values = new Map(candidates.map((row, i) => [row, found[i]]));
    const score = (row: number) => values.get(row) ?? 0;
    const scene = {
      ranked: candidates.slice().sort((a, b) => score(b) - score(a) || a - b),
      examples: start,
      score,
      space,
      random: new Random(seed).fork("choice"),
      seed,
    };
    note("no page (5 + 5)", measured(start, seed), 0);
    for (const [name, choice] of Object.entries(CHOICES)) {
      const page = choice(scene).map((row) => ({ row, positive: truth.get(row) === true }));
      note(name, measured([...start, ...page], seed), page.filter(({ positive }) => positive).length / page.length);
    }
    note("15 + 15 at random instead", measured(examplesOf(drawExamples(train, 2, 15, seed)), seed), 0.5);
  }
  return found;
}

const { values: flags } = parseArgs({
  options: {
    data: { type: "string", default: "../shared/data" },
    work: { type: "string", default: "runs/choice" },
    out: { type: "string", default: "reports/choice" },
    seeds: { type: "string", default: "20" },
  },
});
const seeds = Number(flags.seeds);
const results: Record<string, Awaited<ReturnType<typeof answers>>> = {};
for (const question of QUESTIONS) {
  for (const name of question.surveys) {
    const folder = await publicSurvey(flags.data, flags.work, name);
    await embedSurvey(folder, { model: "lvm-nano", progress: terminalProgress(`features of ${name}`, "stamps") });
  }
  results[question.name] = await answers(question, flags.work, seeds);
}
const names = QUESTIONS.map(({ name }) => name);
const table = markdown(
  [`page of ${SHOWN}`, ...names.flatMap((name) => [`${name}: AUPR`, "positives shown"])],
  Object.keys(results[names[0]]).map((choice) => [
    choice,
    ...names.flatMap((name) => [
      shown(spread(results[name][choice].aupr), 3),
      spread(results[name][choice].positives).mean.toFixed(2),
    ]),
  ]),
);
mkdirSync(flags.out, { recursive: true });
writeFileAtomic(join(flags.out, "choice.json"), `${JSON.stringify(results, null, 2)}\n`);
writeFileAtomic(join(flags.out, "choice.md"), `${table}\n`);
process.stdout.write(`${table}\n\n${seeds} seeds, features of lvm-nano.\n`);
