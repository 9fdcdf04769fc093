/** HDF5 files of stamps; runs in a process of its own. */

import h5wasm, { Dataset, type File } from "h5wasm/node";
import sharp from "sharp";
import type { ChildJob } from "../../base/child.ts";
import { messageOf, SkyloopError } from "../../base/errors.ts";
import type { PixelKind } from "../../contract/survey.ts";
import { bandOfText } from "../bands.ts";
import { wholeNumbers } from "../cells.ts";
import type { Cell } from "../duck.ts";
import { judgeFlux } from "../quality.ts";
import { UNKNOWN_UNIT, unitName } from "../units.ts";
import { withOnly } from "./only-file.ts";
import { DEFAULT_BANDS } from "./planes.ts";

/** Layout of an HDF5 file of stamps. */
export interface Hdf5Head {
  kind: PixelKind;
  count: number;
  planes: number;
  widthPx: number;
  heightPx: number;
  bands: string[];
  unit: string;
  /** Datasets of one value an object. */
  columns: string[];
}

/** One stamp: flux [bands, H, W], or colour as the bytes of a PNG. */
export type Hdf5Stamp =
  | { kind: "flux"; data: Float32Array; quality: ReturnType<typeof judgeFlux> }
  | { kind: "colour"; bytes: Uint8Array; flat: boolean };

/** No compression of pictures goes further: a file that claims more cannot hold it. */
const MOST_UNPACKED = 1100;
/** Code of a process that cannot do a job which another one can; never seen outside. */
const WORN = "WORN";
const BUILT_IN = new Set([1, 2, 3, 5, 6]);
let opened: { path: string; file: File } | null = null;
let failed = false;

/** Bands of `planes` planes: as the file names them, else by their number. */
function bandsOf(planes: number, named: string | undefined): string[] {
  const words = named?.length === planes ? [...named] : (named?.split(/[\s,;]+/) ?? []);
  if (words.length === planes) return words.map((word) => bandOfText(word) ?? word);
  if (planes === 3) return DEFAULT_BANDS;
  return planes === 1 ? ["r"] : Array.from({ length: planes }, (_, i) => `band${i + 1}`);
}

async function open(path: string): Promise<File> {
  if (opened?.path === path) return opened.file;
  // A library that met a damaged file is not used for another.
  if (failed) throw new SkyloopError(WORN, "this process has met a damaged file");
  const module = await h5wasm.ready;
  // Without it a chunk that cannot be read gives whatever stood in memory.
  module.activate_throwing_error_handler();
  opened?.file.close();
  opened = null;
  opened = { path, file: new h5wasm.File(path, "r") };
  return opened.file;
}

/** Runs `body`; after an abort inside the library, which leaves nothing usable, the process goes. Throws HDF5_UNREADABLE. */
async function guarded<T>(path: string, { retire }: ChildJob, body: () => Promise<T>): Promise<T> {
  try {
    return await withOnly(path, body);
  } catch (error) {
    failed = true;
    if (!/HDF5-DIAG/.test(messageOf(error))) retire();
    if (error instanceof SkyloopError) throw error;
    throw new SkyloopError("HDF5_UNREADABLE", reasonOf(messageOf(error)));
  }
}

/** The first cause in HDF5's own trace, which is printed from the outermost call inwards. */
function reasonOf(trace: string): string {
  if (!/HDF5-DIAG/.test(trace)) return `the HDF5 library broke off (${trace.split("\n")[0].slice(0, 200)})`;
  const reasons = [...trace.matchAll(/in H5\w+\(\): (.*)/g)].map((match) => match[1].trim());
  return reasons.at(-1)?.slice(0, 200) ?? "HDF5 could not read it";
}

interface Layout {
  images: Dataset;
  kind: PixelKind;
  /** Where the colours stand: [N, C, H, W] or [N, H, W, C]. */
  colourLast: boolean;
  shape: number[];
  planes: number;
  heightPx: number;
  widthPx: number;
}

function layoutOf(file: File): Layout {
  const images = file.get("images");
  if (!(images instanceof Dataset))
    throw new SkyloopError(
      "HDF5_LAYOUT",
      `has no dataset \`images\` (it has ${file.keys().slice(0, 8).join(", ")}); the layout is images [N, 3, H, W] with ra and dec`,
    );
  mustHoldValues(images, "images");
  const shape = images.shape ?? [];
  const { type, size, signed } = images.metadata;
  const bytes = type === 0 && size === 1 && !signed;
  const colourLast = bytes && shape.length === 4 && shape[3] === 3;
  const colour = colourLast || (bytes && shape.length === 4 && shape[1] === 3);
  const [planes, heightPx, widthPx] = colourLast ? [3, shape[1], shape[2]] : shape.slice(1);
  if (shape.length !== 4 || planes > 64 || (type !== 0 && type !== 1))
    throw new SkyloopError(
      "WRONG_SHAPE",
      `images has the shape [${shape.join(", ")}], expected numbers [N, bands, H, W], or bytes [N, H, W, 3]`,
    );
  return { images, kind: colour ? "colour" : "flux", colourLast, shape, planes, heightPx, widthPx };
}

/** Values of a virtual dataset lie in other files; where one is missing, HDF5 gives zeros and says nothing. */
function mustHoldValues({ metadata: { virtual_sources } }: Dataset, name: string): void {
  const others = (virtual_sources ?? []).filter(({ file_name }) => file_name !== ".");
  if (others.length > 0)
    throw new SkyloopError(
      "HDF5_UNREADABLE",
      `${name} is virtual, its values lie in other files (${others[0].file_name}); give those, or copy it into one file (h5repack)`,
    );
}

