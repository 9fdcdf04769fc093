/** DuckDB as our reader and writer of Parquet and writer of CSV: an in-memory database a call. */
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { type DuckDBConnection, DuckDBInstance, JSDuckDBValueConverter } from "@duckdb/node-api";
import { wholeNumbers } from "./cells.ts";

/** A value of a table; null where the cell is empty. */
export type Cell = string | number | boolean | null;

/** Types of a table's columns; "integer" is a number without fraction. */
export type CellType = "string" | "number" | "integer" | "boolean";

/** Types that columns are written as: a "number" is a float64. */
type WrittenType = CellType | "float32";

/** A column to write with its values, one a row. */
export interface TableColumn {
  name: string;
  type: CellType;
  values: Cell[];
  /** As the file names it ("deg", "h"); absent where it does not. */
  unit?: string;
}

/** A column that cannot be a column here, and what it is. */
export interface LeftOut {
  name: string;
  form: string;
}

const SQL_TYPE: Record<WrittenType, string> = {
  string: "VARCHAR",
  number: "DOUBLE",
  float32: "FLOAT",
  integer: "BIGINT",
  boolean: "BOOLEAN",
};
const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;
/** A path is one file, not a pattern of names, and no address. */
const oneFile = (path: string) => literal(resolve(path).replace(/[[*?]/g, "[$&]"));

async function withConnection<T>(body: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  try {
    return await body(connection);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

const WHOLE = /^U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?$/;
const REAL = /^(DOUBLE|FLOAT)$/;

/**
 * How a column of each SQL type is read: as it is, or as text in SQL. Dates and times are ISO 8601, decimals numbers
 * where a double holds their digits, lists and structs JSON. Null where it is left out.
 */
function readAs(name: string, type: string): string | null {
  const column = quoted(name);
  const digits = /^DECIMAL\((\d+),/.exec(type);
  if (digits !== null) return Number(digits[1]) <= 15 ? `CAST(${column} AS DOUBLE)` : `CAST(${column} AS VARCHAR)`;
  if (type === "BOOLEAN" || type === "VARCHAR" || WHOLE.test(type) || REAL.test(type)) return column;
  if (type === "TIMESTAMP WITH TIME ZONE") return `strftime(${column} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ')`;
  if (type.startsWith("TIMESTAMP")) return `replace(CAST(${column} AS VARCHAR), ' ', 'T')`;
  if (type === "BLOB" || type === "BIT" || type === "GEOMETRY") return null;
  if (/[[(]/.test(type) && !type.startsWith("ENUM")) return `CAST(to_json(${column}) AS VARCHAR)`;
  return `CAST(${column} AS VARCHAR)`;
}

function columnOf(name: string, type: string, values: unknown[]): TableColumn {
  if (WHOLE.test(type)) return { name, ...wholeNumbers(values) };
  if (type === "BOOLEAN") return { name, type: "boolean", values: values as Cell[] };
  if (REAL.test(type))
    return { name, type: "number", values: (values as (number | null)[]).map((v) => (Number.isNaN(v) ? null : v)) };
  return { name, type: "string", values: values as Cell[] };
}

/** All columns of a Parquet file, and those that are left out. */
export function readParquet(path: string): Promise<{ columns: TableColumn[]; leftOut: LeftOut[] }> {
  return withConnection(async (connection) => {
    const source = `read_parquet(${oneFile(path)})`;
    const shape = await connection.runAndReadAll(`SELECT * FROM ${source} LIMIT 0`);
    const types = shape.columnTypes().map(String);
    const all = shape
      .deduplicatedColumnNames()
      .map((name, i) => ({ name, form: types[i], as: readAs(name, types[i]) }));
    const read = all.filter(({ as }) => as !== null);
    const leftOut = all.filter(({ as }) => as === null).map(({ name, form }) => ({ name, form }));
    if (read.length === 0) return { columns: [], leftOut };
    const list = read.map(({ as }, i) => `${as} AS c${i}`).join(", ");
    const reader = await connection.runAndReadAll(`SELECT ${list} FROM ${source}`);
    const found = reader.columnTypes().map(String);
    const columns = reader.getColumnsJS().map((values, i) => columnOf(read[i].name, found[i], values));
    return { columns, leftOut };
  });
}

function toCell(value: unknown): Cell {
  if (value === null || value === undefined) return null;
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  return String(value);
}

function cellType(sqlType: string): CellType {
  if (sqlType === "BOOLEAN") return "boolean";
  if (WHOLE.test(sqlType)) return "integer";
  return /^(DOUBLE|FLOAT|DECIMAL)/.test(sqlType) ? "number" : "string";
}

/**
 * The columns of a survey's own catalogue, some thousand rows at a time, so that a large table is never held as JavaScript values
 * whole. `each` gets the names and types with the first block. Of `only` those that there are; all unless given.
 */
export function readParquetBlocks(
  path: string,
  each: (block: Cell[][], columns: { name: string; type: CellType }[]) => void,
  only?: readonly string[],
): Promise<void> {
  return withConnection(async (connection) => {
    const wanted = only === undefined ? "*" : `COLUMNS(name -> name IN (${only.map(literal).join(", ")}))`;
    const result = await connection.stream(`SELECT ${wanted} FROM read_parquet(${oneFile(path)})`);
    const types = result.columnTypes().map(String);
    const columns = result.deduplicatedColumnNames().map((name, i) => ({ name, type: cellType(types[i]) }));
    each(
      columns.map(() => []),
      columns,
    );
    for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
      const block = chunk;
      each(
        columns.map((_, i) => block.convertColumnValues(i, JSDuckDBValueConverter).map(toCell)),
        columns,
      );
    }
  });
}

/** Some columns of some rows of a Parquet file, in the order of `rows`, without reading the others into memory. */
export function readParquetRows(path: string, rows: readonly number[], columns: readonly string[]): Promise<Cell[][]> {
  return withConnection(async (connection) => {
    const list = columns.map(quoted).join(", ");
    const reader = await connection.runAndReadAll(
      `SELECT file_row_number, ${list} FROM read_parquet(${oneFile(path)}, file_row_number = true) WHERE file_row_number IN (${rows.map(Math.trunc).join(", ") || "-1"})`,
    );
    const found = new Map(reader.getRowsJS().map(([row, ...cells]) => [Number(row), cells.map(toCell)]));
    return rows.map((row) => found.get(row) ?? columns.map(() => null));
  });
}

/** So many rows of a CSV are in memory at once. */
const CSV_PART_ROWS = 65_536;

/**
 * Writes rows as Parquet or CSV: of each its cells in the order of the columns. No row is kept as a JavaScript value; of
 * CSV some ten thousand are in memory at a time, of Parquet all, packed. `notes` are what a Parquet file says of itself.
 */
export function writeRows(
  path: string,
  format: "parquet" | "csv",
  columns: { name: string; type: WrittenType }[],
  rows: Iterable<readonly Cell[]>,
  notes: Record<string, string> = {},
): Promise<void> {
  return withConnection(async (connection) => {
    const rest = rows[Symbol.iterator]();
    const create = `CREATE OR REPLACE TABLE t (${columns.map(({ name, type }) => `${quoted(name)} ${SQL_TYPE[type]}`).join(", ")})`;
    const copy = (to: string, options: string) => connection.run(`COPY t TO ${literal(resolve(to))} (${options})`);
    if (format === "parquet") {
      await connection.run(create);
      await append(connection, columns, rest, Number.POSITIVE_INFINITY);
      const said = Object.entries(notes).map(([key, value]) => `${quoted(key)}: ${literal(value)}`);
      const metadata = said.length === 0 ? "" : `, KV_METADATA {${said.join(", ")}}`;
      await copy(path, `FORMAT parquet, COMPRESSION zstd${metadata}`);
      return;
    }
    const part = `${path}.${process.pid}.tmp`;
    const out = openSync(path, "w");
    try {
      for (let first = true, more = true; more; first = false) {
        await connection.run(create);
        more = await append(connection, columns, rest, CSV_PART_ROWS);
        await copy(part, `FORMAT csv, HEADER ${first}`);
        writeFileSync(out, readFileSync(part));
      }
    } finally {
      closeSync(out);
      rmSync(part, { force: true });
    }
  });
}

/** Appends at most `most` rows to the table; false when there are no more. */
async function append(
  connection: DuckDBConnection,
  columns: { type: WrittenType }[],
  rows: Iterator<readonly Cell[]>,
  most: number,
): Promise<boolean> {
  const appender = await connection.createAppender("t");
  let [next, taken] = [rows.next(), 1];
  for (; next.done !== true; next = rows.next(), taken++) {
    for (const [i, { type }] of columns.entries()) {
      const value = next.value[i];
      if (value === null || value === undefined) appender.appendNull();
      else if (type === "string") appender.appendVarchar(String(value));
      else if (type === "boolean") appender.appendBoolean(Boolean(value));
      else if (type === "integer") appender.appendBigInt(BigInt(value as number));
      else if (type === "float32") appender.appendFloat(Number(value));
      else appender.appendDouble(Number(value));
    }
    appender.endRow();
    if (taken === most) break;
  }
  appender.closeSync();
  return next.done !== true;
}

/** Writes columns of equal length as Parquet or CSV. */
export function writeColumns(path: string, format: "parquet" | "csv", columns: TableColumn[]): Promise<void> {
  const length = columns[0]?.values.length ?? 0;
  return writeRows(
    path,
    format,
    columns,
    rowsOf(length, (row) => columns.map(({ values }) => values[row])),
  );
}

function* rowsOf(length: number, at: (row: number) => Cell[]): Iterable<Cell[]> {
  for (let row = 0; row < length; row++) yield at(row);
}
