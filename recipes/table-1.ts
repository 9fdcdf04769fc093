/**
 * Table 1 of the paper: four-class accuracy of a frozen encoder, uniform and active multitask training.
 *
 * Command: bin/skyloop recipe table-1 [--data ../shared/data] [--work runs/multitask] [--reports reports] [--threads 2]
 * Time: about half an hour on two cores without GPU for the fifteen runs that Tables 1 to 4 and Figure 4 share;
 * seconds where they are there already. A run that was stopped goes on.
 * Expected: accuracy 0.916 +- 0.004 frozen, 0.919 +- 0.004 uniform, 0.920 +- 0.005 active on 558 test galaxies; the
 * paper has 0.784, 0.842, 0.854 with forty times the network and thousands of times the images to pre-train on.
 */

import { STRATEGIES } from "../src/train/multitask/multitask.ts";
import { markdown, shown, spread } from "./common/tables.ts";
import { evaluation, PAPER_NAMES } from "./multitask/runs.ts";
import { claim, foot, historyChart, report } from "./multitask/tables.ts";

const PAPER = {
  pretrain: ["0.784", "0.767", "0.794", "0.771"],
  uniform: ["0.842", "0.844", "0.850", "0.846"],
  active: ["0.854", "0.823", "0.834", "0.844"],
} as const;
const MEASURES = ["accuracy", "macroPrecision", "macroRecall", "macroF1"] as const;

const found = await evaluation();
const runsOf = (strategy: string) => found.runs.filter((run) => run.strategy === strategy);
const accuracies = (strategy: string) => runsOf(strategy).map(({ classify }) => classify.accuracy);
const rows = STRATEGIES.map((strategy) => [
  PAPER_NAMES[strategy],
  PAPER[strategy].join(", "),
  ...MEASURES.map((measure) => shown(spread(runsOf(strategy).map(({ classify }) => classify[measure])), 3)),
]);
const body = [
  markdown(
    ["Classification task", "paper: Acc, Pre, Recall, F1", "Acc", "Pre (macro)", "Recall (macro)", "F1 (macro)"],
    rows,
  ),
  "",
  claim(
    "uniform multitask training beats the frozen encoder in accuracy",
    accuracies("uniform"),
    accuracies("pretrain"),
    3,
  ),
  claim(
    "active multitask training beats the frozen encoder in accuracy",
    accuracies("active"),
    accuracies("pretrain"),
    3,
  ),
  claim("active beats uniform in accuracy", accuracies("active"), accuracies("uniform"), 3),
  "",
  foot(found),
].join("\n");
report(
  found,
  "table-1",
  "Table 1: classification",
  body,
  { paper: PAPER, runs: found.runs },
  {
    "validation-f1.svg": historyChart(
      "Macro F1 on the validation split",
      "macro F1",
      STRATEGIES.map((strategy) => ({
        name: strategy,
        runs: runsOf(strategy),
        of: ({ measures }) => measures[0].macroF1,
      })),
    ),
    "shares.svg": historyChart(
      "Shares of the steps, active",
      "share",
      ["classify", "restore", "reconstruct"].map((name, task) => ({
        name,
        runs: runsOf("active"),
        of: ({ shares }) => shares[task],
      })),
    ),
  },
);
