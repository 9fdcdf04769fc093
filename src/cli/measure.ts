import { type Command, Option } from "commander";
import type { MeasureRequest } from "../tasks/measure/plan.ts";
import { real, whole } from "./numbers.ts";
import { tableFor } from "./table-file.ts";

interface Flags extends MeasureRequest {
  name: string;
  out?: string;
  workers?: number;
}

/** `skyloop measure SURVEY`. */
export function addMeasureCommand(program: Command): void {
  program
    .command("measure")
    .argument("<survey>", "survey folder")
    .description(
      "measure every galaxy: Kron and aperture flux, radii, axis ratio, angle, concentration, asymmetry, Gini, M20, flags",
    )
    .option("--band <name>", "band that shapes are measured in (default: r, else the middle one)")
    .option(
      "--aperture <radius>",
      "radius of the circular aperture, in arcsec (default: 3), or in pixels (default: 8) without a pixel scale",
      real("--aperture"),
    )
    .option(
      "--psf <width>",
      "full width at half maximum of the PSF, in arcsec, to flag what is not resolved",
      real("--psf"),
    )
    .option("--psf-column <name>", "column of the catalogue that has this width for each object")
    .addOption(
      new Option("--sky <how>", "stamp: measure the sky and take it off; none: the stamps have no sky")
        .choices(["stamp", "none"])
        .default("stamp"),
    )
    .option("--threshold <sigmas>", "a source stands so far above the sky (default: 1.5)", real("--threshold"))
    .option(
      "--contrast <share>",
      "a peak with more than this share of the light is a source of its own (default: 0.02; 1: nothing is split)",
      real("--contrast", 0, 1),
    )
    .option("--name <name>", "name of the table of measurements", "measured")
    .option("--out <file>", "also write a catalogue: .csv, .parquet, .fits or .vot")
    .option("--workers <n>", "threads (default: one a core)", whole("--workers", 1, 256))
    .addHelpText(
      "after",
      "\nThe page shows the numbers of each object; filters and exports have them as NAME.COLUMN.\n",
    )
    .action(async (survey: string, { out, ...flags }: Flags) => {
      const [{ measureSurvey }, { writePredicted }, { terminalProgress }] = await Promise.all([
        import("../tasks/measure/measure-survey.ts"),
        import("../tasks/use.ts"),
        import("../base/progress.ts"),
      ]);
      const table = out === undefined ? null : tableFor(out);
      const began = performance.now();
      const {
        name,
        count,
        flags: counted,
        clean,
      } = await measureSurvey(survey, {
        ...flags,
        progress: terminalProgress("stamps", "stamps"),
      });
      const seconds = (performance.now() - began) / 1000;
      if (table !== null) await writePredicted(survey, name, table);
      const doubts = Object.entries(counted).filter(([, n]) => n > 0);
      const said = doubts.map(([flag, n]) => `${n} ${flag.toLowerCase().replaceAll("_", " ")}`).join(", ");
      process.stdout.write(
        `${count} stamps measured in ${seconds.toFixed(1)} s (${(count / seconds).toFixed(0)} a second), kept as ${name} of ${survey}${out === undefined ? "" : `, written to ${out}`}\n` +
          `${clean} without a flag${said === "" ? "" : `; ${said}`}\n`,
      );
    });
}
