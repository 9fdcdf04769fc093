/** A user's table against a survey: the nearest object of each row, and which objects several rows are nearest to. */
import { SkyloopError } from "../base/errors.ts";
import { type ColumnSpec, readTable, type TableFormat, type TableRow, writeTable } from "../survey/catalogue.ts";
import { parseDelimited } from "../survey/delimited.ts";
import type { Survey } from "../survey/folder.ts";
import { type Position, positionReader, positionsOf } from "../survey/labels.ts";
import { type Match, matchPositions } from "./cone-index.ts";
import { coneIndexOf } from "./cone-search.ts";

/** Each row of a table with its object, in the table's order. */
export interface Matched {
  rows: { object: string | null; separationArcsec: number | null; sharedBy: number }[];
  matched: number;
  /** Rows whose object is also another row's. */
  ambiguous: number;
}

const noPositions = (columns: string[]) =>
  new SkyloopError(
    "BAD_POSITION",
    `the table has no columns of positions (it has ${columns.slice(0, 12).join(", ")}); call them ra and dec`,
  );

function summed(survey: Survey, matches: Match[]): Matched {
  const rows = matches.map(({ row, separationDeg, sharedBy }) => ({
    object: row === null ? null : survey.row(row).id,
    separationArcsec: separationDeg === null ? null : separationDeg * 3600,
    sharedBy,
  }));
  const count = (test: (row: Matched["rows"][number]) => boolean) => rows.filter(test).length;
  return { rows, matched: count(({ object }) => object !== null), ambiguous: count(({ sharedBy }) => sharedBy > 1) };
}

/** Matches a table given as text (CSV and the like, with a header). Throws BAD_POSITION, TABLE_BROKEN. */
export function matchText(survey: Survey, text: string, radiusArcsec: number): Matched {
  const { columns, rows } = parseDelimited(text);
  const reader = positionReader(columns);
  if (reader === null) throw noPositions(columns);
  const nowhere: Position = { raDeg: null, decDeg: null };
  const positions = rows.map((row) => reader((name) => row[columns.indexOf(name)] ?? "") ?? nowhere);
  return summed(survey, matchPositions(coneIndexOf(survey), positions, radiusArcsec / 3600));
}

/** The columns that a matched table gets. */
const ADDED: ColumnSpec[] = [
  {
    name: "object",
    type: "string",
    ucd: "meta.id.cross",
    description: "nearest object of the survey within the radius",
  },
  {
    name: "separation",
    type: "number",
    unit: "arcsec",
    ucd: "pos.angDistance",
    description: "distance of that object",
  },
  {
    name: "shared_by",
    type: "integer",
    ucd: "meta.number",
    description: "rows of this table that are nearest to that object; above 1 the match is ambiguous",
  },
];

/**
 * Matches a table file and writes it with the object of each row, the distance and how many rows share it. Throws BAD_POSITION, and
 * as `readTable` and `writeTable`.
 */
export async function matchTable(
  survey: Survey,
  path: string,
  radiusArcsec: number,
  out: { path: string; format: TableFormat },
): Promise<Matched> {
  const table = await readTable(path);
  if (positionReader(table.columns) === null) throw noPositions(table.columns);
  const positionOf = positionsOf(table, () => {});
  const positions = table.rows.map((_, row) => positionOf(row));
  const result = summed(survey, matchPositions(coneIndexOf(survey), positions, radiusArcsec / 3600));
  const taken = new Set(table.columns.map((name) => name.toLowerCase()));
  const added = ADDED.map((column) => ({
    ...column,
    name: taken.has(column.name) ? `match_${column.name}` : column.name,
  }));
  const specs = [...table.columns.map((name) => specOf(name, table.rows, table.units.get(name))), ...added];
  const rows = table.rows.map((row, i): TableRow => {
    const { object, separationArcsec, sharedBy } = result.rows[i];
    const own = Object.fromEntries(
      Object.entries(row).map(([name, value]) => [name, typeof value === "boolean" ? String(value) : value]),
    );
    return {
      ...own,
      [added[0].name]: object,
      [added[1].name]: separationArcsec,
      [added[2].name]: object === null ? null : sharedBy,
    };
  });
  await writeTable(out.path, out.format, specs, rows, {
    description: `${table.name} matched with ${survey.header.title} within ${radiusArcsec} arcsec`,
    infos: { creator: "Skyloop", survey: survey.name, data_hash: survey.header.dataHash, radius_arcsec: radiusArcsec },
  });
  return result;
}

function specOf(name: string, rows: TableRow[], unit: string | undefined): ColumnSpec {
  const isNumber = rows.every((row) => row[name] === null || typeof row[name] === "number");
  return { name, type: isNumber ? "number" : "string", ...(unit === undefined ? {} : { unit }) };
}
