/** A survey from wide images: stamps cut at a catalogue's positions. */

import { codeOf, messageOf } from "../base/errors.ts";
import { inOrder } from "../base/in-order.ts";
import type { Progress } from "../base/progress.ts";
import type { Problem, SurveyHeader } from "../contract/survey.ts";
import { readTable, type Table } from "../survey/catalogue.ts";
import { numberOf } from "../survey/cells.ts";
import { positionColumns } from "../survey/column-names.ts";
import { decodeWidth } from "../survey/decode/index.ts";
import { judged } from "../survey/flux.ts";
import { type ChooseCrop, type SurveyOptions, SurveyWriter } from "../survey/folder.ts";
import { idColumnOf, ownColumns, positionsOf, stemOf } from "../survey/labels.ts";
import { judgeFlux } from "../survey/quality.ts";
import type { Keeping } from "../survey/replace.ts";
import { type CutPosition, type Mosaic, openMosaic } from "./mosaic.ts";

/** A survey cut from wide images: out folder, images and catalogue of positions, side of the stamps in px. */
export interface WideOptions {
  out: string;
  /** One FITS image a band (or one cube), on the same pixels. */
  images: string[];
  catalogue: string;
  bands: string[];
  sizePx: number;
  title?: string;
  /** Whether models see stamps cropped to the galaxy; a function decides it from the finished survey. */
  adaptiveCrop: boolean | ChooseCrop;
  /** A survey that stands at `out` is replaced, and hands this on. */
  replace?: Keeping;
  command: string;
  progress: Progress;
}

/** Where the rows of a catalogue lie on an image, and what they are called. */
function readPlaces(table: Table, mosaic: Mosaic, prefix: string, said: (problem: Problem) => void) {
  const positionOf = positionsOf(table, said);
  const column = (name: string) => table.columns.find((one) => one.toLowerCase() === name);
  // Pixels from 0, or SExtractor's from 1.
  const pixels = [
    { x: column("x"), y: column("y"), from: 0 },
    { x: column("x_image"), y: column("y_image"), from: 1 },
  ].find(({ x, y }) => x !== undefined && y !== undefined);
  const idColumn = idColumnOf(table);
  const position = positionColumns(table.columns);
  const hidden = [idColumn, position?.ra[0], position?.dec[0]].filter((name) => /^(id|ra|dec)$/i.test(name ?? ""));
  return (row: number) => {
    const sky = positionOf(row);
    const id = (idColumn === undefined ? null : table.textAt(row, idColumn)) ?? `${prefix}_${row + 1}`;
    const columns = ownColumns(table.rows[row], hidden);
    if (sky.raDeg !== null && sky.decDeg !== null) {
      const place = { raDeg: sky.raDeg, decDeg: sky.decDeg };
      if (mosaic.shows(place)) return { id, columns, sky, place };
    }
    if (pixels === undefined) return { id, columns, sky, place: null };
    const at = [pixels.x, pixels.y].map((name) => numberOf(table.textAt(row, name as string) ?? "") - pixels.from);
    return { id, columns, sky, place: at.every(Number.isFinite) ? { x: at[0], y: at[1] } : null };
  };
}

/**
 * Cuts one stamp a row; rows off the image or without a position are problems. Throws WRONG_SHAPE, BAND_MISSING,
 * NO_STAMPS.
 */
export async function createFromWide({
  out,
  images,
  catalogue,
  bands,
  sizePx,
  title,
  adaptiveCrop,
  replace,
  command,
  progress,
}: WideOptions): Promise<SurveyHeader> {
  const table = await readTable(catalogue);
  const { rows } = table;
  const mosaic = await openMosaic(images, bands, sizePx);
  const about: SurveyOptions = {
    title: title ?? stemOf(images[0]),
    kind: "flux",
    bands,
    unit: mosaic.unit,
    pixelScaleArcsec: mosaic.pixelScaleArcsec,
    adaptiveCrop,
    seed: null,
    command,
  };
  const replacing = replace === undefined ? null : { keeping: replace, inputs: [...images, catalogue] };
  const writer = orClose(mosaic, () => new SurveyWriter(out, about, replacing));
  try {
    for (const problem of [...table.problems, ...mosaic.problems]) writer.problem(problem);
    const placeOf = readPlaces(table, mosaic, stemOf(images[0]), (problem) => writer.problem(problem));
    const shown = table.columns.slice(0, 12).join(", ");
    let done = 0;
    const cutRow = async (row: number) => {
      const found = placeOf(row);
      return { ...found, cut: await cutAt(found.place, mosaic, shown) };
    };
    for await (const [i, { id, columns, sky: given, place, cut }] of inOrder(rows.keys(), decodeWidth(), cutRow)) {
      const source = table.placeOf(i);
      progress.update(++done, rows.length);
      if ("code" in cut) {
        writer.problem({ source, code: cut.code, message: `${id}: ${cut.message}`, kept: false });
        continue;
      }
      const sky = given.raDeg === null && place !== null ? mosaic.skyOf(place) : given;
      const position = { raDeg: sky?.raDeg ?? null, decDeg: sky?.decDeg ?? null };
      const stamp = { id, ...position, source, columns, widthPx: sizePx, heightPx: sizePx, ...cut };
      for (const item of judged({ ...stamp, codec: "f32" }, judgeFlux(cut.data, bands.length))) {
        if ("code" in item) writer.problem(item);
        else writer.add(item);
      }
    }
    return await writer.finish("check that the catalogue's positions lie on the image");
  } catch (error) {
    writer.abort();
    throw error;
  } finally {
    mosaic.close();
    progress.end();
  }
}

/** What `make` makes; where it throws, the images and what was unpacked of them are given back. */
function orClose<T>(mosaic: Mosaic, make: () => T): T {
  try {
    return make();
  } catch (error) {
    mosaic.close();
    throw error;
  }
}

/** The stamp at a place, or why there is none. */
async function cutAt(
  place: CutPosition | null,
  mosaic: Mosaic,
  columns: string,
): Promise<Awaited<ReturnType<Mosaic["cut"]>> | { code: string; message: string }> {
  if (place === null)
    return {
      code: "NO_POSITION",
      message: `no ra and dec that the image's WCS can place, and no x and y; the catalogue has the columns ${columns}`,
    };
  try {
    return await mosaic.cut(place);
  } catch (error) {
    return { code: codeOf(error) ?? "FITS_UNREADABLE", message: messageOf(error) };
  }
}
