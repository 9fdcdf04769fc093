/** The catalogue of a survey as a table: the reserved columns, then the user's. */
import { type CatalogueRow, type Codec, RESERVED_COLUMNS } from "../contract/survey.ts";
import type { Cell, CellType, TableColumn } from "./duck.ts";

/** What a catalogue says of a stamp. */
export interface StampRow {
  id: string;
  raDeg: number | null;
  decDeg: number | null;
  source: string;
  /** Bit mask of docs/conventions.md. */
  quality?: number;
  columns: Record<string, Cell>;
  widthPx: number;
  heightPx: number;
}

/** A stamp that lies in a pack. */
export interface Placed extends StampRow {
  codec: Codec;
  pack: number;
  offset: number;
  byteCount: number;
}

/** A row of an open survey with its values, apart from the survey. */
export function copyOf(row: CatalogueRow): CatalogueRow {
  const { id, raDeg, decDeg, source, quality, columns, widthPx, heightPx, codec, pack, offset, bytes } = row;
  return { id, raDeg, decDeg, source, quality, columns, widthPx, heightPx, codec, pack, offset, bytes };
}

/** All columns of the catalogue, one value a stamp. */
export function catalogueTable(rows: Placed[]): TableColumn[] {
  const own = (name: (typeof RESERVED_COLUMNS)[number], type: CellType, value: (row: Placed) => Cell): TableColumn => ({
    name,
    type,
    values: rows.map(value),
  });
  const users = userColumns(rows.map(({ columns }) => columns));
  return [
    own("id", "string", ({ id }) => id),
    own("ra", "number", ({ raDeg }) => raDeg),
    own("dec", "number", ({ decDeg }) => decDeg),
    own("source", "string", ({ source }) => source),
    own("pack", "integer", ({ pack }) => pack),
    own("offset", "integer", ({ offset }) => offset),
    own("bytes", "integer", ({ byteCount }) => byteCount),
    own("codec", "string", ({ codec }) => codec),
    own("width", "integer", ({ widthPx }) => widthPx),
    own("height", "integer", ({ heightPx }) => heightPx),
    own("quality", "integer", ({ quality }) => quality ?? 0),
    ...users,
  ];
}

/**
 * The user's columns, one value a row. Names that differ in case only are one name to DuckDB: the later ones get a
 * number. A column whose values are of several kinds is kept as text.
 */
function userColumns(rows: Record<string, Cell>[]): TableColumn[] {
  const names = new Set(rows.flatMap((columns) => Object.keys(columns)));
  const taken = new Set<string>(RESERVED_COLUMNS);
  for (const name of RESERVED_COLUMNS) names.delete(name);
  return [...names].map((name) => {
    const values = rows.map((columns) => (Object.hasOwn(columns, name) ? (columns[name] ?? null) : null));
    const kinds = [...new Set(values.filter((value) => value !== null).map((value) => typeof value))];
    const plain = kinds.length === 1 && (kinds[0] === "number" || kinds[0] === "boolean");
    const type: CellType = plain ? (kinds[0] as CellType) : "string";
    let unique = name;
    for (let n = 2; taken.has(unique.toLowerCase()); n++) unique = `${name}_${n}`;
    taken.add(unique.toLowerCase());
    return { name: unique, type, values };
  });
}
