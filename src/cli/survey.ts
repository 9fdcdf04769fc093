import type { Command } from "commander";
import { addSimulateCommand } from "./survey-simulate.ts";

/** `skyloop survey create | info | simulate | sheet`. */
export function addSurveyCommand(program: Command): void {
  const survey = program.command("survey").description("make and look at surveys: folders of stamps with a catalogue");
  survey
    .command("create")
    .argument("<out>", "folder of the new survey")
    .description("take in a folder of JPEG, PNG, WebP, FITS or HDF5 images")
    .requiredOption("--images <dir>", "folder of images, searched with its sub-folders")
    .option("--labels <file>", "CSV, TSV, Parquet or FITS table joined by id or file name (default: labels.csv in the folder)")
    .option("--title <text>", "what the survey is called on the page")
    .option("--bands <names>", "bands of FITS images in the order wanted, e.g. g,r,z")
    .option("--adaptive-crop", "crop to the galaxy before a model sees a stamp", false)
    .option("--overwrite", "replace a survey of the same name", false)
    .action(async (out: string, options: { images: string; labels?: string; title?: string; bands?: string; adaptiveCrop: boolean; overwrite: boolean }) => {
      const [{ createSurvey }, { terminalProgress }] = await Promise.all([import("../survey/create.ts"), import("../base/progress.ts")]);
      const header = await createSurvey({ ...options, out, bands: options.bands?.split(",").map((name) => name.trim()), command: process.argv.slice(2).join(" "), progress: terminalProgress("reading images", "images") });
      const { describeSurvey } = await import("../survey/describe.ts");
      process.stdout.write(await describeSurvey(out));
      if (header.count > 0) process.stdout.write(`\nNext: skyloop embed ${out}, then skyloop serve ${out}\n`);
    });
  survey
    .command("info")
    .argument("<survey>")
    .description("counts, columns, features, and what could not be taken in and why")
    .option("--json", "one JSON object", false)
    .action(async (folder: string, options: { json: boolean }) => {
      const { describeSurvey, surveySummary } = await import("../survey/describe.ts");
      process.stdout.write(options.json ? `${JSON.stringify(await surveySummary(folder))}\n` : await describeSurvey(folder));
    });
  addSimulateCommand(survey);
}
