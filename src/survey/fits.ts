/** FITS files through cfitsio; the only importer of that addon. Paths ending in .bz2 are unpacked in memory. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { messageOf, SkyloopError } from "../base/errors.ts";
import { PACKAGE_ROOT } from "../base/paths.ts";
import { wholeNumbers } from "./cells.ts";
import type { Cell, LeftOut, TableColumn } from "./duck.ts";

/** Keyword, value as it stands in the file (text in quotes), comment. */
export type FitsCard = [key: string, value: string, comment: string];

/** A header-data unit of a FITS file: what it holds, its axes, its cards. */
export interface FitsHdu {
  type: "image" | "table";
  /** NAXIS1, NAXIS2, …: width first. Empty where there is no data. */
  shape: number[];
  cards: FitsCard[];
}

type RawColumn = Omit<TableColumn, "values"> & { values: (Cell | bigint)[]; comment: string };

interface Addon {
  hdus(source: string | Uint8Array): FitsHdu[];
  readImage(source: string | Uint8Array, hdu: number, box?: number[]): { shape: number[]; data: Float32Array };
  readTable(source: string | Uint8Array, hdu: number): { columns: RawColumn[]; skipped: LeftOut[] };
  writeTable(path: string, columns: TableColumn[]): void;
  writeImage(path: string, shape: number[], data: Float32Array, cards: string[], compression?: number): void;
  checksums(source: string | Uint8Array): { hdu: number; data: number; whole: number }[];
  limit?(memoryBytes: number, cpuSeconds: number): void;
  version(): number;
}

const ADDON = join(PACKAGE_ROOT, "native/build/Release/fits.node");
let loaded: Addon | null = null;

function addon(): Addon {
  if (loaded !== null) return loaded;
  if (!existsSync(ADDON))
    throw new SkyloopError(
      "NATIVE_MISSING",
      `the native part is not built (${ADDON} is missing); run \`npm run setup\` in ${PACKAGE_ROOT}`,
    );
  loaded = createRequire(import.meta.url)(ADDON) as Addon;
  return loaded;
}

function open(path: string): string | Uint8Array {
  if (!existsSync(path) || !statSync(path).isFile())
    throw new SkyloopError("FILE_UNREADABLE", `no file at ${path}; check the path`);
  if (/\.np[yz]$/.test(path))
    throw new SkyloopError(
      "FITS_UNREADABLE",
      `${path} is a NumPy array, which carries no header; convert it to FITS (astropy.io.fits.writeto)`,
    );
  if (!path.endsWith(".bz2")) return path;
  const { decode } = createRequire(import.meta.url)("seek-bzip") as { decode(bytes: Uint8Array): Uint8Array };
  return decode(readFileSync(path));
}

function guarded<T>(path: string, body: () => T): T {
  try {
    return body();
  } catch (cause) {
    if (cause instanceof SkyloopError) throw cause;
    if (/allocation failed|cfitsio 113|array length|larger than \d/i.test(messageOf(cause)))
      throw new SkyloopError(
        "FILE_TOO_LARGE",
        `${path} unfolds to more memory than its size can explain (${messageOf(cause).split("\n")[0]}); unpack or split it if it is right`,
        { cause },
      );
    throw new SkyloopError(
      "FITS_UNREADABLE",
      `${path} cannot be read: ${messageOf(cause)}; if it was downloaded, download it again: it may be cut short`,
      {
        cause,
      },
    );
  }
}

/** An opened file: a packed one is unpacked once for all that is read from it. */
export interface FitsSource {
  hdus: FitsHdu[];
  /** Pixels of an HDU as `readFitsImage` gives them, or of a part of it. */
  pixels(hdu: number, box?: [number, number, number, number]): Float32Array;
  /** HDUs whose DATASUM or CHECKSUM is not that of their bytes. */
  wrongSums(): number[];
}

/** Opens a file. Throws FILE_UNREADABLE, FITS_UNREADABLE, as what it returns does. */
export function openFits(path: string): FitsSource {
  return guarded(path, () => {
    const source = open(path);
    const hdus = addon().hdus(source);
    const summed = hdus.some(({ cards }) => cards.some(([key]) => key === "DATASUM" || key === "CHECKSUM"));
    return {
      hdus,
      pixels: (hdu, box) => guarded(path, () => addon().readImage(source, hdu, box).data),
      wrongSums: () =>
        guarded(path, () =>
          summed
            ? addon()
                .checksums(source)
                .filter(({ data, whole }) => data < 0 || whole < 0)
                .map(({ hdu }) => hdu)
            : [],
        ),
    };
  });
}

