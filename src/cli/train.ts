import { join } from "node:path";
import type { Command } from "commander";
import { real, SEEDS, whole } from "./numbers.ts";
import { addTrainDetectCommand } from "./train-detect.ts";
import { addTrainImageCommands } from "./train-image.ts";
import { addTrainMultitaskCommand } from "./train-multitask.ts";
import { addTrainParametersCommand } from "./train-parameters.ts";

interface ClassifyFlags {
  column: string;
  votes?: string;
  classes?: string;
  model?: string;
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
    .description("train a task: classify, parameters, restore, reconstruct, detect, or several together");
  train
    .command("classify")
    .argument("<survey>", "survey folder")
    .description("train a classifier on a column of the catalogue; writes a head, its metrics and a report")
    .option("--column <name>", "column with one class per object", "label")
    .option("--votes <columns>", "columns with vote fractions instead, separated by commas; each is a class")
    .option("--classes <values>", "use only these values of the column, separated by commas")
    .option(
      "--model <name>",
      "encoder (see skyloop model list), or alexnet, vgg16, resnet18, resnet50 (default: that of the survey's features)",
    )
    .option(
      "--weights <file>",
      "initial weights (safetensors) instead of the released ones; for convolutional networks with torchvision's names",
    )
    .option("--fine-tune", "train the encoder too, with augmentation; convolutional networks always are", false)
    .option("--features <name>", "feature set to use (default: the name of the model)")
    .option("--out <folder>", "folder of the head (default: heads/SURVEY-COLUMN-MODEL)")
    .option("--seed <n>", "seed of the split, the initial weights and the order", whole("--seed", 0, SEEDS), 1)
    .option("--epochs <n>", "largest number of epochs", whole("--epochs", 1, 1000000))
    .option("--label-smoothing <share>", "label smoothing, from 0 to 1", real("--label-smoothing", 0, 0.99))
    .option("--class-weights <kind>", "balanced (each class has the same weight) or none", "balanced")
    .option("--json", "one JSON object", false)
    .action(async (survey: string, flags: ClassifyFlags) => {
      const [{ trainClassify }, { modelOfSurvey }, { terminalProgress, SILENT }, { SkyloopError }] = await Promise.all([
        import("../train/classify/train-classify.ts"),
        import("../loop/survey-model.ts"),
        import("../base/progress.ts"),
        import("../base/errors.ts"),
      ]);
      if (!["balanced", "none"].includes(flags.classWeights))
        throw new SkyloopError("BAD_OPTION", `--class-weights is balanced or none, not ${flags.classWeights}`);
      const votes = listed(flags.votes);
      const model = flags.model ?? modelOfSurvey(survey);
      const out =
        flags.out ??
        join(
          "heads",
          `${survey.split(/[/\\]/).filter(Boolean).at(-1)}-${votes === undefined ? flags.column : "votes"}-${flags.features ?? model}${flags.fineTune ? "-fine-tuned" : ""}`,
        );
      const result = await trainClassify(survey, {
        column: flags.column,
        votes,
        only: listed(flags.classes),
        model,
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
      if (result === null) return;
      const { describeScores } = await import("./evaluate.ts");
      process.stdout.write(
        flags.json
          ? `${JSON.stringify(result)}\n`
          : `${describeScores(result.classes, result.scores)}head, measures and report in ${out} (open ${join(out, "report.html")})\n`,
      );
    });
  addTrainParametersCommand(train);
  addTrainImageCommands(train);
  addTrainDetectCommand(train);
  addTrainMultitaskCommand(train);
}
