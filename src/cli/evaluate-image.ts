import type { Command } from "commander";
import type { ImageTaskName } from "../tasks/images/image-task.ts";
import { SEEDS, whole } from "./numbers.ts";
import { pairOf } from "./train-image.ts";

interface EvaluateImageFlags {
  head: string;
  seed?: number;
  fwhm?: string;
  noise?: string;
  pictures: string;
  json: boolean;
}

/** What the measuring of a task alone is asked. */
const OPTIONS: Record<ImageTaskName, (command: Command) => Command> = {
  restore: (command) => command.option("--fwhm <range>", "as in training").option("--noise <range>", "as in training"),
  reconstruct: (command) => command,
};

/** `skyloop evaluate restore | reconstruct SURVEY --head FILE`. */
export function addEvaluateImageCommands(evaluate: Command): void {
  for (const task of Object.keys(OPTIONS) as ImageTaskName[]) {
    const command = evaluate
      .command(task)
      .argument("<survey>", "survey folder; a fifth of its stamps, at most 100, are measured")
      .description("MSE, PSNR, SSIM and brightness beside classical methods, on the test split")
      .requiredOption("--head <file>", `${task}.safetensors of \`skyloop train ${task}\``)
      .option("--seed <n>", "seed of the split (default: that of the training)", whole("--seed", 0, SEEDS))
      .option("--pictures <file>", "PNG file of example images", `${task}-examples.png`)
      .option("--json", "one JSON object", false);
    OPTIONS[task](command);
    command.action(async (survey: string, flags: EvaluateImageFlags) => {
      const [{ evaluateImageModel, methodsTable }, { terminalProgress, SILENT }] = await Promise.all([
        import("../tasks/images/evaluate.ts"),
        import("../base/progress.ts"),
      ]);
      const result = await evaluateImageModel(survey, flags.head, task, {
        seed: flags.seed,
        fwhm: pairOf(flags.fwhm),
        noise: pairOf(flags.noise),
        sheet: flags.pictures,
        progress: flags.json ? SILENT : terminalProgress("reading", "images"),
      });
      process.stdout.write(
        flags.json
          ? `${JSON.stringify(result)}\n`
          : `${methodsTable(result.methods)}\non ${result.images} images of ${result.sizePx} px; pictures in ${flags.pictures}\n`,
      );
    });
  }
}