/**
 * Limits this process for good: memory (bytes of its own) and processor time from now (seconds), past which the system
 * ends it. Nothing where the addon is not built or the system knows no limits.
 */
export function limitProcess(memoryBytes: number, cpuSeconds: number): void {
  if (existsSync(ADDON)) addon().limit?.(memoryBytes, cpuSeconds);
}

/** All HDUs with their headers. Throws FILE_UNREADABLE, FITS_UNREADABLE. */
export function readFitsHdus(path: string): FitsHdu[] {
  return guarded(path, () => addon().hdus(open(path)));
}

/** An image of a FITS file in physical values. */
export interface FitsImage {
  widthPx: number;
  heightPx: number;
  /** Product of the axes beyond the second. */
  planes: number;
  /** [planes, H, W]; BSCALE and BZERO applied, NaN for BLANK; row 0 is the first of the file. */
  data: Float32Array;
  header: FitsCard[];
}

const isImage = ({ type, shape }: FitsHdu) => type === "image" && shape.length >= 2 && shape.every((n) => n > 0);

/**
 * An image HDU (the first with pixels unless given). `box` [x0, y0, width, height], 0-based, reads that part of every
 * plane only.
 */
export function readFitsImage(path: string, hdu?: number, box?: [number, number, number, number]): FitsImage {
  return guarded(path, () => {
    const source = open(path);
    const all = addon().hdus(source);
    const at = hdu ?? all.findIndex(isImage);
    if (at < 0 || at >= all.length)
      throw new SkyloopError(
        "FITS_UNREADABLE",
        `${path} has no image${hdu === undefined ? "" : ` in HDU ${hdu}`}; it holds ${all.length} HDUs`,
      );
    const { shape, data } = addon().readImage(source, at, box);
    const [widthPx, heightPx, ...others] = shape;
    return { widthPx, heightPx, planes: others.reduce((product, n) => product * n, 1), data, header: all[at].cards };
  });
}

/** Columns x0.., rows y0.. of every plane of an HDU of an uncompressed file: [planes, height, width]. */
export function readFitsSection(path: string, hdu: number, box: [number, number, number, number]): Float32Array {
  return guarded(path, () => addon().readImage(path, hdu, box).data);
}

/**
 * A table HDU (the first unless given). Whole numbers that a double cannot hold are text, digit by digit; columns of
 * vectors are left out and named in `skipped`.
 */
export function readFitsTable(path: string, hdu?: number): { columns: TableColumn[]; skipped: LeftOut[] } {
  return guarded(path, () => {
    const source = open(path);
    const at =
      hdu ??
      addon()
        .hdus(source)
        .findIndex(({ type }) => type === "table");
    if (at < 0) throw new SkyloopError("FITS_UNREADABLE", `${path} holds no table`);
    const { columns, skipped } = addon().readTable(source, at);
    const exact = ({ comment, ...column }: RawColumn): TableColumn => {
      if (column.type === "integer") return { ...column, ...wholeNumbers(column.values) };
      const values = column.values as Cell[];
      const plain = column.type !== "string" || !comment.endsWith(ESCAPED);
      return { ...column, values: plain ? values : values.map((value) => unescapeText(String(value ?? ""))) };
    };
    return { columns: columns.map(exact), skipped };
  });
}

const ESCAPED = "characters outside ASCII as \\uXXXX";
const escapeText = (text: string) =>
  Array.from({ length: text.length }, (_, i) => text.charCodeAt(i))
    .map((c) => (c < 32 || c > 126 ? `\\u${c.toString(16).padStart(4, "0")}` : String.fromCharCode(c)))
    .join("");
const unescapeText = (text: string) =>
  text.replace(/\\u([0-9a-f]{4})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));

/**
 * Writes a binary table; the caller renames it into place. FITS text is ASCII: other characters are written as in JSON
 * (\u00f6), the column's comment says so, and `readFitsTable` reads them back.
 */
