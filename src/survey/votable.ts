/** VOTable out. */
import { escapeText } from "../base/markup.ts";
import type { Cell, TableColumn } from "./duck.ts";
import { voUnit } from "./vo-unit.ts";

/** A column to write with the sentence and the UCD (IVOA's name of its quantity) that VOTable keeps. */
export type DescribedColumn = TableColumn & { description?: string; ucd?: string };

/** Text that XML 1.0 can hold: escaped, without control characters and lone halves of pairs. */
const escaped = (text: string) => escapeText(text).replace(/(?![\t\n\r])\p{Cc}|\p{Cs}|[\uFFFE\uFFFF]/gu, "");

const TYPES = { number: 'datatype="double"', integer: 'datatype="long"', boolean: 'datatype="boolean"' };

/** `char` is ASCII by the recommendation. */
const textType = (values: Cell[]) =>
  `datatype="${values.every((value) => value === null || isAscii(String(value))) ? "char" : "unicodeChar"}" arraysize="*"`;

const isAscii = (text: string) => [...text].every((c) => c.charCodeAt(0) < 128);

/** What a table is, beside its columns. */
export interface AboutTable {
  description: string;
  /** Facts about it by name: where it is from, and with which seed and data it was made. */
  infos: Record<string, string | number>;
}

/** An INFO element. */
const info = (name: string, value: string | number) =>
  `    <INFO name="${escaped(name)}" value="${escaped(String(value))}"/>`;

/** The frame of the columns that hold a position; other columns have none. */
const FRAME = '    <COOSYS ID="icrs" system="ICRS"/>';
const isPlace = (ucd: string | undefined) => ucd !== undefined && /^pos[._]eq[._]/i.test(ucd);

/** VOTable 1.4 with TABLEDATA (IVOA recommendation); empty cells are empty TD elements. Positions are ICRS. */
export const voTable = (columns: DescribedColumn[], about?: AboutTable): string =>
  Buffer.concat([...voTableParts(columns, about)]).toString();

const ROWS_A_PART = 4096;

/** A VOTable's bytes, some thousand rows at a time: a table of millions is longer than JavaScript's longest text. */
export function* voTableParts(columns: DescribedColumn[], about?: AboutTable): Iterable<Buffer> {
  const fields = columns.map(({ name, type, values, unit, description, ucd }) => {
    const attributes = [
      `name="${escaped(name)}"`,
      type === "string" ? textType(values) : TYPES[type],
      ...(unit === undefined ? [] : [`unit="${escaped(voUnit(unit))}"`]),
      ...(ucd === undefined ? [] : [`ucd="${escaped(ucd)}"`]),
      ...(isPlace(ucd) ? ['ref="icrs"'] : []),
    ].join(" ");
    return description === undefined
      ? `      <FIELD ${attributes}/>`
      : `      <FIELD ${attributes}><DESCRIPTION>${escaped(description)}</DESCRIPTION></FIELD>`;
  });
  yield linesOf([
    ...HEAD,
    ...(about === undefined ? [] : [`    <DESCRIPTION>${escaped(about.description)}</DESCRIPTION>`]),
    ...Object.entries(about?.infos ?? {}).map(([name, value]) => info(name, value)),
    ...(columns.some(({ ucd }) => isPlace(ucd)) ? [FRAME] : []),
    "    <TABLE>",
    ...fields,
    "      <DATA><TABLEDATA>",
  ]);
  const cell = (value: Cell) => `<TD>${value === null ? "" : escaped(String(value))}</TD>`;
  const length = columns[0]?.values.length ?? 0;
  for (let from = 0; from < length; from += ROWS_A_PART) {
    const rows = Array.from({ length: Math.min(ROWS_A_PART, length - from) }, (_, i) => from + i);
    yield linesOf(rows.map((row) => `        <TR>${columns.map(({ values }) => cell(values[row])).join("")}</TR>`));
  }
  yield linesOf(["      </TABLEDATA></DATA>", "    </TABLE>", ...FOOT]);
}

const linesOf = (lines: string[]) => Buffer.from(`${lines.join("\n")}\n`);

const HEAD = [
  '<?xml version="1.0" encoding="UTF-8"?>',
  '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">',
  '  <RESOURCE type="results">',
];
const FOOT = ["  </RESOURCE>", "</VOTABLE>"];

/** A VOTable that says what was wrong with a request, as the IVOA's protocols want it. */
export const voError = (message: string): string => linesOf([...HEAD, info("Error", message), ...FOOT]).toString();
