import type { Command } from "commander";
import type { ImageTaskName } from "../tasks/images/image-task.ts";
import { real } from "./numbers.ts";

interface PredictImageFlags {
  head: string;
  fwhm?: number;
  mask?: string;
  neighbours?: boolean;
  overwrite: boolean;
}

/** A change of brightness that nobody should overlook. */
const MUCH_LIGHT = 0.05;

const ABOUT: Record<ImageTaskName, string> = {
  restore:
    "remove blur and noise from one image of any size; FITS keeps header and world coordinates, and HISTORY records the model",
  reconstruct:
    "fill hidden pixels of one image, or the pixels behind neighbouring objects; FITS keeps its header, and HISTORY records the model",
};

/** What the use of a task alone is asked. */
const OPTIONS: Record<ImageTaskName, (command: Command) => Command> = {
  restore: (command) =>
    command.option(
      "--fwhm <px>",
      "full width at half maximum of the point spread function in px; for heads trained with --known-seeing",
      real("--fwhm", 0.1, 100),
    ),
  reconstruct: (command) =>
    command
      .option(
        "--mask <file>",
        "FITS image or picture of the same size; pixels that are not 0 (in a picture: bright) are hidden",
      )
      .option("--neighbours", "hide all objects but the central galaxy, found by segmentation", false),
};

/** `skyloop predict restore | reconstruct IN OUT`. */
export function addPredictImageCommands(predict: Command): void {
  for (const task of Object.keys(OPTIONS) as ImageTaskName[]) {
    const command = predict
      .command(task)
      .argument("<in>", "FITS image or cube, or a picture (.jpg, .png, .webp)")
      .argument("<out>", "file to write: .fits for FITS, else a picture")
      .description(ABOUT[task])
      .requiredOption("--head <file>", `${task}.safetensors of \`skyloop train ${task}\` or of multitask training`);
    OPTIONS[task](command);
    command
      .option("--overwrite", "replace an existing file", false)
      .action(async (input: string, output: string, flags: PredictImageFlags) => {
        const { predictImage } = await import("../tasks/images/predict.ts");
        const { widthPx, heightPx, planes, hiddenShare, lightRatios } = await predictImage({
          task,
          model: flags.head,
          input,
          output,
          mask: flags.mask,
          fwhmPx: flags.fwhm,
          neighbours: flags.neighbours ?? false,
          overwrite: flags.overwrite,
        });
        const filled = hiddenShare === null ? "" : `, ${(100 * hiddenShare).toFixed(1)} % of the pixels filled`;
        const light =
          lightRatios.length === 0
            ? ""
            : `, light in the middle after / before ${lightRatios.map((ratio) => ratio.toFixed(3)).join(", ")}`;
        process.stdout.write(`${output}: ${planes} x ${widthPx} x ${heightPx} px${filled}${light}\n`);
        if (lightRatios.some((ratio) => !(Math.abs(ratio - 1) < MUCH_LIGHT)))
          process.stderr.write(
            "skyloop: the brightness changed by more than a twentieth: the image is sharper or less noisy than those that the model learned from\n",
          );
      });
  }
}
