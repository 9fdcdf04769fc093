import type { Command } from "commander";

interface PredictImageFlags {
  head: string;
  fwhm?: number;
  mask?: string;
  neighbours?: boolean;
  overwrite: boolean;
}

/** A change of brightness that nobody should overlook. */
const MUCH_LIGHT = 0.05;

/** `skyloop predict restore | reconstruct IN OUT`. */
export function addPredictImageCommands(predict: Command): void {
  for (const task of ["restore", "reconstruct"] as const) {
    const command = predict
      .command(task)
      .argument("<in>", "FITS image or cube, or a picture (.jpg, .png, .webp)")
      .argument("<out>", "file to write: .fits for FITS, else a picture")
      .description(
        task === "restore"
          ? "undo blur and noise in one image of any size; FITS keeps its header and world coordinates and says in HISTORY what was done"
          : "fill hidden pixels of one image, or the galaxy behind its neighbours; FITS keeps its header and says in HISTORY what was done",
      )
      .requiredOption("--head <file>", `${task}.safetensors of \`skyloop train ${task}\` or of multitask training`);
    if (task === "restore")
      command.option(
        "--fwhm <px>",
        "full width at half maximum of the image's point spread in px, for a head that was trained with --known-seeing",
        Number,
      );
    else
      command
        .option("--mask <file>", "FITS or picture of the same size: what is not 0 (in a picture: bright) is hidden")
        .option("--neighbours", "find everything but the central galaxy by segmentation, and hide that", false);
    command
      .option("--overwrite", "replace the file if it is there", false)
      .action(async (input: string, output: string, flags: PredictImageFlags) => {
        const { predictImage } = await import("../train/use-image.ts");
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
