/** A survey from wide images: stamps cut at a catalogue's positions. */

import { basename } from "node:path";
import { messageOf, SkyloopError } from "../base/errors.ts";
import type { Progress } from "../base/progress.ts";
import type { Problem, SurveyHeader } from "../contract/survey.ts";
import { readTable, type Table } from "../survey/catalogue.ts";
import { numberOf } from "../survey/cells.ts";
import { idColumns, positionColumns } from "../survey/column-names.ts";
import { cardNumber, readFitsHdus, readFitsImage } from "../survey/fits.ts";
import { judged } from "../survey/flux.ts";
import { SurveyWriter } from "../survey/folder.ts";
import { ownColumns, positionsOf, stemOf } from "../survey/labels.ts";
import type { Keeping } from "../survey/replace.ts";
import { parseWcs, type Wcs } from "../survey/wcs.ts";
import { cutStamp, type Wide } from "./cut.ts";

/** A survey cut from wide images: out folder, images and catalogue of positions, side of the stamps in px. */
export interface WideOptions {
  out: string;
  /** One FITS image a band (or one cube), on the same pixels. */
  images: string[];
  catalogue: string;
  bands: string[];
  sizePx: number;
  title?: string;
  adaptiveCrop: boolean;
  /** A survey that stands at `out` is replaced, and hands this on. */
  replace?: Keeping;
  command: string;
  progress: Progress;
}

interface Plane extends Wide {
  wcs: Wcs | null;
}

/** An image file whose pixels are read only where they are asked for. */
function openPlane(path: string): Plane {
  const hdus = readFitsHdus(path);
  const hdu = hdus.findIndex(({ type, shape }) => type === "image" && shape.length >= 2 && shape.every((n) => n > 0));
  if (hdu < 0) throw new SkyloopError("NO_IMAGE", `${path} holds no image`);
  const [widthPx, heightPx, ...others] = hdus[hdu].shape;
  return {
    widthPx,
    heightPx,
    planes: others.reduce((product, n) => product * n, 1),
    wcs: parseWcs(hdus[hdu].cards),
    section: (x0, y0, width, height) => readFitsImage(path, hdu, [x0, y0, width, height]).data,
  };
}

/** Where the rows of a catalogue lie on an image, and what they are called. */
function readPlaces(table: Table, wcs: Wcs | null, prefix: string, said: (problem: Problem) => void) {
  const positionOf = positionsOf(table, said);
  const column = (name: string) => table.columns.find((one) => one.toLowerCase() === name);
  // Pixels from 0, or SExtractor's from 1.
  const pixels = [
    { x: column("x"), y: column("y"), from: 0 },
    { x: column("x_image"), y: column("y_image"), from: 1 },
  ].find(({ x, y }) => x !== undefined && y !== undefined);
  const [idColumn] = idColumns(table.columns);
  const position = positionColumns(table.columns);
  const hidden = [idColumn, position?.ra[0], position?.dec[0]].filter((name) => /^(id|ra|dec)$/i.test(name ?? ""));
  return (row: number) => {
    const sky = positionOf(row);
    const id = (idColumn === undefined ? null : table.textAt(row, idColumn)) ?? `${prefix}_${row + 1}`;
    const columns = ownColumns(table.rows[row], hidden);
    if (wcs !== null && sky.raDeg !== null && sky.decDeg !== null)
      return { id, columns, sky, at: wcs.skyToPixel(sky.raDeg, sky.decDeg) };
    if (pixels === undefined) return { id, columns, sky, at: null };
    const at = [pixels.x, pixels.y].map((name) => numberOf(table.textAt(row, name as string) ?? "") - pixels.from);
    return { id, columns, sky, at: at.every(Number.isFinite) ? { x: at[0], y: at[1] } : null };
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
  const planes = images.map(openPlane);
  const [first] = planes;
  if (planes.some(({ widthPx, heightPx }) => widthPx !== first.widthPx || heightPx !== first.heightPx))
    throw new SkyloopError(
      "WRONG_SHAPE",
      `the images of the bands differ in size (${planes.map(({ widthPx, heightPx }) => `${widthPx}x${heightPx}`).join(", ")}); resample them to the same pixels`,
    );
  const total = planes.reduce((sum, plane) => sum + plane.planes, 0);
  if (total !== bands.length)
    throw new SkyloopError(
      "BAND_MISSING",
      `${total} planes in ${images.map((path) => basename(path)).join(", ")} for the bands ${bands.join(", ")}; name one band a plane with --bands`,
    );
  const table = await readTable(catalogue);
  const { rows } = table;
  const header = readFitsHdus(images[0]).find(({ shape }) => shape.length >= 2)?.cards ?? [];
  const scale = first.wcs?.pixelScaleArcsec ?? cardNumber(header, "PIXSCALE") ?? null;
  const writer = new SurveyWriter(
    out,
    {
      title: title ?? stemOf(images[0]),
      kind: "flux",
      bands,
      unit: "nanomaggy",
      pixelScaleArcsec: scale,
      adaptiveCrop,
      seed: null,
      command,
    },
    replace === undefined ? null : { keeping: replace, inputs: [...images, catalogue] },
  );
  try {
    for (const problem of table.problems) writer.problem(problem);
    const placeOf = readPlaces(table, first.wcs, stemOf(images[0]), (problem) => writer.problem(problem));
    for (let i = 0; i < rows.length; i++) {
      const source = table.placeOf(i);
      const { id, columns, sky: given, at: place } = placeOf(i);
      if (place === null) {
        writer.problem({
          source,
          code: "NO_POSITION",
          message: `${id}: no ra and dec that the image's WCS can place, and no x and y; the catalogue has the columns ${table.columns.slice(0, 12).join(", ")}`,
          kept: false,
        });
        continue;
      }
      try {
        const parts = planes.map((plane) => cutStamp(plane, place, { sizePx, pad: "nan" }));
        const data = new Float32Array(parts.reduce((sum, part) => sum + part.data.length, 0));
        parts.reduce((at, part) => {
          data.set(part.data, at);
          return at + part.data.length;
        }, 0);
        const sky = given.raDeg === null && first.wcs !== null ? first.wcs.pixelToSky(place.x, place.y) : given;
        for (const item of judged(
          {
            id,
            raDeg: sky.raDeg,
            decDeg: sky.decDeg,
            source,
            columns,
            quality: parts[0].quality,
            widthPx: sizePx,
            heightPx: sizePx,
            codec: "f32",
            data,
          },
          bands.length,
        )) {
          if ("code" in item) writer.problem(item);
          else writer.add(item);
        }
      } catch (error) {
        writer.problem({
          source,
          code: error instanceof SkyloopError ? error.code : "FITS_UNREADABLE",
          message: messageOf(error),
          kept: false,
        });
      }
      progress.update(i + 1, rows.length);
    }
    return await writer.finish();
  } catch (error) {
    writer.abort();
    throw error;
  } finally {
    progress.end();
  }
}
