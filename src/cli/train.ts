import { join } from "node:path";
import type { Command } from "commander";
import { addTrainImageCommands } from "./train-image.ts";
import { addTrainMultitaskCommand } from "./train-multitask.ts";

interface ClassifyFlags {
  column: string;
  votes?: string;
  classes?: string;
  model: string;
  weights?: string;
  fineTune: boolean;
  features?: string;
  out?: string;
  seed: number;
  epochs?: number;
  labelSmoothing?: number;
  classWeights: string;
  json: boolean;
}

const listed = (text: string | undefined) => text?.split(",").map((part) => part.trim());

/** `skyloop train classify SURVEY`. */
export function addTrainCommand(program: Command): void {
  const train = program
    .command("train")
    .description("learn a task: classes from a label column, restoration, reconstruction, or all together");
  train
    .command("classify")
    .argument("<survey>", "survey folder")
    .description(
      "learn classes from a column of the catalogue; writes a head, its measures and a report with the most certain mistakes",
    )
    .option("--column <name>", "column with one class an object", "label")
    .option("--votes <columns>", "columns with shares of votes instead, separated by commas; they are the classes")
    .option("--classes <values>", "only these values of the column, separated by commas")
    .option(
      "--model <name>",
      "model of the table (skyloop model list), or alexnet, vgg16, resnet18, resnet50",
      "lvm-nano",
    )
    .option(
      "--weights <file>",
      "safetensors to begin with instead of the released weights, or of none for a convolutional network (torchvision's names)",
    )
    .option(
      "--fine-tune",
      "let the encoder learn too, on random views of the images; convolutional networks always do",
      false,
    )
    .option("--features <name>", "feature set of that model, where it has another name")
    .option("--out <folder>", "folder of the head (default: heads/SURVEY-COLUMN-MODEL)")
    .option("--seed <n>", "seed of split, initial weights and order", Number, 1)
    .option("--epochs <n>", "most passes over the training objects", Number)
    .option("--label-smoothing <share>", "share of the target spread over all classes", Number)
    .option("--class-weights <kind>", "balanced (rare classes weigh as much as frequent ones) or none", "balanced")
    .option("--json", "one JSON object", false)
    .action(async (survey: string, flags: ClassifyFlags) => {
      const [{ trainClassify }, { terminalProgress, SILENT }, { SkyloopError }] = await Promise.all([
        import("../train/task-classify.ts"),
        import("../base/progress.ts"),
        import("../base/errors.ts"),
      ]);
      if (!["balanced", "none"].includes(flags.classWeights))
        throw new SkyloopError("BAD_OPTION", `--class-weights is balanced or none, not ${flags.classWeights}`);
      if (!Number.isInteger(flags.seed) || flags.seed < 0)
        throw new SkyloopError("BAD_OPTION", `--seed is a whole number from 0, not ${flags.seed}`);
      if (flags.epochs !== undefined && !(Number.isInteger(flags.epochs) && flags.epochs > 0))
        throw new SkyloopError("BAD_OPTION", `--epochs is a whole number from 1, not ${flags.epochs}`);
      if (flags.labelSmoothing !== undefined && !(flags.labelSmoothing >= 0 && flags.labelSmoothing < 1))
        throw new SkyloopError("BAD_OPTION", `--label-smoothing lies between 0 and 1, not ${flags.labelSmoothing}`);
      const votes = listed(flags.votes);
      const out =
        flags.out ??
        join(
          "heads",
          `${survey.split(/[/\\]/).filter(Boolean).at(-1)}-${votes === undefined ? flags.column : "votes"}-${flags.features ?? flags.model}${flags.fineTune ? "-fine-tuned" : ""}`,
        );
      const result = await trainClassify(survey, {
        column: flags.column,
        votes,
        only: listed(flags.classes),
        model: flags.model,
        weights: flags.weights,
        fineTune: flags.fineTune,
        features: flags.features,
        out,
        head: {
          seed: flags.seed,
          balanced: flags.classWeights === "balanced",
          ...(flags.epochs === undefined ? {} : { epochs: flags.epochs }),
          ...(flags.labelSmoothing === undefined ? {} : { labelSmoothing: flags.labelSmoothing }),
        },
        command: `skyloop ${process.argv.slice(2).join(" ")}`,
        progress: flags.json ? SILENT : terminalProgress("features", "stamps"),
      });
      const { describeScores } = await import("./evaluate.ts");
      process.stdout.write(
        flags.json
          ? `${JSON.stringify(result)}\n`
          : `${describeScores(result.classes, result.scores)}head, measures and report in ${out} (open ${join(out, "report.html")})\n`,
      );
    });
  addTrainImageCommands(train);
  addTrainMultitaskCommand(train);
}
