import type { Command } from "commander";
import { SkyloopError } from "../base/errors.ts";
import { whole } from "./numbers.ts";

interface Options {
  tiles: string;
  catalogue: string;
  size: number;
  bands?: string;
  invvar: boolean;
  maskBits: number;
  raUnit?: string;
  title?: string;
  overwrite: boolean;
}

/** `skyloop survey cut OUT`. */
export function addCutCommand(survey: Command): void {
  survey
    .command("cut")
    .argument("<out>", "folder of the new survey")
    .description(
      "cut a stamp at every position of a catalogue from a folder of tiles: wide FITS images with coordinates",
    )
    .requiredOption(
      "--tiles <dir>",
      "folder of tiles, including sub-folders: a file a band (tile-g.fits, .fz, .gz) or several bands in one",
    )
    .requiredOption("--catalogue <file>", "table with ra and dec, id and any other columns")
    .option("--size <px>", "side of the stamps", whole("--size", 16, 4096), 128)
    .option("--bands <names>", "bands in this order, such as grz or g,r,z (default: those that most tiles have)")
    .option(
      "--invvar",
      "pixels of weight 0 become NaN, by the weight map beside each image (tile-invvar-g.fits)",
      false,
    )
    .option(
      "--mask-bits <n>",
      "pixels with any of these bits become NaN, by the mask beside each image (tile-maskbits.fits)",
      whole("--mask-bits", 0, 2 ** 24),
      0,
    )
    .option("--ra-unit <unit>", "what plain numbers of right ascension are in: deg or hours")
    .option("--title <text>", "title of the survey on the page")
    .option(
      "--overwrite",
      "replace an existing survey once the new one is complete; its sessions and labels stay",
      false,
    )
    .action(cut);
}

async function cut(out: string, options: Options): Promise<void> {
  const [{ terminalProgress }, { createFromTiles }, { keepWhatFits }, { cropSmallGalaxies }] = await Promise.all([
    import("../base/progress.ts"),
    import("../stamps/tiles/index.ts"),
    import("../loop/keep.ts"),
    import("../stamps/choose-crop.ts"),
  ]);
  const { header, asked, tiles, stitched, missing } = await createFromTiles({
    ...options,
    out,
    raUnit: raUnitOf(options.raUnit),
    sizePx: options.size,
    bands: options.bands === undefined ? undefined : bandList(options.bands),
    weights: options.invvar,
    adaptiveCrop: cropSmallGalaxies,
    replace: options.overwrite ? keepWhatFits() : undefined,
    command: process.argv.slice(2).join(" "),
    progress: terminalProgress("cutting stamps", "stamps"),
  });
  const { describeSurvey } = await import("../survey/describe.ts");
  process.stdout.write(await describeSurvey(out));
  const without = [...missing].map(([code, count]) => `${count} ${code}`).join(", ");
  process.stdout.write(
    `\n${header.count} of ${asked} positions are in the survey, from ${tiles} tiles${stitched > 0 ? `; ${stitched} stitched from neighbours` : ""}${without === "" ? "" : `; without ${without}`}\n`,
  );
  process.stdout.write(`\nNext: skyloop embed ${out}, then skyloop serve ${out}\n`);
}

/** The unit of right ascension as it is given. Throws BAD_OPTION. */
export function raUnitOf(text: string | undefined): "deg" | "hours" | undefined {
  if (text === undefined || text === "deg" || text === "hours") return text;
  throw new SkyloopError("BAD_OPTION", `--ra-unit is deg or hours, not ${text}`);
}

/** Bands of `g,r,z`, `g r z`, or of letters one after another. */
export const bandList = (text: string): string[] =>
  /[\s,]/.test(text) ? text.split(/[\s,]+/).filter((band) => band !== "") : [...text];