const FILTERS: Record<number, string> = {
  4: "szip",
  307: "bzip2",
  32000: "LZF",
  32001: "Blosc",
  32004: "LZ4",
  32013: "ZFP",
  32015: "Zstandard",
  32026: "Blosc2",
};

/** Layout and names of an HDF5 file of `bytes` length. Throws HDF5_UNREADABLE, HDF5_LAYOUT, WRONG_SHAPE, FILE_TOO_LARGE. */
export function hdf5Head(input: { path: string; bytes: number }, around: ChildJob): Promise<Hdf5Head> {
  return guarded(input.path, around, async () => {
    const file = await open(input.path);
    const { images, kind, shape, planes, heightPx, widthPx } = layoutOf(file);
    const [count] = shape;
    const foreign = images.filters.find(({ id }) => !BUILT_IN.has(id));
    if (foreign !== undefined)
      throw new SkyloopError(
        "HDF5_UNREADABLE",
        `images is compressed with the filter ${foreign.id}${FILTERS[foreign.id] === undefined ? "" : ` (${FILTERS[foreign.id]})`}, which is not built in; write it again with gzip (h5repack -f GZIP=4)`,
      );
    const claimed = shape.reduce((product, n) => product * n, images.metadata.size);
    if (claimed > MOST_UNPACKED * input.bytes)
      throw new SkyloopError(
        "HDF5_UNREADABLE",
        `images claims ${count} stamps, ${(claimed / 1e9).toFixed(1)} GB, in a file of ${(input.bytes / 1e6).toFixed(1)} MB: no compression does that`,
      );
    if (planes * heightPx * widthPx > 2 ** 26)
      throw new SkyloopError(
        "FILE_TOO_LARGE",
        `stamps of ${widthPx} x ${heightPx} px in ${planes} bands are too large`,
      );
    const attribute = (...names: string[]) =>
      names.map((name) => images.attrs[name]?.value).find((value) => typeof value === "string") as string | undefined;
    const named = attribute("bands", "BANDS", "filters");
    const bands = bandsOf(planes, named);
    const unit = unitName(attribute("unit", "units", "BUNIT"));
    return {
      kind,
      count,
      planes,
      widthPx,
      heightPx,
      bands: kind === "colour" ? ["r", "g", "b"] : bands,
      unit: unit === UNKNOWN_UNIT && planes === 3 ? "nanomaggy" : unit,
      columns: file.keys().filter((name) => name !== "images"),
    };
  });
}

/** HDF5's classes of types (`H5T_class_t`) that cells can hold: whole and floating numbers, text, words by number. */
const CELL_TYPES = new Set([0, 1, 3, 8]);

/**
 * One value an object from a dataset of that length; null for a group and for a dataset of another length. Throws HDF5_UNREADABLE, also for what no cell can hold.
 */
export async function hdf5Column(
  input: { path: string; name: string; count: number },
  around: ChildJob,
): Promise<Cell[] | null> {
  const column = await readColumn(input, around);
  // Not a fault of the library, which goes on.
  if (typeof column === "string") throw new SkyloopError("HDF5_UNREADABLE", column);
  return column;
}

function readColumn(
  input: { path: string; name: string; count: number },
  around: ChildJob,
): Promise<Cell[] | string | null> {
  return guarded(input.path, around, async () => {
    const dataset = (await open(input.path)).get(input.name);
    if (!(dataset instanceof Dataset) || dataset.shape?.[0] !== input.count) return null;
    mustHoldValues(dataset, input.name);
    if (dataset.shape.length > 1) return `it has several values an object ([${dataset.shape.join(", ")}])`;
    if (!CELL_TYPES.has(dataset.metadata.type)) return "its values are neither numbers nor text (a compound type, say)";
    return cellsOf(Array.from(dataset.value as ArrayLike<unknown>));
  });
}

/** Whole numbers of 64 bits exactly, as text where a double cannot hold them; null for NaN and what is no cell. */
function cellsOf(values: unknown[]): Cell[] {
  if (values.some((value) => typeof value === "bigint")) return wholeNumbers(values).values;
  return values.map((value) =>
    (typeof value === "number" && !Number.isNaN(value)) || typeof value === "string" || typeof value === "boolean"
      ? value
      : null,
  );
}

/** Stamps `from` to `to`. Throws HDF5_UNREADABLE. */
export function hdf5Stamps(input: { path: string; from: number; to: number }, around: ChildJob): Promise<Hdf5Stamp[]> {
  return guarded(input.path, around, async () => {
    const layout = layoutOf(await open(input.path));
    const { images, planes, heightPx, widthPx } = layout;
    const values = images.slice([[input.from, input.to], [], [], []]) as ArrayLike<number>;
    const length = planes * heightPx * widthPx;
    if (values.length !== length * (input.to - input.from)) throw new Error("fewer values than its shape says");
    return Promise.all(
      Array.from({ length: input.to - input.from }, (_, i) => {
        if (layout.kind === "colour")
          return colourStamp((values as Uint8Array).slice(i * length, (i + 1) * length), layout);
        const data = Float32Array.from({ length }, (_, p) => Number(values[i * length + p]));
        return { kind: "flux" as const, data, quality: judgeFlux(data, planes) };
      }),
    );
  });
}

async function colourStamp(values: Uint8Array, { colourLast, widthPx, heightPx }: Layout): Promise<Hdf5Stamp> {
  const N = widthPx * heightPx;
  const pixels = colourLast ? values : Uint8Array.from(values, (_, i) => values[(i % 3) * N + Math.floor(i / 3)]);
  const flat = pixels.every((value, i) => value === pixels[i % 3]);
  const bytes = await sharp(pixels, { raw: { width: widthPx, height: heightPx, channels: 3 } })
    .png({ compressionLevel: 3 })
    .toBuffer();
  return { kind: "colour", bytes, flat };
}
