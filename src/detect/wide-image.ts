/** An image to find objects in: FITS of one or several bands, or a picture; read in parts. */
import { readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import sharp from "sharp";
import { SkyloopError } from "../base/errors.ts";
import type { PixelKind, Problem } from "../contract/survey.ts";
import { openMosaic } from "../stamps/mosaic.ts";
import { bandsInFileName } from "../survey/bands.ts";
import { decode } from "../survey/decode/index.ts";
import type { FitsCard } from "../survey/fits.ts";
import { decodePicture } from "../survey/folder.ts";
import { stemOf } from "../survey/labels.ts";
import { parseWcs, type Wcs } from "../survey/wcs.ts";

/** Pixels of a stamp as a survey keeps them. */
export type StampPixels =
  | { codec: "f32"; data: Float32Array; quality: number }
  | { codec: "png"; bytes: Uint8Array; quality: number };

/** An opened image. Positions are 0-based pixels in the file's order. */
export interface WideImage {
  name: string;
  /** Its files as absolute paths. */
  paths: string[];
  /** Its mask of bad pixels as an absolute path, where it has one. */
  maskPath?: string;
  kind: PixelKind;
  bands: string[];
  unit: string;
  widthPx: number;
  heightPx: number;
  pixelScaleArcsec: number | null;
  /** Header of the image and of its file; empty for pictures. */
  cards: FitsCard[];
  primary: FitsCard[];
  wcs: Wcs | null;
  problems: Problem[];
  /** The part [bands, height, width]; of a picture in [0, 1], red first. */
  read(x0: number, y0: number, width: number, height: number): Promise<Float32Array>;
  /** Side of its stamps. */
  stampPx: number;
  /** A stamp around a pixel, as surveys hold them. */
  stamp(x: number, y: number): Promise<StampPixels>;
  close(): void;
}

/**
 * Opens an image: a FITS file, several with one band each (paths joined by commas), or a picture. `bands` chooses and orders
 * bands. Throws FILE_UNREADABLE, FITS_UNREADABLE, IMAGE_BROKEN, NO_IMAGE, WRONG_SHAPE, BAND_MISSING.
 */
export async function openWide(given: string, bands: string[] | null, stampPx: number): Promise<WideImage> {
  const paths = given.split(",");
  if (paths.length === 1 && /\.(jpe?g|png|webp)$/i.test(given)) return openPicture(given, stampPx);
  const mosaic = await openMosaic(paths, bands ?? bandsOfFiles(paths), stampPx);
  if (new Set(mosaic.bands).size < mosaic.bands.length) {
    mosaic.close();
    throw new SkyloopError(
      "BAND_MISSING",
      `the headers of ${given} name the bands ${mosaic.bands.join(", ")}, one of them twice; name one a plane with --bands`,
    );
  }
  const { cut, ...image } = mosaic;
  return {
    ...image,
    name: stemOf(paths[0]),
    paths: paths.map((path) => resolve(path)),
    kind: "flux",
    stampPx,
    wcs: wcsOrNone(mosaic.cards, mosaic.primary),
    stamp: async (x, y) => ({ codec: "f32", ...(await cut({ x, y })) }),
  };
}

/** The bands in the names of files of one band each; null where they tell none, or one twice. */
function bandsOfFiles(paths: string[]): string[] | null {
  if (paths.length === 1) return null;
  const bands = paths.map((path) => bandsInFileName(stemOf(path))[0]?.band);
  return bands.every((band) => band !== undefined) && new Set(bands).size === bands.length ? bands : null;
}

/** The mosaic has named coordinates that cannot be used among its problems. */
function wcsOrNone(cards: FitsCard[], primary: FitsCard[]): Wcs | null {
  try {
    return parseWcs(cards, primary);
  } catch {
    return null;
  }
}

async function openPicture(path: string, stampPx: number): Promise<WideImage> {
  const { widthPx: W, heightPx: H } = await decode("picture", [path], { path });
  const pixels = await decodePicture(readFileSync(path));
  return {
    name: stemOf(basename(path)),
    paths: [resolve(path)],
    kind: "colour",
    stampPx,
    bands: ["r", "g", "b"],
    unit: "colour",
    widthPx: W,
    heightPx: H,
    pixelScaleArcsec: null,
    cards: [],
    primary: [],
    wcs: null,
    problems: [],
    async read(x0, y0, width, height) {
      const out = new Float32Array(3 * height * width);
      for (let c = 0; c < 3; c++)
        for (let y = 0; y < height; y++) {
          const from = (c * H + y0 + y) * W + x0;
          out.set(pixels.subarray(from, from + width), (c * height + y) * width);
        }
      return out;
    },
    async stamp(x, y) {
      const [left, top] = [x, y].map((at) => Math.round(at - (stampPx - 1) / 2));
      const rgb = Buffer.alloc(3 * stampPx * stampPx);
      for (let row = Math.max(0, -top); row < Math.min(stampPx, H - top); row++)
        for (let column = Math.max(0, -left); column < Math.min(stampPx, W - left); column++)
          for (let c = 0; c < 3; c++)
            rgb[3 * (row * stampPx + column) + c] = Math.round(255 * pixels[(c * H + top + row) * W + left + column]);
      const bytes = await sharp(rgb, { raw: { width: stampPx, height: stampPx, channels: 3 } })
        .png()
        .toBuffer();
      return { codec: "png", bytes, quality: 0 };
    },
    close() {},
  };
}
