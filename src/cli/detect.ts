import { existsSync } from "node:fs";
import { type Command, Option } from "commander";
import type { ImagesOptions } from "../detect/images.ts";
import type { Calibration } from "../detect/write.ts";
import { real, whole } from "./numbers.ts";

interface Options {
  out: string;
  classical: boolean;
  model?: string;
  bands?: string;
  threshold?: number;
  contrast?: number;
  pixelScale?: number;
  unit?: string;
  rescale: boolean;
  threads?: number;
  tile?: number;
  overlap?: number;
  stampSize: number;
  mask?: string;
  curve?: string;
  overlaps: boolean;
  outlines: boolean;
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
    .addOption(
      new Option(
        "--model <file>",
        "what a trained detector knows: detector.safetensors of `skyloop train detect`, or the name of a released one",
      ).conflicts("classical"),
    )
    .option("--bands <names>", "bands to use, in this order, such as g,r,z (default: all, or the detector's)")
    .option(
      "--threshold <t>",
      "with --model: least score, from 0 to 1 (default: as its card says); with --classical: height over the sky in units of the noise (default: 3.2)",
      // Each way of finding has its own range, and refuses what lies outside of it.
      real("--threshold", 0, 1000),
    )
    .option(
      "--contrast <c>",
      "with --classical: share of the light that makes a part an object (default: 0.0005)",
      real("--contrast", 0, 1),
    )
    .option(
      "--pixel-scale <arcsec>",
      "with --model: size of a pixel, where the image does not say it",
      real("--pixel-scale", 0.0001, 3600),
    )
    .option("--unit <name>", "with --model: unit of the pixels, where the image does not say it")
    .option("--rescale", "with --model: resample images whose pixels are of another size than the detector's", false)
    .option("--threads <n>", "with --model: threads of libtorch", whole("--threads", 1, 4096))
    .option(
      "--tile <px>",
      "side of a tile (default: the overlap and 512 of the detector's pixels, or 1280)",
      whole("--tile", 64, 1448),
    )
    .option(
      "--overlap <px>",
      "what tiles share, at least twice the largest object (default: 64 or what the detector's objects take, or 256)",
      whole("--overlap", 0, 1024),
    )
    .option("--stamp-size <px>", "side of the candidates' stamps", whole("--stamp-size", 16, 1024), 64)
    .option(
      "--mask <files>",
      "FITS of whole numbers, not 0 where a pixel is bad: one an image, in the same order, joined by commas",
    )
    .option(
      "--curve <file>",
      "adds the column probability: what this detector's scores stand for, by `skyloop loop purity --curve`",
    )
    .option("--overlaps", "also masks.fits with an HDU an object, so that masks may overlap", false)
    .option("--outlines", "regions.reg holds the outlines of the masks as polygons, not boxes", false)
    .option("--overwrite", "replace an existing survey once the new one is complete; sessions and labels stay", false)
    .action(async (images: string[], options: Options) => {
      const [{ terminalProgress }, { SkyloopError }] = await Promise.all([
        import("../base/progress.ts"),
        import("../base/errors.ts"),
      ]);
      if (options.model === undefined && !options.classical)
        throw new SkyloopError(
          "NO_DETECTOR",
          "say what is to be found: --model FILE with a trained detector, or --classical for every source",
        );
      const replace = options.overwrite ? (await import("../loop/keep.ts")).keepWhatFits() : undefined;
      const common = {
        ...options,
        bands: options.bands?.split(",").map((name) => name.trim()) ?? null,
        stampPx: options.stampSize,
        masks: options.mask?.split(",").map((path) => (path.trim() === "" ? null : path.trim())) ?? null,
        calibration: options.curve === undefined ? undefined : await calibrationOf(options.curve),
        replace,
        command: process.argv.slice(2).join(" "),
        progress: terminalProgress,
      };
      process.stdout.write(
        options.model === undefined
          ? await classical(images, common, options)
          : await withModel(images, common, { ...options, model: options.model }),
      );
    });
}

async function calibrationOf(path: string): Promise<Calibration> {
  const [{ readCurve }, { plattProbability }] = await Promise.all([
    import("../survey/purity-curve.ts"),
    import("../measure/platt.ts"),
  ]);
  const curve = readCurve(path);
  return { curve, probabilityOf: (score) => plattProbability(curve, score) };
}

type Common = Omit<Options, "bands" | "model"> & ImagesOptions;

async function classical(images: string[], common: Common, { tile = 1280, overlap = 256 }: Options): Promise<string> {
  const { detectClassical } = await import("../detect/classical-run.ts");
  return detectClassical(images, { ...common, tilePx: tile, overlapPx: overlap });
}

async function withModel(images: string[], common: Common, options: Options & { model: string }): Promise<string> {
  const [{ detectWithModel }, { releasedWeights }, { setThreads }] = await Promise.all([
    import("../tasks/detect/model-run.ts"),
    import("../models/index.ts"),
    import("../torch/index.ts"),
  ]);
  if (options.threads !== undefined) setThreads(options.threads);
  const released = releasedWeights(options.model);
  return detectWithModel(images, {
    ...common,
    model: !existsSync(options.model) && existsSync(released) ? released : options.model,
    tilePx: options.tile,
    overlapPx: options.overlap,
    pixelScaleArcsec: options.pixelScale,
  });
}
