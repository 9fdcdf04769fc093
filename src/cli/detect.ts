import { type Command, Option } from "commander";
import { whole } from "./numbers.ts";

interface Options {
  out: string;
  classical: boolean;
  model?: string;
  bands?: string;
  threshold?: number;
  contrast?: number;
  tile: number;
  overlap: number;
  stampSize: number;
  overlaps: boolean;
  overwrite: boolean;
}

/** `skyloop detect IMAGE… --out DIR`. */
export function addDetectCommand(program: Command): void {
  program
    .command("detect")
    .argument("<images...>", "FITS files (of one band each, joined by commas, or of several), JPEG or PNG")
    .description(
      "find objects in wide images: catalogue, regions, segmentation map, and a survey of candidates that `skyloop serve` opens",
    )
    .requiredOption(
      "--out <dir>",
      "folder of the new survey, catalogue.*, regions.reg, segmentation.fits, detections.json",
    )
    .option(
      "--classical",
      "every source, without a trained model: all bands together, matched filter, deblending",
      false,
    )
    .addOption(new Option("--model <file>", "a trained detector").conflicts("classical"))
    .option("--bands <names>", "bands to use, in this order, such as g,r,z (default: all)")
    .option("--threshold <t>", "with --classical: height over the sky in units of the noise (default: 3.2)", Number)
    .option(
      "--contrast <c>",
      "with --classical: share of the light that makes a part an object (default: 0.0005)",
      Number,
    )
    .option("--tile <px>", "side of a tile", whole("--tile", 64, 1448), 1280)
    .option("--overlap <px>", "what tiles share; at least twice the largest object", whole("--overlap", 0, 1024), 256)
    .option("--stamp-size <px>", "side of the candidates' stamps", whole("--stamp-size", 16, 1024), 64)
    .option("--overlaps", "also masks.fits with an HDU an object, so that masks may overlap", false)
    .option("--overwrite", "replace an existing survey once the new one is complete; sessions and labels stay", false)
    .action(async (images: string[], options: Options) => {
      const { detectClassical } = await import("../detect/classical-run.ts");
      const [{ terminalProgress }, { SkyloopError }] = await Promise.all([
        import("../base/progress.ts"),
        import("../base/errors.ts"),
      ]);
      if (options.model !== undefined || !options.classical)
        throw new SkyloopError(
          "NO_DETECTOR",
          "there is no trained detector here yet; --classical finds every source without one",
        );
      const replace = options.overwrite ? (await import("../loop/keep.ts")).keepWhatFits() : undefined;
      const said = await detectClassical(images, {
        ...options,
        bands: options.bands?.split(",").map((name) => name.trim()) ?? null,
        tilePx: options.tile,
        overlapPx: options.overlap,
        stampPx: options.stampSize,
        replace,
        command: process.argv.slice(2).join(" "),
        progress: terminalProgress,
      });
      process.stdout.write(said);
    });
}
