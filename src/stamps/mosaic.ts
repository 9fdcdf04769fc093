/** Wide images of several bands, opened for cutting: each band by its own coordinates. */
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { codeOf, messageOf, SkyloopError } from "../base/errors.ts";
import type { Problem } from "../contract/survey.ts";
import { decode } from "../survey/decode/index.ts";
import { chooseImages, type ImageHdu } from "../survey/decode/planes.ts";
import { cardNumber, type FitsHdu } from "../survey/fits.ts";
import { turnNorthUp, turnPlane } from "../survey/orient.ts";
import { UNKNOWN_UNIT, unitFactor, unitOfHeaders } from "../survey/units.ts";
import { parseWcs, type Wcs } from "../survey/wcs.ts";
import { boxAround, padStamp } from "./cut.ts";
import { type ImageLayer, type PlacedBand, readMoved, readSections } from "./mosaic-read.ts";

/** Where a stamp is to be cut: on the sky, or at a pixel of the first image. */
export type CutPosition = { raDeg: number; decDeg: number } | { x: number; y: number };

/** Opened images of one or more bands, from which stamps [bands, size, size] are cut. */
export interface Mosaic {
  unit: string;
  bands: string[];
  pixelScaleArcsec: number | null;
  /** Size of the first image, whose pixels positions are given in. */
  widthPx: number;
  heightPx: number;
  /** Header of the first image, and of its file. */
  cards: FitsHdu["cards"];
  primary: FitsHdu["cards"];
  problems: Problem[];
  /** The sky at a place; null where the images have no coordinates. */
  skyOf(place: CutPosition): { raDeg: number; decDeg: number } | null;
  /** Whether the first image's coordinates show that place. */
  shows(place: CutPosition): boolean;
  /** [bands, size, size], north up, NaN off the image. Throws STAMP_OFF_IMAGE, FITS_UNREADABLE. */
  cut(place: CutPosition): Promise<{ data: Float32Array; quality: number }>;
  /**
   * The part [bands, height, width] of the first image's pixels, in the file's order, other bands moved onto them by whole pixels;
   * NaN where a band has none. Throws FITS_UNREADABLE.
   */
  read(x0: number, y0: number, width: number, height: number): Promise<Float32Array>;
  /** Removes what was unpacked. */
  close(): void;
}

/**
 * Opens FITS images, one a band or one for several; without `bands` all that they hold. Throws FITS_UNREADABLE, NO_IMAGE, WCS_UNSUPPORTED, WRONG_SHAPE,
 * BAND_MISSING.
 */
export async function openMosaic(paths: string[], bands: string[] | null, sizePx: number): Promise<Mosaic> {
  const folder = mkdtempSync(join(tmpdir(), "skyloop-wide-"));
  const problems: Problem[] = [];
  const layers: ImageLayer[] = [];
  const close = () => {
    for (const { raw } of layers) if (raw !== null) closeSync(raw.file);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    for (const path of paths) layers.push(...(await openLayers(path, folder, layers.length, problems)));
    const order = bands === null ? allPlanes(layers) : orderOf(layers, paths, bands);
    checkTogether(layers, sizePx);
    const unit = layers.map((layer) => layer.unit).find((name) => name !== UNKNOWN_UNIT) ?? UNKNOWN_UNIT;
    for (const layer of layers)
      if (unitFactor(layer.unit, unit) === null)
        problems.push({
          source: basename(layer.path),
          code: "UNIT_DIFFERS",
          message: `is in ${layer.unit}, the survey in ${unit}; its values are kept as they are`,
          kept: true,
        });
    return { ...mosaicOf(layers, order, unit, sizePx), problems, close };
  } catch (error) {
    close();
    throw error;
  }
}

async function openLayers(path: string, folder: string, from: number, problems: Problem[]): Promise<ImageLayer[]> {
  const hdus = await decode("fitsHdus", [path], { path });
  const { images, leftOut } = chooseImages(hdus, null);
  if (images.length === 0)
    throw new SkyloopError(
      "NO_IMAGE",
      `${path} holds no image${leftOut.length === 0 ? "" : ` but ${leftOut.join(", ")}`}; give the file that holds the pixels`,
    );
  const note = (code: string, message: string) => problems.push({ source: basename(path), code, message, kept: true });
  if (leftOut.length > 0) note("PLANE_LEFT_OUT", `left out: ${leftOut.join(", ")}`);
  if (hdus.some(({ cards }) => cards.some(([key]) => key === "DATASUM" || key === "CHECKSUM")))
    for (const hdu of await decode("fitsWrongSums", [path], { path }))
      note(
        "CHECKSUM_WRONG",
        `CHECKSUM or DATASUM of HDU ${hdu} is not that of its bytes: the file was damaged or changed after it was written`,
      );
  const layers: ImageLayer[] = [];
  for (const [i, image] of images.entries()) {
    layers.push({
      ...image,
      path,
      primary: hdus[0].cards,
      unit: unitOfHeaders([image.cards, hdus[0].cards]),
      wcs: wcsOf(image.cards, hdus, note),
      raw: await openUnpacked(path, image, join(folder, `${from + i}.f32`)),
    });
  }
  return layers;
}

/** Unpacks an image to `to` where its file is packed, so that parts of it can be read; else null. Throws FITS_UNREADABLE. */
export async function openUnpacked(
  path: string,
  { hdu, cards }: Pick<ImageHdu, "hdu" | "cards">,
  to: string,
): Promise<ImageLayer["raw"]> {
  const packed = /\.(gz|bz2|Z)$/i.test(path) || cards.some(([key]) => key === "ZCMPTYPE");
  if (!packed) return null;
  await decode("fitsUnpack", [path], { path, hdu, to });
  return { file: openSync(to, "r") };
}

