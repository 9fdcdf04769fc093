/** VOTable out. */
import { escapeText } from "../base/markup.ts";
import type { Cell, TableColumn } from "./duck.ts";

/** A column to write with the sentence and the UCD (IVOA's name of its quantity) that VOTable keeps. */
export type DescribedColumn = TableColumn & { description?: string; ucd?: string };

/** Text that XML 1.0 can hold: escaped, without control characters and lone halves of pairs. */
const escaped = (text: string) => escapeText(text).replace(/(?![\t\n\r])\p{Cc}|\p{Cs}|[\uFFFE\uFFFF]/gu, "");

const TYPES = { number: 'datatype="double"', integer: 'datatype="long"', boolean: 'datatype="boolean"' };

/** `char` is ASCII by the recommendation. */
const textType = (values: Cell[]) =>
  `datatype="${values.every((value) => value === null || isAscii(String(value))) ? "char" : "unicodeChar"}" arraysize="*"`;

const isAscii = (text: string) => [...text].every((c) => c.charCodeAt(0) < 128);

/** VOTable 1.4 with TABLEDATA (IVOA recommendation); empty cells are empty TD elements. */
export function voTable(columns: DescribedColumn[]): string {
  const fields = columns.map(({ name, type, values, unit, description, ucd }) => {
    const named = `name="${escaped(name)}" ${type === "string" ? textType(values) : TYPES[type]}`;
    const attributes = `${named}${unit === undefined ? "" : ` unit="${escaped(unit)}"`}${ucd === undefined ? "" : ` ucd="${escaped(ucd)}"`}`;
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
