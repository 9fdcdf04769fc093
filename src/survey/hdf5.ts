/**
 * HDF5 in the layout of ssl-legacysurvey: `images` [N, bands, H, W] (g, r, z in nanomaggies where nothing else is
 * written), `ra`, `dec`, other columns of length N; and of Galaxy10 DECaLS: `images` of bytes [N, H, W, 3] in colour.
 */
import { statSync } from "node:fs";
import { basename, join } from "node:path";
import { codeOf, messageOf } from "../base/errors.ts";
import { inOrder } from "../base/in-order.ts";
import type { Progress } from "../base/progress.ts";
import type { Problem } from "../contract/survey.ts";
import { positionColumns } from "./column-names.ts";
import { decode, decodeWidth, type Hdf5Head, type Hdf5Stamp } from "./decode/index.ts";
import type { Cell } from "./duck.ts";
import { judged } from "./flux.ts";
import type { NewStamp } from "./folder.ts";
import { idColumnOf, type Labels, ownColumns, type Position } from "./labels.ts";
import { angleOfText, inSphere } from "./position-text.ts";

/** Stamps read at a time, and bytes: the file may be larger than the memory. */
const BLOCK = 64;
const BLOCK_BYTES = 2 ** 24;
/** After so many stamps that cannot be read the rest of a file is not tried. */
const MOST_LOST = 200;

/** An HDF5 file of stamps, opened: its layout and its columns. */
export interface Hdf5File {
  file: string;
  head: Hdf5Head & { pixelScaleArcsec: number | null };
  columns: Record<string, Cell[]>;
  problems: Problem[];
}

/** Layout and columns of a file, or why it cannot be taken in. */
export async function openHdf5(folder: string, file: string): Promise<Hdf5File | Problem> {
  const path = join(folder, file);
  try {
    const head = await decode("hdf5Head", [path], { path, bytes: statSync(path).size });
    const columns: Record<string, Cell[]> = {};
    const problems: Problem[] = [];
    for (const name of head.columns)
      try {
        const values = await decode("hdf5Column", [path], { path, name, count: head.count });
        if (values !== null) columns[name] = values;
      } catch (error) {
        problems.push({
          source: file,
          code: codeOf(error) ?? "HDF5_UNREADABLE",
          message: `column ${name} is left out: ${messageOf(error)}`,
          kept: true,
        });
      }
    // Galaxy10 gives the scale of each stamp; ssl-legacysurvey is on the Legacy Surveys' pixels.
    const scales = columns.pxscale?.filter((value) => typeof value === "number") ?? [];
    const pixelScaleArcsec = scales.length > 0 ? (scales[0] as number) : head.planes === 3 ? 0.262 : null;
    return { file, head: { ...head, pixelScaleArcsec }, columns, problems };
  } catch (error) {
    return { source: file, code: codeOf(error) ?? "HDF5_UNREADABLE", message: messageOf(error), kept: false };
  }
}

/** Every stamp of the file, in order, or why it cannot be taken. */
export async function* readHdf5Stamps(
  folder: string,
  { file, head, columns, problems }: Hdf5File,
  bands: string[],
  labels: Labels | null,
  progress: Progress,
): AsyncGenerator<NewStamp | Problem> {
  yield* problems;
  const { count, widthPx, heightPx } = head;
  if (head.bands.length !== bands.length) {
    yield {
      source: file,
      code: "WRONG_SHAPE",
      message: `its stamps have ${head.bands.length} bands (${head.bands.join(", ")}), the survey ${bands.length} (${bands.join(", ")})`,
      kept: false,
    };
    return;
  }
  const path = join(folder, file);
  const block = Math.max(1, Math.min(BLOCK, Math.floor(BLOCK_BYTES / (4 * bands.length * widthPx * heightPx))));
  const starts = Array.from({ length: Math.ceil(count / block) }, (_, i) => i * block);
  const describe = describedBy(columns);
  let lost = 0;
  for await (const [from, stamps] of inOrder(starts, decodeWidth(), (at) =>
    readBlock(path, at, Math.min(count, at + block)),
  )) {
    for (const [k, stamp] of stamps.entries()) {
      const i = from + k;
      if (stamp instanceof Error) {
        lost++;
        yield {
          source: `${file}[${i}]`,
          code: codeOf(stamp) ?? "HDF5_UNREADABLE",
          message: stamp.message,
          kept: false,
        };
      } else yield* asStamp(file, i, stamp, head, describe, labels);
    }
    progress.update(Math.min(count, from + block), count);
    if (lost < MOST_LOST) continue;
    yield {
      source: `${file}[${from + stamps.length}-${count - 1}]`,
      code: "HDF5_UNREADABLE",
      message: `not tried, after ${lost} stamps that could not be read`,
      kept: false,
    };
    return;
  }
}

/** The stamps of a block; where it cannot be read, each on its own, so that only the damaged ones are lost. */
async function readBlock(path: string, from: number, to: number): Promise<(Hdf5Stamp | Error)[]> {
  try {
    return await decode("hdf5Stamps", [path], { path, from, to });
  } catch (error) {
    if (to - from === 1) return [error as Error];
    const middle = Math.floor((from + to) / 2);
    return [...(await readBlock(path, from, middle)), ...(await readBlock(path, middle, to))];
  }
}

/** Id, position and columns of an object by the usual names, as tables have them. */
function describedBy(columns: Record<string, Cell[]>): (i: number) => {
  id: string | null;
  position: Position | null;
  others: Record<string, Cell>;
} {
  const names = Object.keys(columns);
  const textAt = (row: number, name: string) => {
    const value = columns[name][row];
    return value === null || value === "" ? null : String(value);
  };
  const idColumn = idColumnOf({ columns: names, textAt, rows: Object.values(columns)[0] ?? [] });
  const place = positionColumns(names);
  const hidden = [idColumn, place?.ra[0], place?.dec[0]].filter((one) => /^(id|ra|dec)$/i.test(one ?? ""));
  return (i) => {
    const own = Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, values[i]]));
    const id = idColumn === undefined ? null : textAt(i, idColumn);
    const position = place === null ? null : inSphere(angle(own[place.ra[0]], "ra"), angle(own[place.dec[0]], "dec"));
    return { id, position, others: ownColumns(own, hidden) };
  };
}

const angle = (value: Cell, of: "ra" | "dec") => angleOfText(value === null ? "" : String(value), of);

function* asStamp(
  file: string,
  i: number,
  stamp: Hdf5Stamp,
  { widthPx, heightPx }: Hdf5Head,
  describe: ReturnType<typeof describedBy>,
  labels: Labels | null,
): Generator<NewStamp | Problem> {
  const { id, position, others } = describe(i);
  const name = id ?? `${basename(file).replace(/\.(h5|hdf5)$/i, "")}_${i}`;
  const row = labels?.takeId(name);
  const described = {
    id: row?.id ?? name,
    ...(position ?? row?.position ?? { raDeg: null, decDeg: null }),
    source: `${file}[${i}]`,
    columns: { ...others, ...row?.columns },
    widthPx,
    heightPx,
  };
  if (stamp.kind === "flux") yield* judged({ ...described, codec: "f32", data: stamp.data }, stamp.quality);
  else if (stamp.flat)
    yield { source: described.source, code: "NO_SIGNAL", message: "every pixel has the same value", kept: false };
  else yield { ...described, codec: "png", bytes: stamp.bytes };
}
