/** DuckDB as our reader and writer of Parquet and reader of CSV: an in-memory database a call. */
import { type DuckDBConnection, DuckDBInstance, JSDuckDBValueConverter } from "@duckdb/node-api";

/** A value of a table; null where the cell is empty. */
export type Cell = string | number | boolean | null;

/** Types of a table's columns; "integer" is a number without fraction. */
export type CellType = "string" | "number" | "integer" | "boolean";

/** A column to write with its values, one a row. */
export interface TableColumn {
  name: string;
  type: CellType;
  values: Cell[];
}

const SQL_TYPE: Record<CellType, string> = {
  string: "VARCHAR",
  number: "DOUBLE",
  integer: "BIGINT",
  boolean: "BOOLEAN",
};
const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;

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

function toCell(value: unknown): Cell {
  if (value === null || value === undefined) return null;
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  return String(value);
}

function cellType(sqlType: string): CellType {
  if (sqlType === "BOOLEAN") return "boolean";
  if (/^U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?$/.test(sqlType)) return "integer";
  return /^(DOUBLE|FLOAT|DECIMAL)/.test(sqlType) ? "number" : "string";
}

async function readColumns(connection: DuckDBConnection, source: string): Promise<TableColumn[]> {
  const reader = await connection.runAndReadAll(`SELECT * FROM ${source}`);
  const names = reader.deduplicatedColumnNames();
  const types = reader.columnTypes().map(String);
  return reader
    .getColumnsJS()
    .map((values, i) => ({ name: names[i], type: cellType(types[i]), values: values.map(toCell) }));
}

/** All columns of a Parquet file. */
export function readParquet(path: string): Promise<TableColumn[]> {
  return withConnection((connection) => readColumns(connection, `read_parquet(${literal(path)})`));
}

/**
 * The columns of a Parquet file, some thousand rows at a time, so that a large table is never held as JavaScript values
 * whole. `each` gets the names and types with the first block.
 */
export function readParquetBlocks(
  path: string,
  each: (block: Cell[][], columns: { name: string; type: CellType }[]) => void,
): Promise<void> {
  return withConnection(async (connection) => {
    const result = await connection.stream(`SELECT * FROM read_parquet(${literal(path)})`);
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

/**
 * All columns of a delimited text file with a header line; types are found by looking at every row. Long integers stay
 * text.
 */
export function readDelimited(path: string): Promise<TableColumn[]> {
  return withConnection((connection) =>
    readColumns(
      connection,
      `read_csv(${literal(path)}, header = true, sample_size = -1, auto_type_candidates = ['BOOLEAN', 'BIGINT', 'DOUBLE', 'VARCHAR'], null_padding = true)`,
    ),
  );
}

/** Writes columns of equal length as Parquet or CSV. */
export function writeColumns(path: string, format: "parquet" | "csv", columns: TableColumn[]): Promise<void> {
  return withConnection(async (connection) => {
    await connection.run(
      `CREATE TABLE t (${columns.map(({ name, type }) => `${quoted(name)} ${SQL_TYPE[type]}`).join(", ")})`,
    );
    const appender = await connection.createAppender("t");
    const length = columns[0]?.values.length ?? 0;
    for (let row = 0; row < length; row++) {
      for (const { type, values } of columns) {
        const value = values[row];
        if (value === null || value === undefined) appender.appendNull();
        else if (type === "string") appender.appendVarchar(String(value));
        else if (type === "boolean") appender.appendBoolean(Boolean(value));
        else if (type === "integer") appender.appendBigInt(BigInt(value as number));
        else appender.appendDouble(Number(value));
      }
      appender.endRow();
    }
    appender.closeSync();
    const options = format === "csv" ? "FORMAT csv, HEADER true" : "FORMAT parquet, COMPRESSION zstd";
    await connection.run(`COPY t TO ${literal(path)} (${options})`);
  });
}
