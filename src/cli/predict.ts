import type { Command } from "commander";
import { addPredictImageCommands } from "./predict-image.ts";

const FORMATS = { csv: "csv", parquet: "parquet", fits: "fits", vot: "votable", votable: "votable", xml: "votable" } as const;

/** `skyloop predict classify SURVEY --head FILE --out CATALOGUE`. */
export function addPredictCommand(program: Command): void {
  const predict = program.command("predict").description("apply what was trained");
  predict
    .command("classify")
    .argument("<survey>", "survey folder")
    .description("write a catalogue with the probability of every class")
    .requiredOption("--head <file>", "head.safetensors of `skyloop train classify`")
    .requiredOption("--out <file>", "catalogue to write: .csv, .parquet, .fits or .vot")
    .action(async (survey: string, flags: { head: string; out: string }) => {
      const [{ predictClasses }, { terminalProgress }, { SkyloopError }] = await Promise.all([
        import("../train/use-classifier.ts"),
        import("../base/progress.ts"),
        import("../base/errors.ts"),
      ]);
      const ending = flags.out.split(".").at(-1)?.toLowerCase() ?? "";
      if (!(ending in FORMATS)) throw new SkyloopError("BAD_OPTION", `--out ends in .csv, .parquet, .fits or .vot, not .${ending}`);
      const counts = await predictClasses(
        survey,
        flags.head,
        { path: flags.out, format: FORMATS[ending as keyof typeof FORMATS] },
        terminalProgress("features", "stamps"),
      );
      const shown = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
      process.stdout.write(`${flags.out}: ${shown.join(", ")}\n`);
    });
  addPredictImageCommands(predict);
}
