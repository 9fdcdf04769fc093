import type { Command } from "commander";
import { SkyloopError } from "../base/errors.ts";
import { real } from "./numbers.ts";

const FORMATS = { csv: "csv", parquet: "parquet", fits: "fits", vot: "votable", xml: "votable" } as const;

/** `skyloop survey match SURVEY TABLE --out FILE`. */
export function addMatchCommand(survey: Command): void {
  survey
    .command("match")
    .argument("<survey>", "survey folder")
    .argument("<table>", "table with ra and dec: CSV, TSV, Parquet, FITS")
    .description("match a table with a survey by position: the nearest object of each row, and rows that share one")
    .requiredOption(
      "--out <file>",
      "table to write, with the columns object, separation and shared_by: .csv, .parquet, .fits or .vot",
    )
    .option("--radius <arcsec>", "largest distance of a match", real("--radius", 0, 3600), 1)
    .action(async (folder: string, table: string, { out, radius }: { out: string; radius: number }) => {
      const ending = out.split(".").at(-1)?.toLowerCase() as keyof typeof FORMATS;
      if (!(ending in FORMATS))
        throw new SkyloopError("BAD_OPTION", `--out ${out}: the table ends in .csv, .parquet, .fits or .vot`);
      const [{ openSurvey }, { matchTable }] = await Promise.all([
        import("../survey/folder.ts"),
        import("../loop/cross-match.ts"),
      ]);
      const opened = await openSurvey(folder);
      try {
        const { rows, matched, ambiguous } = await matchTable(opened, table, radius, {
          path: out,
          format: FORMATS[ending],
        });
        process.stdout.write(`${out}: ${matched} of ${rows.length} rows have an object within ${radius} arcsec\n`);
        if (ambiguous > 0)
          process.stdout.write(`${ambiguous} of them share their object with another row (shared_by above 1)\n`);
      } finally {
        opened.close();
      }
    });
}
