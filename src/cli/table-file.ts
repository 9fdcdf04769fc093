/** A catalogue file on the command line: its format is its ending. */
import { SkyloopError } from "../base/errors.ts";
import type { TableFormat } from "../survey/catalogue.ts";

const FORMATS: Readonly<Record<string, TableFormat>> = {
  csv: "csv",
  parquet: "parquet",
  fits: "fits",
  vot: "votable",
  votable: "votable",
  xml: "votable",
};

/** A table to write, by the ending of its name. Throws BAD_OPTION. */
export function tableFor(path: string): { path: string; format: TableFormat } {
  const ending = path.split(".").at(-1)?.toLowerCase() ?? "";
  const format = FORMATS[ending];
  if (format === undefined)
    throw new SkyloopError("BAD_OPTION", `--out ends in .csv, .parquet, .fits or .vot, not .${ending}`);
  return { path, format };
}
