import { join } from "node:path";
import type { Command } from "commander";
import type { ImageTaskName } from "../tasks/images/image-task.ts";
import { SEEDS, whole } from "./numbers.ts";

interface TrainImageFlags {
  model: string;
  weights?: string;
  out?: string;
  seed: number;
  steps: number;
  batch: number;
  size: number;
  frozen: boolean;
  fwhm?: string;
  noise?: string;
  knownSeeing?: boolean;
  threads?: number;
  json: boolean;
}

const ABOUT: Record<ImageTaskName, string> = {
  restore:
    "train a network that removes blur and noise; measured beside Richardson-Lucy and Wiener deconvolution with the true point spread function",
  reconstruct: "train a network that fills hidden patches; measured beside nearest-pixel and biharmonic inpainting",
};

/** What a task's training alone is asked. */
const OPTIONS: Record<ImageTaskName, (command: Command) => Command> = {
  restore: (command) =>
    command
      .option(
        "--fwhm <range>",
        "smallest and largest FWHM of the point spread function, such as 2,8: px for pictures, arcsec for flux (default: 2 to 8 px)",
      )
      .option(
        "--noise <range>",
        "smallest and largest sigma of the noise: of 255 for pictures (default: 1,15), nanomaggies for flux (default: 0.1 to 3 times the noise of the sky)",
      )
      .option("--known-seeing", "give the network the FWHM of each image; predict then requires --fwhm", false),
  reconstruct: (command) => command,
};

/** "2,8" as a pair of numbers. */
export const pairOf = (text: string | undefined): [number, number] | undefined => {
  if (text === undefined) return undefined;
  const numbers = text.split(",").map(Number);
  return [numbers[0], numbers[1]];
};

/** The name of a survey folder. */
export const nameOf = (folder: string) => folder.split(/[/\\]/).filter(Boolean).at(-1) ?? folder;

/** `skyloop train restore | reconstruct SURVEY`. */
export function addTrainImageCommands(train: Command): void {
  for (const task of Object.keys(OPTIONS) as ImageTaskName[]) {
    const command = train
      .command(task)
      .argument("<survey>", "survey folder; its stamps are the targets")
      .description(ABOUT[task])
      .option("--model <name>", "encoder (see skyloop model list)", "lvm-nano")
      .option("--weights <file>", "weights of the encoder instead of the released ones")
      .option("--out <folder>", `folder of the run (default: heads/SURVEY-${task}-MODEL)`)
      .option("--seed <n>", "seed of the split, the initial weights and the order", whole("--seed", 0, SEEDS), 1)
      .option("--steps <n>", "training steps", whole("--steps", 1, 1000000000), 1000)
      .option("--batch <n>", "crops per step", whole("--batch", 1, 65536), 16)
      .option("--size <px>", "side of the crops, a multiple of 32", whole("--size", 8, 4096), 64)
      .option("--frozen", "keep the weights of the encoder fixed", false)
      .option("--threads <n>", "threads of libtorch", whole("--threads", 1, 4096))
      .option("--json", "one JSON object", false);
    OPTIONS[task](command);
    command.action(async (survey: string, flags: TrainImageFlags) => {
      const [{ trainImageModel }, { methodsTable }, { terminalProgress, SILENT }, { setThreads }] = await Promise.all([
        import("../train/images/train-images.ts"),
        import("../tasks/images/evaluate.ts"),
        import("../base/progress.ts"),
        import("../torch/index.ts"),
      ]);
      if (flags.threads !== undefined) setThreads(flags.threads);
      const out = flags.out ?? join("heads", `${nameOf(survey)}-${task}-${flags.model}`);
      const result = await trainImageModel(survey, {
        task,
        model: flags.model,
        weights: flags.weights,
        out,
        seed: flags.seed,
        steps: flags.steps,
        batchSize: flags.batch,
        sizePx: flags.size,
        frozen: flags.frozen,
        fwhm: pairOf(flags.fwhm),
        noise: pairOf(flags.noise),
        seeingKnown: flags.knownSeeing,
        command: `skyloop ${process.argv.slice(2).join(" ")}`,
        reading: flags.json ? SILENT : terminalProgress("reading", "images"),
        progress: flags.json ? SILENT : terminalProgress(task, "steps"),
      });
      if (result === null) return;
      process.stdout.write(
        flags.json
          ? `${JSON.stringify(result)}\n`
          : `${methodsTable(result.methods)}\non ${result.images} images of ${result.sizePx} px; model, measures and pictures in ${out} (look at ${join(out, "examples.png")})\n`,
      );
    });
  }
}
