/** Catalogues: tables in CSV, TSV, Parquet and FITS to rows and back, and VOTable out. */
import { existsSync, renameSync, rmSync, statSync } from "node:fs";
import { extname } from "node:path";
import { messageOf, SkyloopError } from "../base/errors.ts";
import { writeError, writeFileAtomic } from "../base/files.ts";
import { type Cell, type CellType, readDelimited, readParquet, type TableColumn, writeColumns } from "./duck.ts";

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
}

async function readAnyColumns(path: string): Promise<TableColumn[]> {
  const kind = extname(path.replace(/\.(gz|fz)$/, "")).toLowerCase();
  if ([".csv", ".tsv", ".txt", ".dat"].includes(kind)) return readDelimited(path);
  if (kind === ".parquet" || kind === ".pq") return readParquet(path);
  if (kind === ".fits" || kind === ".fit") return (await import("./fits.ts")).readFitsTable(path).columns;
  throw new SkyloopError(
    "TABLE_UNKNOWN",
    `${path}: a catalogue is .csv, .tsv, .parquet or .fits, not ${kind || "a file without ending"}; convert it`,
  );
}

/** Reads a table. Throws FILE_UNREADABLE, TABLE_UNKNOWN, TABLE_BROKEN. */
export async function readTable(path: string): Promise<{ columns: string[]; rows: TableRow[] }> {
  if (!existsSync(path) || !statSync(path).isFile())
    throw new SkyloopError("FILE_UNREADABLE", `no catalogue at ${path}; check the path`);
  let columns: TableColumn[];
  try {
    columns = await readAnyColumns(path);
  } catch (cause) {
    if (cause instanceof SkyloopError) throw cause;
    throw new SkyloopError(
      "TABLE_BROKEN",
      `${path} cannot be read as a table: ${messageOf(cause).split("\n")[0]}; check that it has a header line and whole rows`,
      { cause },
    );
  }
  const length = columns[0]?.values.length ?? 0;
  return {
    columns: columns.map(({ name }) => name),
    rows: Array.from({ length }, (_, i) => Object.fromEntries(columns.map(({ name, values }) => [name, values[i]]))),
  };
}

/**
 * Writes rows as a table; the file appears whole or not at all. Numbers are float64, null is an empty cell (NaN in
 * FITS).
 */
export async function writeTable(
  path: string,
  format: TableFormat,
  columns: ColumnSpec[],
  rows: TableRow[],
): Promise<void> {
  const filled = columns.map((column) => ({
    ...column,
    type: column.type as CellType,
    values: rows.map((row) => row[column.name] ?? null),
  }));
  if (format === "votable") return writeFileAtomic(path, voTable(filled));
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    if (format === "fits") (await import("./fits.ts")).writeFitsTable(temporary, filled);
    else await writeColumns(temporary, format, filled);
    renameSync(temporary, path);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw writeError(path, cause);
  }
}

const escaped = (text: string) =>
  text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`).replace(/(?![\t\n\r])\p{Cc}/gu, "");

/** VOTable 1.4 with TABLEDATA (IVOA recommendation); empty cells are empty TD elements. */
function voTable(columns: (TableColumn & Pick<ColumnSpec, "unit" | "description">)[]): string {
  const types: Record<string, string> = {
    string: 'datatype="char" arraysize="*"',
    number: 'datatype="double"',
    integer: 'datatype="long"',
  };
  const fields = columns.map(({ name, type, unit, description }) => {
    const attributes = `name="${escaped(name)}" ${types[type]}${unit === undefined ? "" : ` unit="${escaped(unit)}"`}`;
    return description === undefined
      ? `      <FIELD ${attributes}/>`
      : `      <FIELD ${attributes}><DESCRIPTION>${escaped(description)}</DESCRIPTION></FIELD>`;
  });
  const length = columns[0]?.values.length ?? 0;
  const body = Array.from(
    { length },
    (_, i) =>
      `        <TR>${columns.map(({ values }) => `<TD>${values[i] === null ? "" : escaped(String(values[i]))}</TD>`).join("")}</TR>`,
  );
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">',
    "  <RESOURCE>",
    "    <TABLE>",
    ...fields,
    "      <DATA><TABLEDATA>",
    ...body,
    "      </TABLEDATA></DATA>",
    "    </TABLE>",
    "  </RESOURCE>",
    "</VOTABLE>",
    "",
  ].join("\n");
}
