import type { Command } from "commander";
import type { CalibratedScores } from "../measure/calibration.ts";
import type { ClassificationScores } from "../measure/classification.ts";
import { addEvaluateDetections } from "./evaluate-detections.ts";
import { addEvaluateImageCommands } from "./evaluate-image.ts";
import { SEEDS, whole } from "./numbers.ts";

/** A table of a classifier's measures. */
export function describeClasses(classes: string[], scores: ClassificationScores): string {
  const widest = Math.max(...classes.map((name) => name.length), 5);
  return [
    `accuracy ${scores.accuracy.toFixed(3)}, macro F1 ${scores.macroF1.toFixed(3)}, balanced accuracy ${scores.balancedAccuracy.toFixed(3)} on ${scores.count} objects`,
    `${"class".padEnd(widest)}  objects  precision  recall  F1     predicted as ${classes.join(", ")}`,
    ...scores.perClass.map(
      ({ support, precision, recall, f1 }, k) =>
        `${classes[k].padEnd(widest)}  ${String(support).padEnd(7)}  ${precision.toFixed(3)}      ${recall.toFixed(3)}   ${f1.toFixed(3)}  ${scores.confusion[k].join(" ")}`,
    ),
  ].join("\n");
}

/** The same with its calibration. */
export function describeScores(classes: string[], scores: CalibratedScores): string {
  return `${describeClasses(classes, scores)}
calibration error ${scores.calibrationError.toFixed(3)} at temperature ${scores.temperature.toFixed(2)} (${scores.calibrationErrorBefore.toFixed(3)} without)
`;
}

/** `skyloop evaluate classify SURVEY --head FILE`. */
export function addEvaluateCommand(program: Command): void {
  const evaluate = program.command("evaluate").description("measure a trained model on a survey");
  evaluate
    .command("classify")
    .argument("<survey>", "survey folder with labels; use another survey than the one the head was trained on")
    .description("accuracy, precision, recall, F1 and calibration of a classifier")
    .requiredOption("--head <file>", "head.safetensors of `skyloop train classify`")
    .option("--column <name>", "column with the classes (default: the column of the training)")
    .option("--json", "one JSON object", false)
    .action(async (survey: string, flags: { head: string; column?: string; json: boolean }) => {
      const [{ evaluateTask }, { terminalProgress, SILENT }] = await Promise.all([
        import("../tasks/use.ts"),
        import("../base/progress.ts"),
      ]);
      const { column } = flags;
      const votes = column?.includes(",") === true ? column.split(",") : undefined;
      const found = await evaluateTask(survey, flags.head, {
        which: "everything",
        own: { ...(column === undefined ? {} : { column, votes }) },
        scores: true,
        progress: flags.json ? SILENT : terminalProgress("features", "stamps"),
      });
      const { classes, column: measured } = found.record as { classes: string[]; column: string };
      const result = { survey: found.survey, column: measured, classes, scores: found.scores as CalibratedScores };
      process.stdout.write(flags.json ? `${JSON.stringify(result)}\n` : describeScores(result.classes, result.scores));
    });
  evaluate
    .command("head")
    .argument("<survey>", "survey folder; the test split is measured")
    .description("the validation measures of any head that holds its network, on the test split")
    .requiredOption("--head <file>", "head of `skyloop train` or of multitask training")
    .option("--seed <n>", "seed of the split (default: that of the training)", whole("--seed", 0, SEEDS))
    .option("--json", "one JSON object", false)
    .action(async (survey: string, flags: { head: string; seed?: number; json: boolean }) => {
      const [{ evaluateTask }, { terminalProgress, SILENT }] = await Promise.all([
        import("../tasks/use.ts"),
        import("../base/progress.ts"),
      ]);
      const progress = flags.json ? SILENT : terminalProgress("reading", "stamps");
      const found = await evaluateTask(survey, flags.head, { seed: flags.seed, progress });
      const measures = Object.entries(found.measures).map(([name, value]) => `${name} ${value.toPrecision(5)}`);
      process.stdout.write(
        flags.json
          ? `${JSON.stringify(found)}\n`
          : `${found.task} on ${found.objects} objects: ${measures.join(", ")}\n`,
      );
    });
  addEvaluateImageCommands(evaluate);
  addEvaluateDetections(evaluate);
}