/** Without usable coordinates an image can still be cut at pixels. */
function wcsOf(cards: FitsHdu["cards"], hdus: FitsHdu[], note: (code: string, message: string) => void): Wcs | null {
  try {
    return parseWcs(cards, hdus[0].cards);
  } catch (error) {
    note(codeOf(error) ?? "WCS_UNSUPPORTED", `${messageOf(error)}; stamps can be cut at columns x and y only`);
    return null;
  }
}

const allPlanes = (layers: ImageLayer[]) =>
  layers.flatMap((layer) => layer.bands.map((name, plane) => ({ layer, plane, name })));

/** Which plane of which layer is each band: by name in a file of several, else as they stand. Throws BAND_MISSING. */
function orderOf(layers: ImageLayer[], paths: string[], bands: string[]): PlacedBand[] {
  const all = allPlanes(layers);
  if (paths.length === 1) {
    const named = bands.map((band) => all.filter(({ name }) => name.toLowerCase() === band.toLowerCase()));
    if (named.every((found) => found.length === 1)) return named.map(([found]) => found);
  }
  if (all.length !== bands.length)
    throw new SkyloopError(
      "BAND_MISSING",
      `${all.length} planes (${all.map(({ name }) => name).join(", ")}) in ${paths.map((path) => basename(path)).join(", ")} for the bands ${bands.join(", ")}; name one band a plane with --bands`,
    );
  return all.map((one, i) => ({ ...one, name: bands[i] }));
}

/** Bands are cut where each of them shows the place, so their pixels must be of one size and lie alike. */
function checkTogether(layers: ImageLayer[], sizePx: number): void {
  const [first] = layers;
  for (const layer of layers.slice(1)) {
    const size = `${first.widthPx}x${first.heightPx} and ${layer.widthPx}x${layer.heightPx}`;
    if (first.wcs === null || layer.wcs === null) {
      if (layer.widthPx === first.widthPx && layer.heightPx === first.heightPx) continue;
      throw new SkyloopError(
        "WRONG_SHAPE",
        `the images of the bands differ in size (${size}) and have no coordinates; resample them to the same pixels`,
      );
    }
    const middle = { x: first.widthPx / 2, y: first.heightPx / 2 };
    const offsets = [
      [0, 0],
      [sizePx / 2, 0],
      [0, sizePx / 2],
    ].map(([dx, dy]) => {
      const sky = first.wcs?.pixelToSky(middle.x + dx, middle.y + dy) ?? null;
      const there = sky === null ? null : (layer.wcs?.skyToPixel(sky.raDeg, sky.decDeg) ?? null);
      return there === null ? null : [there.x - middle.x - dx, there.y - middle.y - dy];
    });
    const [origin, ...others] = offsets;
    if (origin !== null && others.every((o) => o !== null && Math.hypot(o[0] - origin[0], o[1] - origin[1]) <= 1))
      continue;
    throw new SkyloopError(
      "WRONG_SHAPE",
      `${basename(layer.path)} is turned or scaled against ${basename(first.path)} by their headers' coordinates (${size} px); resample them to the same pixels`,
    );
  }
}

function mosaicOf(
  layers: ImageLayer[],
  order: PlacedBand[],
  unit: string,
  sizePx: number,
): Omit<Mosaic, "problems" | "close"> {
  const [first] = layers;
  const options = { sizePx, pad: "nan" } as const;
  const skyOf = (place: CutPosition) => ("raDeg" in place ? place : (first.wcs?.pixelToSky(place.x, place.y) ?? null));
  const pixelOf = (layer: ImageLayer, place: CutPosition) => {
    const sky = layer === first && "x" in place ? null : skyOf(place);
    if (sky !== null && layer.wcs !== null) return layer.wcs.skyToPixel(sky.raDeg, sky.decDeg);
    return "x" in place ? place : null;
  };
  const turns = layers.map(({ wcs, widthPx, heightPx }) => turnNorthUp(wcs, (widthPx - 1) / 2, (heightPx - 1) / 2));
  return {
    unit,
    bands: order.map(({ name }) => name),
    widthPx: first.widthPx,
    heightPx: first.heightPx,
    cards: first.cards,
    primary: first.primary,
    read: (x0, y0, width, height) => readMoved(layers, order, unit, { x0, y0, width, height }, pixelOf),
    pixelScaleArcsec: first.wcs?.pixelScaleArcsec ?? cardNumber(first.cards, "PIXSCALE") ?? null,
    skyOf,
    shows: (place) => pixelOf(first, place) !== null,
    async cut(place) {
      const boxes = layers.map((layer) => {
        const pixel = pixelOf(layer, place);
        if (pixel === null)
          throw new SkyloopError("STAMP_OFF_IMAGE", `${basename(layer.path)} does not show this place of the sky`);
        return boxAround(layer, pixel, options);
      });
      const sections = await readSections(layers, boxes);
      const stamps = layers.map(({ planes }, i) => padStamp(sections[i], planes, boxes[i], options));
      const N = sizePx ** 2;
      const data = new Float32Array(order.length * N);
      for (const [i, { layer, plane }] of order.entries()) {
        const at = layers.indexOf(layer);
        const factor = unitFactor(layer.unit, unit) ?? 1;
        const own = turnPlane(stamps[at].data.subarray(plane * N, (plane + 1) * N), sizePx, sizePx, turns[at]);
        data.set(factor === 1 ? own : own.map((value) => value * factor), i * N);
      }
      return { data, quality: stamps.reduce((bits, { quality }) => bits | quality, 0) };
    },
  };
}
