import type { Command } from "commander";
import { addPredictImageCommands } from "./predict-image.ts";

const FORMATS = {
  csv: "csv",
  parquet: "parquet",
  fits: "fits",
  vot: "votable",
  votable: "votable",
  xml: "votable",
} as const;

/** `skyloop predict classify SURVEY --head FILE --out CATALOGUE`. */
export function addPredictCommand(program: Command): void {
  const predict = program.command("predict").description("apply a trained model");
  predict
    .command("classify")
    .argument("<survey>", "survey folder")
    .description(
      "compute the probability of each class; saved with the survey, where the page shows it, and as a catalogue",
    )
    .requiredOption("--head <file>", "head.safetensors of `skyloop train classify`")
    .option("--out <file>", "catalogue to write: .csv, .parquet, .fits or .vot")
    .option("--name <name>", "name of these predictions on the page (default: COLUMN-MODEL)")
    .action(async (survey: string, flags: { head: string; out?: string; name?: string }) => {
      const [{ predictTask }, { terminalProgress }, { SkyloopError }] = await Promise.all([
        import("../tasks/use.ts"),
        import("../base/progress.ts"),
        import("../base/errors.ts"),
      ]);
      const ending = flags.out?.split(".").at(-1)?.toLowerCase() ?? "csv";
      if (!(ending in FORMATS))
        throw new SkyloopError("BAD_OPTION", `--out ends in .csv, .parquet, .fits or .vot, not .${ending}`);
      const out =
        flags.out === undefined ? undefined : { path: flags.out, format: FORMATS[ending as keyof typeof FORMATS] };
      const { name, counts } = await predictTask(survey, flags.head, {
        out,
        name: flags.name,
        progress: terminalProgress("stamps", "stamps"),
      });
      const shown = Object.entries(counts ?? {}).map(([name, count]) => `${count} ${name}`);
      process.stdout.write(
        `${flags.out === undefined ? "" : `${flags.out}, and `}predictions ${name} of ${survey}: ${shown.join(", ")}\n`,
      );
    });
  addPredictImageCommands(predict);
}
