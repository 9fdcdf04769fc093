/** A session's ranking and labels as a table that other programs read. */
import { type ColumnSpec, type TableFormat, writeTable } from "../survey/catalogue.ts";
import type { Cell } from "../survey/duck.ts";
import { columnOf, type Survey } from "../survey/folder.ts";
import { type RankingRequest, type RankingSource, rankedRows } from "./ranking.ts";

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

/** What an export holds on request beside these. */
const ON_REQUEST: ColumnSpec[] = [
  { name: "rank", type: "integer", description: "place in the ranking; 1 has the highest score" },
  { name: "reason", type: "string", description: "how the object came before the person who labelled it" },
  { name: "time", type: "string", description: "when the label was given (ISO 8601, UTC)" },
  { name: "file", type: "string", description: "file that the object was taken from" },
];

/** A catalogue column under a name that no other column of the export has. */
function catalogueColumn(survey: Survey, name: string): { spec: ColumnSpec; of(row: number): Cell } {
  const { type } = columnOf(survey, name);
  const values = survey.column(name);
  const taken = [...COLUMNS, ...ON_REQUEST].some((column) => column.name === name);
  const spec = {
    name: taken ? `catalogue_${name}` : name,
    type: type === "number" ? ("number" as const) : ("string" as const),
    description: `column ${name} of the survey's catalogue`,
  };
  return {
    spec,
    of: (row) => {
      const value = values?.at(row) ?? null;
      return value === null || type === "number" ? value : String(value);
    },
  };
}

/**
 * Writes the objects of the survey that a filter lets through (all without one) with score, label and who gave it, and
 * `more` columns: rank, reason, time, file, or any of the catalogue. Returns how many. Throws COLUMN_MISSING.
 */
export async function exportSession(
  source: RankingSource,
  request: RankingRequest,
  format: TableFormat,
  path: string,
  more: readonly string[] = [],
): Promise<number> {
  const { survey } = source;
  const { rows: ranked } = await rankedRows(source, request);
  const known = ON_REQUEST.filter(({ name }) => more.includes(name));
  const own = more.filter((name) => !ON_REQUEST.some((column) => column.name === name));
  const columns = own.map((name) => catalogueColumn(survey, name));
  const rows = ranked.map(({ object, raDeg, decDeg, score, label, tags, round, who, rank, reason, at }) => ({
    id: object,
    ra: raDeg,
    dec: decDeg,
    score,
    label: label ?? "",
    tags: tags.join(";"),
    round,
    who: who ?? "",
    ...(more.includes("rank") ? { rank } : {}),
    ...(more.includes("reason") ? { reason: reason ?? "" } : {}),
    ...(more.includes("time") ? { time: at ?? "" } : {}),
    ...(more.includes("file") ? { file: survey.row(survey.indexOf(object) as number).source } : {}),
    ...Object.fromEntries(columns.map(({ spec, of }) => [spec.name, of(survey.indexOf(object) as number)])),
  }));
  await writeTable(path, format, [...COLUMNS, ...known, ...columns.map(({ spec }) => spec)], rows);
  return rows.length;
}
