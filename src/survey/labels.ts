/** Joining a table of labels to images: by the file's name where the table has one, else by id. */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { SkyloopError } from "../base/errors.ts";
import { type Problem, RESERVED_COLUMNS } from "../contract/survey.ts";
import { readTable, type Table, type TableRow } from "./catalogue.ts";
import { fileColumns, idColumns, positionColumns } from "./column-names.ts";
import { folderOf, ImagePaths, type Meant, stemOf } from "./join.ts";
import { angleOfText, degreesIn, inSphere } from "./position-text.ts";

export { stemOf } from "./join.ts";

/** A position on the sky, ICRS degrees; null where a table has none. */
export interface Position {
  raDeg: number | null;
  decDeg: number | null;
}

const NOWHERE: Position = { raDeg: null, decDeg: null };

/** Names such as `cutout_RA_DEC.fits` of the Legacy Survey's cutout service. */
export function positionInName(file: string): Position {
  const match = /(\d{1,3}\.\d{3,})_([+-]?\d{1,2}\.\d{3,})/.exec(basename(file));
  return (match === null ? null : inSphere(Number(match[1]), Number(match[2]))) ?? NOWHERE;
}

/** What a table's position columns are called, and their units; null where none are known. */
function placeColumns(columns: string[], units: Map<string, string>) {
  const found = positionColumns(columns);
  if (found === null) return null;
  const unit = (names: string[]) => (names.length > 1 ? "" : (units.get(names[0]) ?? ""));
  return { ...found, raUnit: unit(found.ra) || (found.hours ? "h" : "deg"), decUnit: unit(found.dec) || "deg" };
}

/**
 * Reads a position from cells by the names of their columns: null where no columns of positions are known; the position
 * is null where cells are empty, and undefined where they are no place on the sky.
 */
export function positionReader(
  columns: string[],
  units = new Map<string, string>(),
): ((cell: (name: string) => string) => Position | undefined) | null {
  const place = placeColumns(columns, units);
  if (place === null) return null;
  return (cell) => {
    const [ra, dec] = [place.ra.map(cell), place.dec.map(cell)];
    if (ra.every((part) => part === "") || dec.every((part) => part === "")) return NOWHERE;
    const decText = dec.join(" ").replace(/^([+-]) /, "$1");
    return (
      inSphere(angleOfText(ra.join(" "), "ra", place.raUnit), angleOfText(decText, "dec", place.decUnit)) ?? undefined
    );
  };
}

/**
 * Reads the position of each row of a table, from whichever of the usual columns stand, in degrees, hours or sexagesimal;
 * `said` hears of the rows that have one that cannot be read.
 */
export function positionsOf(table: Table, said: (problem: Problem) => void): (row: number) => Position {
  const place = placeColumns(table.columns, table.units);
  const reader = positionReader(table.columns, table.units);
  if (place === null || reader === null) return () => NOWHERE;
  const problem = (source: string, message: string): Problem => ({
    source,
    code: "POSITION_UNREADABLE",
    message,
    kept: true,
  });
  if (!(Number.isFinite(degreesIn(place.raUnit)) && Number.isFinite(degreesIn(place.decUnit)))) {
    const names = `${place.ra[0]} and ${place.dec[0]} are in ${place.raUnit} and ${place.decUnit}`;
    said(problem(table.name, `${names}, which are no units of an angle; the rows have no position`));
    return () => NOWHERE;
  }
  return (row) => {
    const cell = (name: string) => table.textAt(row, name) ?? "";
    const position = reader(cell);
    if (position !== undefined) return position;
    const shown = [...place.ra, ...place.dec].map((name) => `${name} ${cell(name)}`).join(", ");
    said(problem(table.placeOf(row), `${shown} is no position on the sky; the row has none`));
    return NOWHERE;
  };
}

/**
 * The column that ids are taken from: `id` or the likeliest other one whose values are all different (`source` may be a
 * telescope, `type_id` a class), those `joined` by counting as such. Undefined where there is none.
 */
