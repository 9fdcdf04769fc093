/** A session's ranking and labels as a table that other programs read. */
import {
  type ColumnSpec,
  OBJECT_COLUMNS,
  type TableFormat,
  type TableRow,
  type TableRows,
  writeTable,
} from "../survey/catalogue.ts";
import type { Cell } from "../survey/duck.ts";
import { columnOf, type Survey } from "../survey/folder.ts";
import { harmless } from "../survey/spreadsheet.ts";
import { drawnRows } from "./drawn.ts";
import { type RankingRequest, type RankingSource, rankedNow } from "./ranking.ts";

/** Endings of the formats' files. */
export const EXPORT_SUFFIX: Record<TableFormat, string> = {
  csv: "csv",
  parquet: "parquet",
  fits: "fits",
  votable: "vot",
};

const COLUMNS: ColumnSpec[] = [
  ...OBJECT_COLUMNS,
  {
    name: "score",
    type: "number",
    description: "probability of being what the session looks for, by its last full ranking",
    ucd: "stat.probability",
  },
  { name: "label", type: "string", description: "positive, negative, unsure or empty", ucd: "meta.code.class" },
  { name: "tags", type: "string", description: "tags, separated by semicolons", ucd: "meta.note" },
  {
    name: "round",
    type: "integer",
    description: "round in which the label was given; 0 is the start",
    ucd: "meta.number",
  },
  { name: "who", type: "string", description: "who gave the label", ucd: "meta.curation" },
];

/** What an export holds on request beside these. */
const ON_REQUEST: ColumnSpec[] = [
  { name: "rank", type: "integer", description: "place in the ranking; 1 has the highest score", ucd: "meta.number" },
  { name: "reason", type: "string", description: "how the object came before the person who labelled it" },
  { name: "time", type: "string", description: "when the label was given (ISO 8601, UTC)", ucd: "time.epoch" },
  { name: "answers", type: "string", description: "what each person says: name and label, separated by semicolons" },
  { name: "agreed", type: "string", description: "what the answers of a session that people share come to" },
  { name: "file", type: "string", description: "file that the object was taken from", ucd: "meta.id;meta.file" },
];

/**
 * Which text of a CSV gets an apostrophe where a spreadsheet would compute it (cells that begin with = + - @; numbers
 * stay numbers): names (ids, tags, people, files), all text, or none.
 */
export const SAFE_CELLS = ["names", "all", "none"] as const;

/** Which cells of an exported CSV are kept from being computed by a spreadsheet. */
export type SafeCells = (typeof SAFE_CELLS)[number];

/** What people, or tables of theirs, may have written. */
const NAMES = ["id", "tags", "who", "answers", "file"];

function safeCells(columns: ColumnSpec[], safe: SafeCells): (row: TableRow) => TableRow {
  if (safe === "none") return (row) => row;
  const texts = columns.filter(({ name, type }) => type === "string" && (safe === "all" || NAMES.includes(name)));
  return (row) => {
    for (const { name } of texts) if (row[name] !== null) row[name] = harmless(String(row[name]));
    return row;
  };
}

/** A catalogue column under a name that no other column of the export has. */
function catalogueColumn(survey: Survey, name: string): { spec: ColumnSpec; of(row: number): Cell } {
  const { type, unit, about, ucd } = columnOf(survey, name);
  const values = survey.column(name);
  const taken = [...COLUMNS, ...ON_REQUEST].some((column) => column.name === name);
  const spec = {
    // A point would have to be quoted in every query: TABLE.COLUMN is TABLE_COLUMN in a file.
    name: taken ? `catalogue_${name}` : about === undefined ? name : name.replace(/[^A-Za-z0-9_]/g, "_"),
    type: type === "number" ? ("number" as const) : ("string" as const),
    ...(unit === undefined ? {} : { unit }),
    ...(ucd === undefined ? {} : { ucd }),
    description: about ?? `column ${name} of the survey's catalogue`,
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
 * Writes the objects of the survey that a filter lets through (all without one), then those that people drew, with score, label
 * and who gave it, and `more` columns: rank, reason, time, file, or any of the catalogue. Returns how many. Throws COLUMN_MISSING.
 */
export async function exportSession(
  source: RankingSource,
  request: RankingRequest,
  format: TableFormat,
  path: string,
  more: readonly string[] = [],
  safe: SafeCells = "names",
): Promise<number> {
  const { survey } = source;
  const ranked = await rankedNow(source, request);
  const known = ON_REQUEST.filter(({ name }) => more.includes(name));
  const own = more.filter((name) => !ON_REQUEST.some((column) => column.name === name));
  const columns = own.map((name) => catalogueColumn(survey, name));
  const specs = [...COLUMNS, ...known, ...columns.map(({ spec }) => spec)];
  const made = (place: number): TableRow => {
    const { object, raDeg, decDeg, label, tags, round, who, reason, at, ...found } = ranked.at(place);
    // Before the first ranking nothing has a probability or a place.
    const { score, rank } = ranked.isRanked ? found : { score: null, rank: null };
    const row = ranked.rowOf(place);
    const cells: TableRow = { id: object, ra: raDeg, dec: decDeg, score, label: label ?? "", tags: tags.join(";") };
    Object.assign(cells, { round, who: who ?? "" });
    if (known.length > 0)
      Object.assign(cells, {
        rank,
        reason: reason ?? "",
        time: at ?? "",
        answers: request.answers?.[object]?.said ?? "",
        agreed: request.answers?.[object]?.agreed ?? "",
        file: survey.row(row).source,
      });
    for (const { spec, of } of columns) cells[spec.name] = of(row);
    return cells;
  };
  const empty: TableRow = Object.fromEntries(specs.map(({ name }) => [name, null]));
  const safely = safeCells(specs, format === "csv" ? safe : "none");
  const drawn = drawnRows(survey, request);
  const rows: TableRows = {
    length: ranked.total + drawn.length,
    at: (place) => safely(place < ranked.total ? made(place) : { ...empty, ...drawn[place - ranked.total] }),
  };
  await writeTable(path, format, specs, rows, {
    description: `Ranking of the search for ${request.begun.target} in ${survey.header.title}, ${rows.length} objects`,
    infos: {
      creator: "Skyloop",
      session: request.session,
      survey: survey.name,
      target: request.begun.target,
      model: request.begun.model,
      seed: request.begun.seed,
      unlabelled: request.begun.unlabelled ?? "fading",
      data_hash: survey.header.dataHash,
    },
  });
  return rows.length;
}
