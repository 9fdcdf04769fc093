/**
 * Tables 1 to 4 of the paper from the runs: the paper's rows and numbers beside ours, as Markdown, with JSON and
 * charts.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomic } from "../../src/base/files.ts";
import { lineChart } from "../../src/plot/lines.ts";
import { CLASS_BATCH_TIMES } from "../../src/tasks/classify/task.ts";
import type { MethodScores } from "../../src/tasks/images/evaluate.ts";
import { STRATEGIES, type Strategy } from "../../src/train/multitask/multitask.ts";
import { type Spread, shown, spread } from "../common/tables.ts";
import { BUDGET, type Evaluation, type Flags, PAPER_NAMES, SEEDS } from "./runs.ts";

/** What was done, for the foot of every table. */
export function foot({ runs, testImages, testPx, classical }: Evaluation): string {
  const [{ objects, classes }] = runs;
  const { classify, restore } = objects;
  const minutes = Math.round(runs.reduce((sum, { seconds }) => sum + seconds, 0) / 60);
  return `Mean and standard deviation over ${SEEDS.length} seeds of ${BUDGET.model} at ${BUDGET.sizePx} px, ${BUDGET.steps} steps of ${BUDGET.batchSize} crops (${CLASS_BATCH_TIMES * BUDGET.batchSize} images for classes) in all, the same for every strategy; ${minutes} minutes of training for all ${runs.length} runs on a machine that others used too. Classes ${classes.join(", ")} of Galaxy Zoo (SDSS pictures): ${classify.train} to learn from, ${classify.validation} to choose by, ${classify.test} to measure, split anew for each seed. Images of Galaxy10 DECaLS: ${restore.train}, ${restore.validation}, ${testImages} (middles of ${testPx} px). Richardson-Lucy ${classical.lucyIterations} iterations, Wiener balance ${classical.wienerBalance} sigma^2, chosen on validation images. Steps of classify, restore, reconstruct: ${STRATEGIES.map((strategy) => `${strategy} ${stepsOf(runs, strategy)}`).join("; ")}.`;
}

function stepsOf(runs: Evaluation["runs"], strategy: Strategy): string {
  const some = runs.filter((run) => run.strategy === strategy);
  return [0, 1, 2]
    .map((task) => Math.round(some.reduce((sum, run) => sum + run.stepsOfTask[task], 0) / some.length))
    .join(", ");
}

/** Scores of a strategy's models over the seeds. */
export function ofStrategy(
  methods: Record<string, MethodScores>,
  strategy: Strategy,
  of: (scores: MethodScores) => number,
): Spread {
  return spread(SEEDS.map((seed) => of(methods[`${strategy}-${seed}`])));
}

/** Rows of MSE, PSNR and SSIM: the paper's and ours. */
export function imageRows(
  methods: Record<string, MethodScores>,
  given: { name: string; key: string; paper: string[] },
  classical: [string, string][],
  paper: Record<Strategy, string[]>,
  hidden: boolean,
): string[][] {
  const single = ({ mse, psnr, ssim, psnrHidden }: MethodScores) => [
    mse.toFixed(5),
    psnr.toFixed(2),
    ssim.toFixed(3),
    ...(hidden ? [(psnrHidden ?? 0).toFixed(2)] : []),
  ];
  return [
    [given.name, given.paper.join(", "), ...single(methods[given.key])],
    ...classical.map(([name, key]) => [name, "", ...single(methods[key])]),
    ...STRATEGIES.map((strategy) => [
      PAPER_NAMES[strategy],
      paper[strategy].join(", "),
      shown(
        ofStrategy(methods, strategy, ({ mse }) => mse),
        5,
      ),
      shown(
        ofStrategy(methods, strategy, ({ psnr }) => psnr),
        2,
      ),
      shown(
        ofStrategy(methods, strategy, ({ ssim }) => ssim),
        3,
      ),
      ...(hidden
        ? [
            shown(
              ofStrategy(methods, strategy, ({ psnrHidden }) => psnrHidden ?? 0),
              2,
            ),
          ]
        : []),
    ]),
  ];
}

/**
 * Whether a claim holds here, from pairs of runs that differ in nothing but the strategy: how often and by how much.
 */
export function claim(text: string, better: number[], worse: number[], digits: number): string {
  const differences = better.map((value, i) => value - worse[i]);
  const wins = differences.filter((difference) => difference > 0).length;
  const { mean, sd } = spread(differences);
  // A difference that the seeds differ by themselves decides nothing, whatever its sign.
  const clear = Math.abs(mean) > sd;
  const verdict = clear && wins === differences.length ? "holds" : clear && wins === 0 ? "does not hold" : "undecided";
  return `- ${text}: ${verdict} here (${mean >= 0 ? "+" : ""}${mean.toFixed(digits)} +- ${sd.toFixed(digits)}, ${wins} of ${differences.length} seeds)`;
}

/** Writes reports/NAME/{table.md, table.json, *.svg} and prints the table. */
export function report(
  { reports }: Flags,
  name: string,
  title: string,
  body: string,
  json: unknown,
  charts: Record<string, string> = {},
): void {
  const folder = join(reports, name);
  mkdirSync(folder, { recursive: true });
  writeFileAtomic(join(folder, "table.md"), `# ${title}\n\n${body}\n`);
  writeFileAtomic(join(folder, "table.json"), `${JSON.stringify(json, null, 2)}\n`);
  for (const [file, svg] of Object.entries(charts)) writeFileAtomic(join(folder, file), svg);
  process.stdout.write(`# ${title}\n\n${body}\n`);
  process.stderr.write(`in ${folder}\n`);
}

/** Means over the seeds of what happened at each step, one line a strategy or task. */
export function historyChart(
  title: string,
  yLabel: string,
  lines: {
    name: string;
    runs: Evaluation["runs"];
    of: (record: Evaluation["runs"][number]["history"][number]) => number;
  }[],
): string {
  return lineChart({
    title,
    xLabel: "step",
    yLabel,
    series: lines.map(({ name, runs, of }) => {
      const points = runs[0].history.map((_, i) => spread(runs.map(({ history }) => of(history[i]))));
      return {
        name,
        x: runs[0].history.map(({ step }) => step),
        y: points.map(({ mean }) => mean),
        spread: points.map(({ sd }) => sd),
      };
    }),
  });
}