export function idColumnOf(
  table: Pick<Table, "columns" | "textAt"> & { rows: { length: number } },
  joined: string[] = [],
): string | undefined {
  return idColumns(table.columns).find((column) => {
    if (joined.includes(column) || /^(id|objid|object_?id)$/i.test(column)) return true;
    const seen = new Set<string>();
    for (let row = 0; row < table.rows.length; row++) {
      const text = table.textAt(row, column);
      if (text === null) continue;
      if (seen.has(text)) return false;
      seen.add(text);
    }
    return seen.size > 0;
  });
}

/** The user's columns of a row; one with a name of ours keeps its values under a longer one. */
export function ownColumns(row: TableRow, without: (string | undefined)[]): TableRow {
  const reserved = new Set<string>(RESERVED_COLUMNS);
  return Object.fromEntries(
    Object.entries(row).flatMap(([name, value]) =>
      without.includes(name) ? [] : [[reserved.has(name.toLowerCase()) ? `${name}_catalogue` : name, value]],
    ),
  );
}

/** What a label table says of one object. */
export interface ImageLabels {
  /** As in the table; undefined where the row has none. */
  id: string | undefined;
  columns: TableRow;
  position: Position;
}

/** A label table, joined to images by id or file name. */
export interface Labels {
  /** The row of an image, given by any of its names below the folder of images. */
  take(file: string): ImageLabels | undefined;
  /** As `take`, for objects that are no files (rows of an HDF5 file): by id. */
  takeId(id: string): ImageLabels | undefined;
  /** Rows that no image took, that repeat another or fit several images, and columns that were left out. */
  problems(): Problem[];
}

/**
 * The label table of a folder of images: the given one, else `labels.csv` in it; null where there is none. `images` are
 * the names of each image below the folder, one a band. Throws LABELS_NO_KEY.
 */
export async function readLabels(
  folder: string,
  given: string | undefined,
  images: string[][],
): Promise<Labels | null> {
  const path = given ?? join(folder, "labels.csv");
  if (given === undefined && !existsSync(path)) return null;
  const table = await readTable(path);
  const [files, ids] = [fileColumns(table.columns), idColumns(table.columns)];
  if (files.length + ids.length === 0)
    throw new SkyloopError(
      "LABELS_NO_KEY",
      `${path} has neither an \`id\` nor a \`file\` column to join images by (it has ${table.columns.slice(0, 8).join(", ")}); name one of them so`,
    );
  return new JoinedTable(table, files, ids, images);
}

/** A table and the images that its rows are of. */
class JoinedTable implements Labels {
  readonly #table: Table;
  readonly #images: string[][];
  readonly #idColumn: string | undefined;
  readonly #keyColumn: string;
  readonly #byFile: boolean;
  readonly #hidden: (string | undefined)[];
  readonly #positions: Position[];
  readonly #problems: Problem[];
  readonly #rowOfImage = new Map<string, number>();
  readonly #rowOfId = new Map<string, number>();
  readonly #used = new Set<number>();
  readonly #named = new Set<number>();

