import type { Command } from "commander";
import { addPredictImageCommands } from "./predict-image.ts";
import { tableFor } from "./table-file.ts";

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
      const [{ predictTask }, { terminalProgress }] = await Promise.all([
        import("../tasks/use.ts"),
        import("../base/progress.ts"),
      ]);
      const out = flags.out === undefined ? undefined : tableFor(flags.out);
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
  predict
    .command("parameters")
    .argument("<survey>", "survey folder")
    .description("predict numbers with intervals; kept with the survey, where filters and exports find them")
    .requiredOption("--head <file>", "head.safetensors of `skyloop train parameters`")
    .option("--out <file>", "catalogue to write: .csv, .parquet, .fits or .vot")
    .option("--name <name>", "name of the table", "parameters")
    .action(async (survey: string, flags: { head: string; out?: string; name: string }) => {
      const [{ predictTask }, { terminalProgress }] = await Promise.all([
        import("../tasks/use.ts"),
        import("../base/progress.ts"),
      ]);
      const out = flags.out === undefined ? undefined : tableFor(flags.out);
      const progress = terminalProgress("stamps", "stamps");
      const { name, columns } = await predictTask(survey, flags.head, { out, name: flags.name, progress });
      process.stdout.write(
        `${flags.out === undefined ? "" : `${flags.out}, and `}table ${name} of ${survey}: ${columns.map((column) => column.name).join(", ")}\n`,
      );
    });
  addPredictImageCommands(predict);
}
