import type { Command } from "commander";
import type { Unlabelled } from "../contract/api.ts";
import { addLoopPurityCommand } from "./loop-purity.ts";
import { addLoopRankCommand } from "./loop-rank.ts";
import { addSessionCommands } from "./loop-sessions.ts";
import { real, whole } from "./numbers.ts";
import { unlabelledOption } from "./unlabelled-option.ts";

interface SimulateFlags {
  model: string;
  column: string;
  positive: string;
  negative?: string;
  start: string;
  show: number;
  rounds: number;
  alpha: number;
  seeds: number;
  test?: string;
  testColumn?: string;
  unlabelled: Unlabelled;
  json: boolean;
}

const listed = (text: string | undefined) => (text === undefined ? [] : text.split(",").map((part) => part.trim()));

/** `skyloop loop simulate | list | export | rank | purity`. */
export function addLoopCommand(program: Command): void {
  const loop = program
    .command("loop")
    .description("sessions: list, export, rank another survey, purity of detections, and simulate a person who labels");
  loop
    .command("simulate")
    .argument("<survey>", "survey to label")
    .description("simulate a person who labels by a column of the catalogue, and measure the ranking after each round")
    .requiredOption("--model <name>", "feature set, or pixels-pca for principal components of the pixels")
    .requiredOption("--column <name>", "column with the labels; objects without one are left out")
    .requiredOption("--positive <values>", "values that count as positive, separated by commas")
    .option("--negative <values>", "values that count as negative (default: all other values)")
    .option("--start <p+n>", "number of starting examples, positives+negatives", "5+5")
    .option("--show <n>", "objects shown per round", whole("--show", 1, 10_000), 10)
    .option("--rounds <n>", "number of rounds", whole("--rounds", 0, 1000), 1)
    .option("--alpha <a>", "from 0 (recall) to 1 (precision)", real("--alpha", 0, 1), 0.5)
    .option("--seeds <n>", "repetitions", whole("--seeds", 1, 1000), 20)
    .option("--test <survey>", "survey to measure on (default: half of the labelled objects, held out)")
    .option("--test-column <name>", "label column of the test survey (default: the same name)")
    .addOption(unlabelledOption())
    .option("--json", "one JSON object", false)
    .action(async (survey: string, flags: SimulateFlags) => {
      const [{ simulate }, { terminalProgress, SILENT }, { SkyloopError }] = await Promise.all([
        import("../evaluate/simulate.ts"),
        import("../base/progress.ts"),
        import("../base/errors.ts"),
      ]);
      const start = /^(\d+)\+(\d+)$/.exec(flags.start);
      if (start === null)
        throw new SkyloopError("BAD_OPTION", `--start is positives+negatives such as 5+5, not ${flags.start}`);
      const result = await simulate({
        ...flags,
        survey,
        positive: listed(flags.positive),
        negative: listed(flags.negative),
        start: [Number(start[1]), Number(start[2])],
        progress: flags.json ? SILENT : terminalProgress("simulate", "seeds"),
      });
      process.stdout.write(flags.json ? `${JSON.stringify(result)}\n` : describe(result));
    });
  addSessionCommands(loop);
  addLoopRankCommand(loop);
  addLoopPurityCommand(loop);
}

function describe(result: Awaited<ReturnType<typeof import("../evaluate/simulate.ts").simulate>>): string {
  const show = (value: { mean: number; sd: number } | null) =>
    value === null ? "      -      " : `${value.mean.toFixed(3)} +- ${value.sd.toFixed(3)}`;
  const lines = [
    `${result.model} (${result.dim} features), alpha ${result.alpha}, unlabelled ${result.unlabelled}, ${result.seeds} seeds; pool ${result.pool.objects} objects (${result.pool.positives} positive)`,
    `measured on ${result.test}: ${result.evaluated.objects} objects (${result.evaluated.positives} positive)`,
    "round  labels  AUPR             AUROC            precision shown  | at random: AUPR  AUROC            precision",
    ...result.rounds.map(
      ({ round, labels, aupr, auroc, shownPrecision, random }) =>
        `${String(round).padEnd(6)} ${String(labels).padEnd(7)} ${show(aupr)}  ${show(auroc)}  ${show(shownPrecision)}  | ${show(random.aupr)}  ${show(random.auroc)}  ${show(random.shownPrecision)}`,
    ),
  ];
  return `${lines.join("\n")}\n`;
}
