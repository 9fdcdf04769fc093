/**
 * How well the unusual and the similar are found on EFIGI, whose rare attributes stand for anomalies that nobody has
 * labelled.
 *
 * Command: bin/skyloop recipe outliers [--data ../shared/data] [--seeds 10] [--work runs/outliers] [--model lvm-nano]
 *          [--page 20]
 * Time: 2 minutes on one core without GPU, plus features of 3,582 galaxies.
 * Expected: no way to rank anomalies is best everywhere; a person's 100 answers, begun with the unusual, find two to four
 * times as many as 100 looks down any ranking (tables in docs/results/outliers.md).
 */
import { parseArgs } from "node:util";
import { terminalProgress } from "../src/base/progress.ts";
import { Random } from "../src/base/random.ts";
import { choose, ruleMode } from "../src/loop/choose.ts";
import { type Example, type FeatureSpace, learn } from "../src/loop/learn.ts";
import { unusualTable } from "../src/loop/outliers.ts";
import { similarRows } from "../src/loop/similar.ts";
import { Workbench } from "../src/loop/workbench.ts";
import { auroc } from "../src/measure/ranking.ts";
import type { CatalogueColumn } from "../src/survey/columns.ts";
import { columnOf, openSurvey } from "../src/survey/folder.ts";
import { embedSurvey } from "../src/tasks/embed/embed.ts";
import { publicSurvey } from "./common/surveys.ts";
import { markdown, shown, spread } from "./common/tables.ts";

const LOOKS = 100;
type Attributes = (name: string) => number;

const ANOMALIES: Record<string, (of: Attributes) => boolean> = {
  "perturbed, Perturbation >= 0.75": (of) => of("Perturbation") >= 0.75,
  "irregular, T >= 10": (of) => of("T") >= 10,
  "hot spots, Hot_Spots >= 0.75": (of) => of("Hot_Spots") >= 0.75,
  "contaminated, Contamination >= 0.75": (of) => of("Contamination") >= 0.75,
  "multiple, Multiplicity >= 0.5": (of) => of("Multiplicity") >= 0.5,
  "outer ring, Outer_Ring >= 0.75": (of) => of("Outer_Ring") >= 0.75,
};
const KINDS: Record<string, (of: Attributes) => boolean> = {
  "face-on spiral": (of) => of("T") >= 1 && of("T") <= 8 && of("Inclination") >= 0 && of("Inclination") <= 0.25,
  "edge-on": (of) => of("Inclination") >= 1,
  "bar, Bar_Length >= 0.5": (of) => of("Bar_Length") >= 0.5,
  "perturbed, Perturbation >= 0.75": (of) => of("Perturbation") >= 0.75,
  "ring, Inner_Ring or Outer_Ring >= 0.75": (of) => of("Inner_Ring") >= 0.75 || of("Outer_Ring") >= 0.75,
  "multiple, Multiplicity >= 0.5": (of) => of("Multiplicity") >= 0.5,
};

/** Positives among the first of a ranking. */
function foundIn(scores: Float32Array, truth: boolean[], count: number): number {
  const order = Uint32Array.from(scores.keys()).sort((a, b) => scores[b] - scores[a] || a - b);
  return order.subarray(0, count).reduce((sum, row) => sum + Number(truth[row]), 0);
}

/**
 * Positives that a person has met after 100 looks, `pageSize` a page: the unusual first, then what was learned, by the alpha
 * rule or always the highest scores.
 */
function foundByPerson(
  space: FeatureSpace,
  scores: Float32Array,
  truth: boolean[],
  seed: number,
  way: "rule" | "highest",
  pageSize: number,
): number {
  const seen = new Uint8Array(space.count);
  const examples: Example[] = [];
  let last = { positives: 0, negatives: 0 };
  for (let round = 0; round * pageSize < LOOKS; round++) {
    const some = examples.some(({ positive }) => positive);
    const roundSeed = new Random(seed).fork(`round ${round}`).int(2 ** 31);
    const learner = some ? learn(space, examples, roundSeed) : null;
    const ranked = learner?.score(0, space.count) ?? scores;
    learner?.dispose();
    const candidates = Uint32Array.from(seen.keys()).filter((row) => seen[row] === 0);
    // Alpha 1: the person wants as many as there are.
    const mode = some && way === "rule" ? ruleMode(last.positives, last.negatives, 1) : "highest";
    const asked = {
      scores: ranked,
      candidates,
      mode,
      examples,
      pageSize,
      randomPicks: 0,
      seed: roundSeed,
      space,
    };
    last = { positives: 0, negatives: 0 };
    for (const { row } of choose(asked).page) {
      seen[row] = 1;
      examples.push({ row, positive: truth[row] });
      last[truth[row] ? "positives" : "negatives"]++;
    }
  }
  return examples.filter(({ positive }) => positive).length;
}

