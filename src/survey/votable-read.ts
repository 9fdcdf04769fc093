/** VOTable in (IVOA recommendation 1.4 and before): the first table with rows as text (TABLEDATA). */
import { SkyloopError } from "../base/errors.ts";
import { wholeNumbers } from "./cells.ts";
import type { Cell, LeftOut, TableColumn } from "./duck.ts";

/** A part of a document: a tag with its attributes, or text. */
type Part = { open?: string; close?: string; attributes?: string; isEmpty?: boolean; text?: string };

interface Field {
  name: string;
  datatype: string;
  arraysize: string;
  unit?: string;
  /** The text that stands for an empty cell. */
  missing?: string;
}

const broken = (what: string) => new SkyloopError("TABLE_BROKEN", `${what}; save it again, as VOTable or FITS`);

const PARTS =
  /<!--[\s\S]*?-->|<!DOCTYPE[^>]*>|<\?[\s\S]*?\?>|<!\[CDATA\[([\s\S]*?)\]\]>|<(\/?)(?:[\w.-]+:)?([\w.-]+)((?:\s+[\w:.-]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*(\/?)>|([^<]+)|</gy;
const NAMED: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** Text with its five entities and its character references; others would have to be declared, which is refused. */
function plain(text: string): string {
  return text.replace(/&(#x[\da-f]+|#\d+|\w+);/gi, (whole, name: string) => {
    if (!name.startsWith("#")) return NAMED[name] ?? whole;
    const code = name[1].toLowerCase() === "x" ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
    return code <= 0x10ffff ? String.fromCodePoint(code) : "";
  });
}

function* partsOf(xml: string): Iterable<Part> {
  if (/<!ENTITY|<!DOCTYPE[^>]*\[/i.test(xml)) throw broken("it declares entities, which are not read");
  for (const [whole, cdata, slash, tag, attributes, empty, text] of xml.matchAll(PARTS)) {
    if (cdata !== undefined) yield { text: cdata };
    else if (text !== undefined) yield { text: plain(text) };
    else if (tag !== undefined && slash === "/") yield { close: tag };
    else if (tag !== undefined) yield { open: tag, attributes, isEmpty: empty === "/" };
    else if (whole === "<") throw broken("it is no well-formed XML");
  }
}

function attribute(attributes = "", name: string): string | undefined {
  const found = new RegExp(`\\s${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)')`).exec(attributes);
  return found === null ? undefined : plain(found[1] ?? found[2]);
}

/** The columns of a VOTable's first table with rows. Throws TABLE_BROKEN, TABLE_UNKNOWN where its rows are binary. */
export function readVoTable(xml: string): { columns: TableColumn[]; leftOut: LeftOut[] } {
  let fields: Field[] = [];
  let rows: string[][] | null = null;
  let cell: string | null = null;
  for (const { open, close, attributes, isEmpty, text } of partsOf(xml)) {
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
    if (close === "TABLEDATA" && rows !== null) return columnsOf(fields, rows);
  }
  throw broken(rows === null ? "it holds no table with rows" : "it ends before its last row");
}

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
