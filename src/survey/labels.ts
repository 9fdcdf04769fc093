/** Joining a table of labels to images: by id, or by the file's name. */
import { existsSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { SkyloopError } from "../base/errors.ts";
import { type Problem, RESERVED_COLUMNS } from "../contract/survey.ts";
import { readTable, type TableRow } from "./catalogue.ts";

const FILE_COLUMNS = ["file", "filename", "file_name", "file_loc", "path", "image"];
const RA_COLUMNS = ["ra", "radeg", "ra_deg", "raj2000", "right_ascension"];
const DEC_COLUMNS = ["dec", "decdeg", "dec_deg", "dedeg", "de", "decj2000", "dej2000", "declination"];

/** File name without folders and image endings. */
export function stemOf(file: string): string {
  return basename(file)
    .replace(/\.(gz|bz2|fz)$/i, "")
    .replace(/\.(fits?|jpe?g|png|webp)$/i, "");
}

const find = (columns: string[], names: string[]) => columns.find((column) => names.includes(column.toLowerCase()));

/** A position on the sky, ICRS degrees; null where a table has none. */
export interface Position {
  raDeg: number | null;
  decDeg: number | null;
}

/** The position in a row, from whichever of the usual column names stand; null outside the sphere. */
export function positionIn(row: TableRow): Position {
  const columns = Object.keys(row);
  const number = (column: string | undefined) =>
    column === undefined || row[column] === null || row[column] === "" ? Number.NaN : Number(row[column]);
  const [ra, dec] = [number(find(columns, RA_COLUMNS)), number(find(columns, DEC_COLUMNS))];
  if (!(ra >= -180 && ra <= 360 && dec >= -90 && dec <= 90)) return { raDeg: null, decDeg: null };
  return { raDeg: ((ra % 360) + 360) % 360, decDeg: dec };
}

/** Names such as `cutout_RA_DEC.fits` of the Legacy Survey's cutout service. */
export function positionInName(file: string): Position {
  const match = /(\d{1,3}\.\d{3,})_([+-]?\d{1,2}\.\d{3,})/.exec(basename(file));
  return match === null ? { raDeg: null, decDeg: null } : positionIn({ ra: Number(match[1]), dec: Number(match[2]) });
}

/** A label table, joined to images by id or file name. */
export interface Labels {
  /** The row of an image given by its path relative to the images' folder; marks it as used. */
  take(file: string): { id: string; columns: TableRow; position: Position } | undefined;
  /** Rows that no image took, and rows that repeat an id. */
  problems(): Problem[];
}

/**
 * The label table of a folder of images: the given one, else `labels.csv` in it; null where there is none. Throws
 * LABELS_NO_KEY.
 */
export async function readLabels(folder: string, given: string | undefined): Promise<Labels | null> {
  const path = given ?? join(folder, "labels.csv");
  if (given === undefined && !existsSync(path)) return null;
  const { columns, rows } = await readTable(path);
  const idColumn =
    columns.find((column) => column.toLowerCase() === "id") ??
    columns.find((column) => ["objid", "object_id", "name", "iauname"].includes(column.toLowerCase()));
  const fileColumn = find(columns, FILE_COLUMNS);
  if (idColumn === undefined && fileColumn === undefined)
    throw new SkyloopError(
      "LABELS_NO_KEY",
      `${path} has neither an \`id\` nor a \`file\` column to join images by (it has ${columns.slice(0, 8).join(", ")}); name one of them so`,
    );
  const reserved = new Set<string>(RESERVED_COLUMNS);
  const byKey = new Map<string, number>();
  const repeated: Problem[] = [];
  for (const [i, row] of rows.entries()) {
    const keys = [fileColumn === undefined ? null : row[fileColumn], idColumn === undefined ? null : row[idColumn]]
      .filter((key) => key !== null && key !== "")
      .map(String);
    const fresh = keys.filter((key) => !byKey.has(key));
    if (keys.length > 0 && fresh.length === 0)
      repeated.push({
        source: `${basename(path)} row ${i + 2}`,
        code: "DUPLICATE_ID",
        message: `row repeats ${keys.join(", ")}; the first one is used`,
        kept: false,
      });
    for (const key of fresh) byKey.set(key, i);
    if (fileColumn !== undefined && row[fileColumn] !== null) {
      const stem = stemOf(String(row[fileColumn]));
      if (!byKey.has(stem)) byKey.set(stem, i);
    }
  }
  const used = new Set<number>();
  return {
    take(file) {
      const at =
        byKey.get(file) ??
        byKey.get(relative(folder, join(folder, file))) ??
        byKey.get(basename(file)) ??
        byKey.get(stemOf(file));
      if (at === undefined) return undefined;
      used.add(at);
      const row = rows[at];
      // id and position have their own places; another column with one of our names keeps its values under a longer
      // one.
      const own = Object.fromEntries(
        Object.entries(row).flatMap(([name, value]) =>
          name === fileColumn || ["id", "ra", "dec"].includes(name.toLowerCase())
            ? []
            : [[reserved.has(name.toLowerCase()) ? `${name}_catalogue` : name, value]],
        ),
      );
      return {
        id: idColumn !== undefined && row[idColumn] !== null ? String(row[idColumn]) : stemOf(file),
        columns: own,
        position: positionIn(row),
      };
    },
    problems() {
      const unused = rows.flatMap((row, i) =>
        used.has(i) || repeated.some(({ source }) => source.endsWith(` ${i + 2}`))
          ? []
          : [
              {
                source: `${basename(path)} row ${i + 2}`,
                code: "ROW_WITHOUT_IMAGE",
                message: `no image for ${idColumn === undefined ? String(row[fileColumn as string]) : String(row[idColumn])}`,
                kept: false,
              },
            ],
      );
      return [...repeated, ...unused];
    },
  };
}
