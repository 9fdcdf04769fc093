import { join } from "node:path";
import type { Command } from "commander";
import type { ImageTaskName } from "../tasks/image-task.ts";

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
    "learn to undo blur and noise; measured beside Richardson-Lucy and Wiener deconvolution with the true point spread",
  reconstruct: "learn to fill hidden patches; measured beside nearest and biharmonic inpainting",
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
  for (const task of ["restore", "reconstruct"] as const) {
    const command = train
      .command(task)
      .argument("<survey>", "survey folder; its stamps are the true images")
      .description(ABOUT[task])
      .option("--model <name>", "LVM whose encoder is used (skyloop model list)", "lvm-nano")
      .option("--weights <file>", "weights of the encoder other than the released ones")
      .option("--out <folder>", `folder of the run (default: heads/SURVEY-${task}-MODEL)`)
      .option("--seed <n>", "seed of split, initial weights and order", Number, 1)
      .option("--steps <n>", "training steps", Number, 1000)
      .option("--batch <n>", "crops a step", Number, 16)
      .option("--size <px>", "side of the crops, a multiple of 32", Number, 64)
      .option("--frozen", "keep the encoder's weights as they are", false)
      .option("--threads <n>", "threads of libtorch (default: its own choice)", Number)
      .option("--json", "one JSON object", false);
    if (task === "restore")
      command
        .option(
          "--fwhm <range>",
          "widths of the point spread, smallest and largest: px for pictures, arcsec for flux (default: 2 to 8 px)",
        )
        .option(
          "--noise <range>",
          "sigma of the noise: of 255 for pictures (default 1,15), nanomaggies for flux (default: 0.1 to 3 times the sky's)",
        )
        .option(
          "--known-seeing",
          "tell the network how wide each image's point spread is; predict then asks for it",
          false,
        );
    command.action(async (survey: string, flags: TrainImageFlags) => {
      const [{ trainImageModel }, { methodsTable }, { terminalProgress, SILENT }, { setThreads }] = await Promise.all([
        import("../train/task-image.ts"),
        import("../train/image-evaluate.ts"),
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
