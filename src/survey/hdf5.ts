/**
 * HDF5 in the layout of ssl-legacysurvey: `images` [N, 3, H, W] float32 in nanomaggies (g, r, z), `ra`, `dec`, other
 * columns of length N.
 */
import { basename, join } from "node:path";
import h5wasm, { Dataset, type File } from "h5wasm/node";
import { messageOf } from "../base/errors.ts";
import type { Progress } from "../base/progress.ts";
import type { Problem } from "../contract/survey.ts";
import { wholeNumbers } from "./cells.ts";
import { idColumns, positionColumns } from "./column-names.ts";
import type { Cell } from "./duck.ts";
import { judged } from "./flux.ts";
import type { NewStamp } from "./folder.ts";
import { type Labels, ownColumns } from "./labels.ts";
import { angleOfText, inSphere } from "./position-text.ts";

/** Stamps read at a time: the file may be larger than the memory. */
const BLOCK = 64;

/** Every stamp of the file, in order, or why it cannot be taken. */
export async function* readHdf5Stamps(
  folder: string,
  file: string,
  bands: string[],
  labels: Labels | null,
  progress: Progress,
): AsyncGenerator<NewStamp | Problem> {
  const refuse = (code: string, message: string): Problem => ({ source: file, code, message, kept: false });
  await h5wasm.ready;
  let opened: File;
  try {
    opened = new h5wasm.File(join(folder, file), "r");
  } catch (cause) {
    yield refuse("HDF5_UNREADABLE", `cannot be opened: ${messageOf(cause)}`);
    return;
  }
  try {
    const images = opened.get("images");
    if (!(images instanceof Dataset)) {
      yield refuse(
        "HDF5_LAYOUT",
        `has no dataset \`images\` (it has ${opened.keys().join(", ")}); the layout is images [N, 3, H, W] with ra and dec`,
      );
      return;
    }
    const shape = images.shape ?? [];
    if (shape.length !== 4 || shape[1] !== bands.length) {
      yield refuse("WRONG_SHAPE", `images has the shape [${shape.join(", ")}], expected [N, ${bands.length}, H, W]`);
      return;
    }
    const [count, planes, heightPx, widthPx] = shape;
    const columns = readColumns(opened, count);
    const names = Object.keys(columns);
    const [idColumn] = idColumns(names);
    const place = positionColumns(names);
    const hidden = [idColumn, place?.ra[0], place?.dec[0]].filter((one) => /^(id|ra|dec)$/i.test(one ?? ""));
    const positionAt = (row: Record<string, Cell>) =>
      place === null ? null : inSphere(angle(row[place.ra[0]], "ra"), angle(row[place.dec[0]], "dec"));
    const stem = basename(file).replace(/\.(h5|hdf5)$/i, "");
    for (let from = 0; from < count; from += BLOCK) {
      const to = Math.min(count, from + BLOCK);
      const block = Float32Array.from(images.slice([[from, to], [], [], []]) as ArrayLike<number>);
      const length = planes * heightPx * widthPx;
      for (let i = from; i < to; i++) {
        const own = Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, values[i]]));
        const id = idColumn === undefined ? null : own[idColumn];
        const others = ownColumns(own, hidden);
        const name = id === null || id === "" ? `${stem}_${i}` : String(id);
        const row = labels?.takeId(name);
        const position = positionAt(own) ?? row?.position ?? { raDeg: null, decDeg: null };
        yield* judged(
          {
            id: row?.id ?? name,
            ...position,
            source: `${file}[${i}]`,
            columns: { ...others, ...row?.columns },
            widthPx,
            heightPx,
            codec: "f32",
            data: block.slice((i - from) * length, (i - from + 1) * length),
          },
          planes,
        );
      }
      progress.update(to, count);
    }
  } catch (cause) {
    yield refuse("HDF5_UNREADABLE", `cannot be read to its end: ${messageOf(cause)}`);
  } finally {
    opened.close();
  }
}

const angle = (value: Cell, of: "ra" | "dec") => angleOfText(value === null ? "" : String(value), of);

/** Whole numbers of 64 bits exactly, as text where a double cannot hold them; null for NaN and what is no cell. */
function cellsOf(values: unknown[]): Cell[] {
  if (values.some((value) => typeof value === "bigint")) return wholeNumbers(values).values;
  return values.map((value) =>
    (typeof value === "number" && !Number.isNaN(value)) || typeof value === "string" || typeof value === "boolean"
      ? value
      : null,
  );
}

/** Datasets beside the images that hold one number or text an object. */
function readColumns(file: File, count: number): Record<string, Cell[]> {
  const columns: Record<string, Cell[]> = {};
  for (const name of file.keys()) {
    const dataset = file.get(name);
    if (name === "images" || !(dataset instanceof Dataset) || dataset.shape?.length !== 1 || dataset.shape[0] !== count)
      continue;
    columns[name] = cellsOf(Array.from(dataset.value as ArrayLike<unknown>));
  }
  return columns;
}
