/** VOTable in (IVOA recommendation 1.4 and before): the first table with rows as text (TABLEDATA). */
import { SkyloopError } from "../base/errors.ts";
import { log } from "../base/log.ts";
import { wholeNumbers } from "./cells.ts";
import type { Cell, LeftOut, TableColumn } from "./duck.ts";
import { attribute, broken, partsOf } from "./votable-parts.ts";
import { VoStatus } from "./votable-status.ts";

interface Field {
  name: string;
  datatype: string;
  arraysize: string;
  unit?: string;
  /** The text that stands for an empty cell. */
  missing?: string;
}

/**
 * The columns of a VOTable's first table with rows, which `path` names in messages; warns where the server cut it. Throws
 * TABLE_BROKEN, TABLE_UNKNOWN where its rows are binary, QUERY_FAILED where a server says that the query failed.
 */
export function readVoTable(xml: string, path: string): { columns: TableColumn[]; leftOut: LeftOut[] } {
  let fields: Field[] = [];
  let rows: string[][] | null = null;
  let cell: string | null = null;
  let isWhole = false;
  const status = new VoStatus();
  for (const part of partsOf(xml)) {
    const { open, close, attributes, isEmpty, text } = part;
    status.take(part);
    if (status.isFailed) throw queryFailed(path, status);
    // What the server noticed while it wrote the rows stands behind them.
    if (isWhole && close === "RESOURCE") break;
    if (isWhole) continue;
    if (open === "TABLE") fields = [];
    else if (open === "FIELD") fields.push(fieldOf(attributes));
    else if (open === "VALUES" && fields.length > 0)
      fields[fields.length - 1].missing ??= attribute(attributes, "null");
    else if (open === "BINARY" || open === "BINARY2" || open === "FITS")
      throw new SkyloopError(
        "TABLE_UNKNOWN",
        `the rows of this VOTable are stored as ${open}; save them as text (TABLEDATA) or FITS, as \`stilts tcopy in=mine.vot out=mine.fits\` does`,
      );
    else if (open === "TABLEDATA") rows = [];
    else if (open === "TR") rows?.push([]);
    else if (open === "TD") cell = "";
    else if (text !== undefined && cell !== null) cell += text;
    if (cell !== null && (close === "TD" || (open === "TD" && isEmpty))) {
      rows?.at(-1)?.push(cell);
      cell = null;
    }
    isWhole = close === "TABLEDATA" && rows !== null;
  }
  if (rows === null && status.error !== null) throw queryFailed(path, status);
  if (rows === null) throw broken("it holds no table with rows");
  if (!isWhole) throw broken("it ends before its last row");
  if (status.isCut) log.warn({ path, rows: rows.length }, CUT);
  return columnsOf(fields, rows);
}

const CUT =
  "the server left out rows of this table (QUERY_STATUS OVERFLOW); ask for more of them (MAXREC), or for a smaller part";

const queryFailed = (path: string, { error }: VoStatus) =>
  new SkyloopError(
    "QUERY_FAILED",
    `${path} holds a server's error and no whole table: ${error}; correct the query or ask again later, and save the new answer`,
  );

function fieldOf(attributes: string | undefined): Field {
  const name = attribute(attributes, "name") ?? attribute(attributes, "ID") ?? "";
  const [datatype, arraysize] = [attribute(attributes, "datatype") ?? "char", attribute(attributes, "arraysize") ?? ""];
  return { name: name.trim() || "column", datatype, arraysize, unit: attribute(attributes, "unit") };
}

const isText = ({ datatype }: Field) => datatype === "char" || datatype === "unicodeChar";
const isWhole = ({ datatype }: Field) => ["unsignedByte", "short", "int", "long"].includes(datatype);
/** A vector, bits or complex numbers: more than a value a row. */
const isLeftOut = (field: Field) =>
  /omplex|bit/.test(field.datatype) ||
  (!isText(field) && !["", "1"].includes(field.arraysize)) ||
  /x/.test(field.arraysize);

function valueIn(field: Field, given: string, where: string): unknown {
  if (isText(field)) return given === "" ? null : given;
  const text = given.trim();
  if (text === "" || text === field.missing || /^nan$/i.test(text)) return null;
  if (field.datatype === "boolean") {
    if (/^[?]$/.test(text)) return null;
    if (/^(t|true|1|f|false|0)$/i.test(text)) return /^[t1]/i.test(text);
  } else if (isWhole(field)) {
    if (/^[+-]?\d+$|^0x[\da-f]+$/i.test(text)) return BigInt(text.replace(/^\+/, ""));
  } else if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return Number(text);
  else if (/^[+-]?inf(inity)?$/i.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
  throw broken(`${where}: ${JSON.stringify(text.slice(0, 40))} is no ${field.datatype}`);
}

function columnsOf(fields: Field[], rows: string[][]): { columns: TableColumn[]; leftOut: LeftOut[] } {
  for (const [i, { length }] of rows.entries())
    if (length !== fields.length) throw broken(`row ${i + 1} has ${length} cells, the table ${fields.length} columns`);
  const used = new Map<string, number>();
  const [columns, leftOut]: [TableColumn[], LeftOut[]] = [[], []];
  for (const [i, field] of fields.entries()) {
    const times = (used.get(field.name) ?? 0) + 1;
    used.set(field.name, times);
    const name = times === 1 ? field.name : `${field.name}_${times}`;
    if (isLeftOut(field)) {
      leftOut.push({ name, form: `${field.datatype}[${field.arraysize}]` });
      continue;
    }
    const values = rows.map((row, n) => valueIn(field, row[i], `row ${n + 1}, column ${name}`));
    if (isWhole(field)) columns.push({ name, unit: field.unit, ...wholeNumbers(values) });
    else columns.push({ name, unit: field.unit, type: typeOf(field), values: values as Cell[] });
  }
  return { columns, leftOut };
}

function typeOf(field: Field): "string" | "boolean" | "number" {
  if (isText(field)) return "string";
  return field.datatype === "boolean" ? "boolean" : "number";
}