/** Precision of the first 20 that are like five examples, without and with five counterexamples, over seeds. */
function similarPrecision(space: FeatureSpace, truth: boolean[], seeds: number): number[][] {
  const rowsOf = (wanted: boolean) => truth.flatMap((is, row) => (is === wanted ? [row] : []));
  const [yes, no] = [rowsOf(true), rowsOf(false)];
  return [0, 5].map((counter) =>
    Array.from({ length: seeds }, (_, i) => {
      const random = new Random(i + 1);
      const draw = (rows: number[], count: number) => Array.from(random.sample(rows.length, count), (at) => rows[at]);
      const found = similarRows(space, { like: draw(yes, 5), unlike: draw(no, counter), k: 20 });
      return found.filter(({ row }) => truth[row]).length / found.length;
    }),
  );
}

const { values: flags } = parseArgs({
  options: {
    data: { type: "string", default: "../shared/data" },
    work: { type: "string", default: "runs/outliers" },
    model: { type: "string", default: "lvm-nano" },
    seeds: { type: "string", default: "10" },
    page: { type: "string", default: "20" },
  },
});
const pageSize = Number(flags.page);
const seeds = Array.from({ length: Number(flags.seeds) }, (_, i) => i + 1);
const folder = await publicSurvey(flags.data, flags.work, "efigi", "auto");
await embedSurvey(folder, { model: flags.model, progress: terminalProgress("features", "stamps") });
const bench = await Workbench.open(folder, openSurvey);
const { space } = await bench.features(flags.model);
const attribute = (name: string) => bench.survey.column(columnOf(bench.survey, name).name) as CatalogueColumn;
const truthOf = (is: (of: Attributes) => boolean) =>
  Array.from({ length: space.count }, (_, row) => is((name) => Number(attribute(name).at(row) ?? -1)));
const tables = seeds.map((seed) => {
  const { columns, values } = unusualTable(space, seed);
  return columns.map((_, k) =>
    Float32Array.from({ length: space.count }, (_, row) => values[row * columns.length + k]),
  );
});
const [JOINT, FOREST, DISTANCE] = [0, 1, 2];
/** Searches of a person: what they are called, which ranking they begin with, and which objects they go on with. */
const SEARCHES: [name: string, start: number, way: "rule" | "highest"][] = [
  ["100 answers, unusual first, alpha 1", JOINT, "rule"],
  ["always the highest", JOINT, "highest"],
  ["begun with the forest", FOREST, "highest"],
  ["begun with neighbours", DISTANCE, "highest"],
];
const anomalies = Object.entries(ANOMALIES).map(([name, is]) => {
  const truth = truthOf(is);
  const labels = truth.map(Number);
  const count = labels.reduce((a, b) => a + b, 0);
  const ways = [FOREST, DISTANCE, JOINT].flatMap((way) => [
    shown(spread(tables.map((table) => auroc(table[way], labels))), 2),
    shown(spread(tables.map((table) => foundIn(table[way], truth, LOOKS))), 0),
  ]);
  const person = SEARCHES.map(([, start, way]) =>
    shown(spread(seeds.map((seed, i) => foundByPerson(space, tables[i][start], truth, seed, way, pageSize))), 0),
  );
  const chance = (LOOKS * count) / space.count;
  return [name, `${count} (${((100 * count) / space.count).toFixed(1)} %)`, chance.toFixed(0), ...ways, ...person];
});
const header = [
  "anomaly",
  "objects",
  "100 by chance",
  "forest: AUROC",
  "found in 100",
  "neighbour: AUROC",
  "in 100",
  "both: AUROC",
  "in 100",
];
process.stdout.write(`${markdown([...header, ...SEARCHES.map(([name]) => name)], anomalies)}\n\n`);
const similar = Object.entries(KINDS).map(([name, is]) => {
  const truth = truthOf(is);
  const base = truth.filter(Boolean).length / truth.length;
  const [plain, counter] = similarPrecision(space, truth, 20 * seeds.length);
  return [name, base.toFixed(2), shown(spread(plain), 2), shown(spread(counter), 2)];
});
process.stdout.write(
  `${markdown(["like five examples", "base rate", "precision of the first 20", "with five counterexamples"], similar)}\n\n${seeds.length} seeds (${20 * seeds.length} draws of examples), features of ${flags.model}, pages of ${pageSize}, ${space.count} galaxies of EFIGI.\n`,
);
await bench.close();