  constructor(table: Table, files: string[], ids: string[], images: string[][]) {
    this.#table = table;
    this.#images = images;
    this.#problems = [...table.problems];
    const paths = new ImagePaths(images);
    const counted = (columns: string[], find: (key: string) => Meant) =>
      columns
        .map((column) => ({
          column,
          count: table.rows.filter((_, row) => find(this.#key(row, column)).depth > 0).length,
        }))
        .reduce((most, one) => (one.count > most.count ? one : most), { column: columns[0], count: 0 });
    // A column of files decides wherever it names any of the images; numbers in `id` may fit other ones by chance.
    const file = files.length > 0 ? counted(files, (key) => paths.find(key)) : null;
    const id = ids.length > 0 ? counted(ids, (key) => paths.findId(key)) : null;
    this.#byFile = file !== null && (file.count > 0 || id === null);
    this.#keyColumn = ((this.#byFile ? file : id) as { column: string }).column;
    this.#idColumn = idColumnOf(table, this.#byFile ? [] : [this.#keyColumn]);
    let unreadable = 0;
    const positionOf = positionsOf(table, (problem) => {
      // A whole column of them says the same.
      if (++unreadable <= 20) this.#problems.push(problem);
    });
    this.#positions = table.rows.map((_, row) => positionOf(row));
    const position = positionColumns(table.columns);
    // What has a place of its own is not kept twice; positions that could not be read are.
    const own = [this.#idColumn, ...(unreadable > 0 ? [] : [position?.ra[0], position?.dec[0]])];
    this.#hidden = [
      this.#byFile ? this.#keyColumn : undefined,
      ...own.filter((name) => name !== undefined && /^(id|ra|dec)$/i.test(name)),
    ];
    this.#join(paths);
  }

  #key(row: number, column: string | undefined): string {
    return column === undefined ? "" : (this.#table.textAt(row, column) ?? "");
  }

  /** Gives each image the row that agrees best with its path, the first of several. */
  #join(paths: ImagePaths): void {
    const [meant, names] = [[] as { row: number; key: string; of: Meant }[], new Map<string, number>()];
    const folders = new Set<string>();
    for (let row = 0; row < this.#table.rows.length; row++) {
      const id = this.#key(row, this.#idColumn);
      if (id !== "" && !this.#rowOfId.has(id)) this.#rowOfId.set(id, row);
      const path = this.#key(row, this.#keyColumn);
      const key = path || id;
      if (key === "") continue;
      const of = this.#byFile && path !== "" ? paths.find(key) : paths.findId(key);
      meant.push({ row, key, of });
      const folder = folderOf(key);
      if (folder !== undefined) folders.add(folder);
      names.set(stemOf(key), (names.get(stemOf(key)) ?? 0) + 1);
    }
    const best = new Map<number, { row: number; depth: number }>();
    const repeats: { row: number; key: string; image: number }[] = [];
    for (const { row, key, of } of meant) {
      const [image] = of.images;
      if (image === undefined) continue;
      // Folders of other names are another place of the same files, unless the names tell files apart.
      const [there, here] = [folderOf(key) as string, folderOf(this.#images[image][0]) as string];
      if (of.elsewhere && (paths.folders.has(there) || folders.has(here) || (names.get(stemOf(key)) ?? 0) > 1))
        continue;
      if (of.images.length > 1) this.#tellAmbiguous(row, key, of.images);
      else if (of.depth > (best.get(image)?.depth ?? 0)) best.set(image, { row, depth: of.depth });
      else repeats.push({ row, key, image });
    }
    for (const [image, { row }] of best) for (const name of this.#images[image]) this.#rowOfImage.set(name, row);
    for (const { row, key, image } of repeats) {
      const first = this.#table.placeOf((best.get(image) as { row: number }).row);
      this.#tell(row, "DUPLICATE_ID", `row repeats ${key}; ${first} is used`);
    }
  }

  #tellAmbiguous(row: number, key: string, images: number[]): void {
    const some = images.slice(0, 3).map((i) => this.#images[i][0]);
    this.#tell(
      row,
      "AMBIGUOUS_ROW",
      `${key} fits ${images.length} images (${some.join(", ")}${images.length > 3 ? ", …" : ""}), none gets the row; write more of the path into the table`,
    );
  }

  #tell(row: number, code: string, message: string): void {
    this.#named.add(row);
    this.#problems.push({ source: this.#table.placeOf(row), code, message, kept: false });
  }

  #labelled(row: number | undefined): ImageLabels | undefined {
    if (row === undefined) return undefined;
    this.#used.add(row);
    return {
      id: this.#key(row, this.#idColumn) || undefined,
      columns: ownColumns(this.#table.rows[row], this.#hidden),
      position: this.#positions[row],
    };
  }

  take(file: string): ImageLabels | undefined {
    return this.#labelled(this.#rowOfImage.get(file));
  }

  takeId(id: string): ImageLabels | undefined {
    return this.#labelled(this.#rowOfId.get(id));
  }

  problems(): Problem[] {
    const unused = this.#table.rows.flatMap((_, row): Problem[] =>
      this.#used.has(row) || this.#named.has(row)
        ? []
        : [
            {
              source: this.#table.placeOf(row),
              code: "ROW_WITHOUT_IMAGE",
              message: `no image for ${this.#key(row, this.#keyColumn) || this.#key(row, this.#idColumn) || "a row without a name"}`,
              kept: false,
            },
          ],
    );
    return [...this.#problems, ...unused];
  }
}
