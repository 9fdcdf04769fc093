/** Catalogues: tables in CSV, TSV, Parquet, FITS and VOTable to rows and back. */
import { closeSync, existsSync, openSync, readFileSync, readSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, extname } from "node:path";
import { messageOf, SkyloopError } from "../base/errors.ts";
import { writeError, writeFileAtomic } from "../base/files.ts";
import type { Problem } from "../contract/survey.ts";
import { isMissing, typed } from "./cells.ts";
import { decode } from "./decode/index.ts";
import { parseDelimited } from "./delimited.ts";
import { type Cell, type LeftOut, type TableColumn, writeRows } from "./duck.ts";
import { textOfBytes } from "./table-text.ts";
import { type AboutTable, voTableParts } from "./votable.ts";
import { readVoTable } from "./votable-read.ts";

/** A row of a table by column name; null where a cell is empty. */
export type TableRow = Record<string, Cell>;

/** Formats that catalogues are written in. */
export type TableFormat = "csv" | "parquet" | "fits" | "votable";

/** A column to write; `unit` and `description` go into FITS and VOTable. */
export interface ColumnSpec {
  name: string;
  type: "string" | "number" | "integer";
  unit?: string;
  description?: string;
  /** Unified content descriptor (IVOA), for VOTable. */
  ucd?: string;
}

/** The columns that every table of a survey's objects begins with: id and position. */
export const OBJECT_COLUMNS: readonly ColumnSpec[] = [
  { name: "id", type: "string", description: "object of the survey's catalogue", ucd: "meta.id;meta.main" },
  { name: "ra", type: "number", unit: "deg", description: "right ascension (ICRS)", ucd: "pos.eq.ra;meta.main" },
  { name: "dec", type: "number", unit: "deg", description: "declination (ICRS)", ucd: "pos.eq.dec;meta.main" },
];

/** A table as it was read. */
export interface Table {
  /** The file's name. */
  name: string;
  columns: string[];
  rows: TableRow[];
  /** A cell as it stands in the file (150.10, 007), or null where it is missing. */
  textAt(row: number, column: string): string | null;
  /** Where a row stands, for messages: "labels.csv line 7". */
  placeOf(row: number): string;
  /** Units by column, as the file names them. */
  units: Map<string, string>;
  /** Columns that were left out, and why. */
  problems: Problem[];
}

interface Read {
  columns: TableColumn[];
  leftOut: LeftOut[];
  texts?: (row: number, column: number) => string;
  lines?: number[];
}

const DELIMITED = [".csv", ".tsv", ".txt", ".dat", ".ecsv", ".asc", ".ascii", ".cat", ".tab", ".psv"];

async function readAny(path: string): Promise<Read> {
  const kind = extname(path.replace(/\.(gz|fz)$/i, "")).toLowerCase();
  const start = beginning(path);
  if (start.startsWith("PAR1")) return decode("parquet", [path], { path });
  if (start.startsWith("SIMPLE  =") || [".fits", ".fit", ".fts"].includes(kind)) {
    const { columns, skipped } = await decode("fitsTable", [path], { path });
    return { columns, leftOut: skipped };
  }
  if ([".vot", ".votable", ".xml"].includes(kind) || /^(\uFEFF|\xEF\xBB\xBF)?\s*<(\?xml|VOTABLE)/i.test(start))
    return readVoTable(textOfBytes(readFileSync(path), path), path);
  if (/^\s*<(!DOCTYPE|html)/i.test(start) || !(DELIMITED.includes(kind) || kind === ".parquet"))
    throw new SkyloopError(
      "TABLE_UNKNOWN",
      `${path}: a catalogue is .csv, .tsv, .txt, .ecsv, .parquet, .fits or .vot, not ${/^\s*</.test(start) ? "HTML" : kind || "a file without ending"}; convert it (TOPCAT and stilts read and write most kinds)`,
    );
  if (!DELIMITED.includes(kind)) return decode("parquet", [path], { path });
  return readDelimited(path);
}

function beginning(path: string): string {
  const bytes = Buffer.alloc(64);
  const file = openSync(path, "r");
  try {
    return bytes.toString("latin1", 0, readSync(file, bytes, 0, 64, 0));
  } finally {
    closeSync(file);
  }
}

function readDelimited(path: string): Read {
  const { columns, rows, lines, units } = parseDelimited(textOfBytes(readFileSync(path), path));
  return {
    columns: columns.map((name, i) => ({ name, ...typed(rows.map((row) => row[i])), unit: units.get(name) })),
    leftOut: [],
    texts: (row, column) => rows[row][column],
    lines,
  };
}