export function writeFitsTable(path: string, columns: (TableColumn & { unit?: string; description?: string })[]): void {
  addon().writeTable(
    path,
    columns.map((column) => {
      if (column.type !== "string") return column;
      const values = column.values.map((value) => (value === null ? null : escapeText(String(value))));
      if (values.every((value, i) => value === column.values[i])) return column;
      const said = column.description === undefined ? ESCAPED : `${column.description.slice(0, 25)}; ${ESCAPED}`;
      return { ...column, values, description: said };
    }),
  );
}

const COMPRESSIONS = { RICE_1: 11, GZIP_1: 21, HCOMPRESS_1: 41 } as const;

/**
 * Writes a float32 image [planes, H, W] with header records of 80 characters; `compression` by tiles puts it into the
 * second HDU.
 */
export function writeFitsImage(
  path: string,
  { widthPx, heightPx, planes, data }: Omit<FitsImage, "header">,
  records: string[] = [],
  compression?: keyof typeof COMPRESSIONS,
): void {
  const shape = planes === 1 ? [widthPx, heightPx] : [widthPx, heightPx, planes];
  addon().writeImage(path, shape, data, records, compression && COMPRESSIONS[compression]);
}

/**
 * What describes how the pixels are stored, which a new file decides for itself, and sums that would no longer be
 * right.
 */
const STRUCTURAL =
  /^(SIMPLE|XTENSION|BITPIX|NAXIS\d*|EXTEND|PCOUNT|GCOUNT|BSCALE|BZERO|BLANK|CHECKSUM|DATASUM|DATAMIN|DATAMAX|ZHECKSUM|ZDATASUM|END|TFIELDS|(TTYPE|TFORM)\d+|Z(IMAGE|TENSION|SIMPLE|BITPIX|EXTEND|BLANK|CMPTYPE|QUANTIZ|DITHER0|PCOUNT|GCOUNT|NAXIS\d*|TILE\d+|NAME\d+|VAL\d+|MASKCMP|SCALE|ZERO))$/;

/** A header as records of 80 characters for `writeFitsImage`: every card but those that describe the storage. */
export function headerRecords(header: FitsCard[]): string[] {
  return header.flatMap(([key, value, comment]) => {
    // Every file that cfitsio makes begins with its own two lines about the FITS standard.
    if (
      STRUCTURAL.test(key) ||
      (key === "COMMENT" && /FITS \(Flexible Image Transport System\)|Astrophysics', volume 376/.test(comment))
    )
      return [];
    if (value === "" && /^(COMMENT|HISTORY|)$/.test(key)) return [`${key.padEnd(8)}${comment}`.slice(0, 80).padEnd(80)];
    if (key === "CONTINUE")
      return [
        `CONTINUE  ${value === "" ? comment : `${value}${comment === "" ? "" : ` / ${comment}`}`}`
          .slice(0, 80)
          .padEnd(80),
      ];
    const name = /^[A-Z0-9_-]{1,8}$/.test(key) ? `${key.padEnd(8)}= ` : `HIERARCH ${key} = `;
    const shown = value.startsWith("'") ? value.padEnd(20) : value.padStart(20);
    return [`${name}${shown}${comment === "" ? "" : ` / ${comment}`}`.slice(0, 80).padEnd(80)];
  });
}

/** The value of a keyword without quotes and padding; undefined where it is missing. */
export function cardValue(header: FitsCard[], key: string): string | undefined {
  const card = header.find(([name]) => name === key);
  return card?.[1]
    .replace(/^'(.*)'$/, "$1")
    .replaceAll("''", "'")
    .trimEnd();
}

/** A header's value as a number (FORTRAN's D exponents too); undefined where it is none. */
export function fitsNumber(value: string): number | undefined {
  const text = value.replace(/^'(.*)'$/, "$1").trim();
  const number = text === "" ? Number.NaN : Number(text.replace(/d/i, "E"));
  return Number.isNaN(number) ? undefined : number;
}

/** A keyword as a number; undefined where it is missing or no number. */
export function cardNumber(header: FitsCard[], key: string): number | undefined {
  const value = cardValue(header, key);
  return value === undefined ? undefined : fitsNumber(value);
}
