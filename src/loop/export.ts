/** A session's ranking and labels as a table that other programs read. */
import { type ColumnSpec, type TableFormat, writeTable } from "../survey/catalogue.ts";
import type { Survey } from "../survey/folder.ts";
import { type RankingRequest, rankedRows } from "./ranking.ts";

/** Endings of the formats' files. */
export const EXPORT_SUFFIX: Record<TableFormat, string> = {
  csv: "csv",
  parquet: "parquet",
  fits: "fits",
  votable: "vot",
};

const COLUMNS: ColumnSpec[] = [
  { name: "id", type: "string", description: "object of the survey's catalogue" },
  { name: "ra", type: "number", unit: "deg", description: "right ascension (ICRS)" },
  { name: "dec", type: "number", unit: "deg", description: "declination (ICRS)" },
  {
    name: "score",
    type: "number",
    description: "probability of being what the session looks for, by its last full ranking",
  },
  { name: "label", type: "string", description: "positive, negative, unsure or empty" },
  { name: "tags", type: "string", description: "tags, separated by semicolons" },
  { name: "round", type: "integer", description: "round in which the label was given; 0 is the start" },
  { name: "who", type: "string", description: "who gave the label" },
];

/**
 * Writes the objects of the survey that a filter lets through (all without one) with score, label and who gave it.
 * Returns how many.
 */
export async function exportSession(
  survey: Survey,
  request: RankingRequest,
  format: TableFormat,
  path: string,
): Promise<number> {
  const rows = rankedRows(survey, request).rows.map(({ object, raDeg, decDeg, score, label, tags, round, who }) => ({
    id: object,
    ra: raDeg,
    dec: decDeg,
    score,
    label: label ?? "",
    tags: tags.join(";"),
    round,
    who: who ?? "",
  }));
  await writeTable(path, format, COLUMNS, rows);
  return rows.length;
}