/** DuckDB's time to read a table grows with the square of its columns: this many take ten seconds. */
const MOST_COLUMNS = 5000;

/** Reads a table. Throws FILE_UNREADABLE, TABLE_UNKNOWN, TABLE_BROKEN, TABLE_TOO_LARGE, QUERY_FAILED. */
export async function readTable(path: string): Promise<Table> {
  if (!existsSync(path) || !statSync(path).isFile())
    throw new SkyloopError("FILE_UNREADABLE", `no catalogue at ${path}; check the path`);
  let read: Read;
  try {
    read = await readAny(path);
  } catch (cause) {
    if (cause instanceof SkyloopError && cause.code !== "TABLE_BROKEN") throw cause;
    throw new SkyloopError(
      "TABLE_BROKEN",
      `${path} cannot be read as a table: ${messageOf(cause).split("\n")[0]}${cause instanceof SkyloopError ? "" : "; check that it has a header line and whole rows"}`,
      { cause },
    );
  }
  if (read.columns.length > MOST_COLUMNS)
    throw new SkyloopError(
      "TABLE_TOO_LARGE",
      `${path} has ${read.columns.length} columns, at most ${MOST_COLUMNS} are taken in; leave out those that are not needed`,
    );
  const { leftOut, texts, lines } = read;
  const columns = read.columns.map((column) =>
    column.type === "string" ? { ...column, values: column.values.map(withoutMissing) } : column,
  );
  const length = columns[0]?.values.length ?? 0;
  const at = new Map(columns.map(({ name }, i) => [name, i]));
  const name = basename(path);
  return {
    name,
    columns: columns.map((column) => column.name),
    rows: Array.from({ length }, (_, i) =>
      Object.fromEntries(columns.map((column) => [column.name, column.values[i]])),
    ),
    textAt(row, column) {
      const i = at.get(column);
      if (i === undefined) return null;
      const value = texts?.(row, i) ?? columns[i].values[row];
      const text = value === null ? "" : String(value).trim();
      return isMissing(text) ? null : text;
    },
    placeOf: (row) => (lines === undefined ? `${name} row ${row + 1}` : `${name} line ${lines[row]}`),
    units: new Map(columns.flatMap((column) => (column.unit ? [[column.name, column.unit]] : []))),
    problems: leftOut.map(({ name: column, form }) => ({
      source: name,
      code: "COLUMN_LEFT_OUT",
      message: `column ${column} (${form}) holds no single number or text a row and is left out`,
      kept: false,
    })),
  };
}

/** Rows that are made when they are asked for, or an array of them. */
export interface TableRows {
  readonly length: number;
  at(row: number): TableRow | undefined;
}

/**
 * Writes rows as a table; the file appears whole or not at all. Numbers are float64, null is an empty cell (NaN in
 * FITS). `about` stands in VOTable.
 */
export async function writeTable(
  path: string,
  format: TableFormat,
  columns: ColumnSpec[],
  rows: TableRows,
  about?: AboutTable,
): Promise<void> {
  if (format === "votable") return writeFileAtomic(path, voTableParts(filled(columns, rows), about));
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    if (format === "fits") (await import("./fits.ts")).writeFitsTable(temporary, filled(columns, rows));
    else await writeRows(temporary, format, columns, cellsOf(columns, rows));
    renameSync(temporary, path);
  } catch (cause) {
    const error = writeError(path, cause);
    rmSync(temporary, { force: true });
    throw error;
  }
}

function* cellsOf(columns: ColumnSpec[], rows: TableRows): Iterable<Cell[]> {
  for (let i = 0; i < rows.length; i++) {
    const row = rows.at(i);
    yield columns.map(({ name }) => row?.[name] ?? null);
  }
}

/** The columns with their values: for formats that go through a column more than once. */
function filled(columns: ColumnSpec[], rows: TableRows): (ColumnSpec & { values: Cell[] })[] {
  const out = columns.map((column) => ({ ...column, values: new Array<Cell>(rows.length) }));
  let at = 0;
  for (const cells of cellsOf(columns, rows)) {
    for (const [i, { values }] of out.entries()) values[at] = cells[i];
    at++;
  }
  return out;
}

const withoutMissing = (value: Cell) => (typeof value === "string" && isMissing(value) ? null : value);
