import type { Command } from "commander";
import { whole } from "./numbers.ts";
import { addCutCommand } from "./survey-cut.ts";
import { addDownloadCommand } from "./survey-download.ts";
import { addMatchCommand } from "./survey-match.ts";
import { addSimulateCommand } from "./survey-simulate.ts";

/** `skyloop survey create | add | info | download | providers | cut | match | simulate | sheet`. */
export function addSurveyCommand(program: Command): void {
  const survey = program
    .command("survey")
    .description("create and inspect surveys: folders of stamps with a catalogue");
  addCreateCommand(survey);
  addAddCommand(survey);
  addInfoCommand(survey);
  addDownloadCommand(survey);
  addCutCommand(survey);
  addMatchCommand(survey);
  addSimulateCommand(survey);
}

interface CreateFlags {
  images?: string;
  wide?: string;
  catalogue?: string;
  size: number;
  labels?: string;
  title?: string;
  bands?: string;
  crop: string;
  adaptiveCrop: boolean;
  overwrite: boolean;
  discardLabels: boolean;
}

function addCreateCommand(survey: Command): void {
  survey
    .command("create")
    .argument("<out>", "folder of the new survey")
    .description("create a survey from a folder of JPEG, PNG, WebP, FITS or HDF5 images, or from wide images")
    .option("--images <dir>", "folder of images, including sub-folders")
    .option(
      "--wide <files>",
      "wide FITS images instead, one per band, separated by commas; stamps are cut at the positions of --catalogue",
    )
    .option("--catalogue <file>", "with --wide: table with ra and dec (or x and y) and any other columns")
    .option("--size <px>", "with --wide: side of the stamps", whole("--size", 16, 4096), 128)
    .option(
      "--labels <file>",
      "CSV, TSV, Parquet or FITS table joined by id or file name (default: labels.csv in the folder)",
    )
    .option("--title <text>", "title of the survey on the page")
    .option("--bands <names>", "bands of FITS images in this order, such as g,r,z")
    .option(
      "--crop <how>",
      "crop each stamp to its central galaxy before a model sees it: auto (where galaxies fill less than 0.6 of their stamps), always or never",
      "auto",
    )
    .option("--adaptive-crop", "the same as --crop always", false)
    .option(
      "--overwrite",
      "replace an existing survey once the new one is complete; keeps sessions, labels and the features of unchanged stamps",
      false,
    )
    .option("--discard-labels", "with --overwrite: delete sessions and labels too", false)
    .action(create);
}

async function create(out: string, options: CreateFlags): Promise<void> {
  const { startDecoding } = await import("../survey/decode/index.ts");
  startDecoding();
  const [{ terminalProgress }, { SkyloopError }, { cropSmallGalaxies }] = await Promise.all([
    import("../base/progress.ts"),
    import("../base/errors.ts"),
    import("../stamps/choose-crop.ts"),
  ]);
  if (!["auto", "always", "never"].includes(options.crop))
    throw new SkyloopError("BAD_OPTION", `--crop is auto, always or never, not ${options.crop}`);
  const adaptiveCrop =
    options.adaptiveCrop || options.crop === "always" || (options.crop === "auto" && cropSmallGalaxies);
  const bands = options.bands?.split(",").map((name) => name.trim());
  const command = process.argv.slice(2).join(" ");
  if (options.discardLabels && !options.overwrite)
    throw new SkyloopError("BAD_OPTION", "--discard-labels goes with --overwrite; nothing was done");
  const replace = options.overwrite
    ? (await import("../loop/keep.ts")).keepWhatFits({ discardLabels: options.discardLabels })
    : undefined;
  if (options.wide !== undefined && options.catalogue !== undefined) {
    const { createFromWide } = await import("../stamps/wide.ts");
    await createFromWide({
      ...options,
      adaptiveCrop,
      out,
      images: options.wide.split(","),
      catalogue: options.catalogue,
      bands: bands ?? ["g", "r", "z"],
      sizePx: options.size,
      replace,
      command,
      progress: terminalProgress("cutting stamps", "stamps"),
    });
  } else if (options.images !== undefined) {
    const { createSurvey } = await import("../survey/create.ts");
    await createSurvey({
      ...options,
      adaptiveCrop,
      images: options.images,
      out,
      bands,
      replace,
      command,
      progress: terminalProgress("reading images", "images"),
    });
  } else
    throw new SkyloopError(
      "BAD_OPTION",
      "say where the stamps come from: --images DIR, or --wide IMAGE[,IMAGE…] with --catalogue FILE",
    );
  const { describeSurvey } = await import("../survey/describe.ts");
  process.stdout.write(await describeSurvey(out));
  process.stdout.write(`\nNext: skyloop embed ${out}, then skyloop serve ${out}\n`);
}

function addAddCommand(survey: Command): void {
  survey
    .command("add")
    .argument("<survey>", "survey folder")
    .description(
      "add images to a survey; its labels, sessions and features stay, images it has already are passed over",
    )
    .requiredOption(
      "--images <dir>",
      "folder of images, including sub-folders; new ones in the survey's own, or another",
    )
    .option("--labels <file>", "table of the new images' labels (default: labels.csv in the folder)")
    .action(async (to: string, options: { images: string; labels?: string }) => {
      const [{ terminalProgress }, { addImages }, { keepWhatFits }] = await Promise.all([
        import("../base/progress.ts"),
        import("../survey/add.ts"),
        import("../loop/keep.ts"),
      ]);
      const { added, known, refused } = await addImages({
        ...options,
        to,
        keeping: keepWhatFits(),
        command: process.argv.slice(2).join(" "),
        progress: terminalProgress("reading images", "images"),
      });
      const others = refused > 0 ? `; ${refused} lines on the others: skyloop survey info ${to}` : "";
      process.stdout.write(`${to}: ${added} stamps added, ${known} were in it already${others}\n`);
      if (added > 0) process.stdout.write(`\nNext: skyloop embed ${to} computes what is missing of its features\n`);
    });
}

function addInfoCommand(survey: Command): void {
  survey
    .command("info")
    .argument("<survey>", "survey folder")
    .description("counts, columns, features, and what could not be taken in and why")
    .option("--json", "one JSON object", false)
    .action(async (folder: string, options: { json: boolean }) => {
      const { describeSurvey, surveySummary } = await import("../survey/describe.ts");
      process.stdout.write(
        options.json ? `${JSON.stringify(await surveySummary(folder))}\n` : await describeSurvey(folder),
      );
    });
}
