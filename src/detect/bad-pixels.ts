/** Masks of bad pixels: images of whole numbers beside the images that are searched. */
import { closeSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { SkyloopError } from "../base/errors.ts";
import { openUnpacked } from "../stamps/mosaic.ts";
import { readSections } from "../stamps/mosaic-read.ts";
import { decode } from "../survey/decode/index.ts";
import { cardNumber, type FitsHdu } from "../survey/fits.ts";
import type { WideImage } from "./wide-image.ts";

/** One mask an image, in the same order. Throws BAD_OPTION. */
export function checkMasks(paths: readonly string[], masks: readonly (string | null)[] | null): void {
  if (masks !== null && masks.length !== paths.length)
    throw new SkyloopError(
      "BAD_OPTION",
      `--mask names ${masks.length} masks for ${paths.length} images; give one an image in the same order, joined by commas, with nothing between two commas for an image without one`,
    );
  if (masks?.every((path) => path === null))
    throw new SkyloopError("BAD_OPTION", "--mask names no file; give one, or leave the option out");
}

/** Shape and number type of an image HDU, as its header says it; tile-compressed ones say it in cards of their own. */
function maskHdu(path: string, hdus: FitsHdu[]): number {
  const at = hdus.findIndex(({ type, shape }) => type === "image" && shape.length >= 2 && shape.every((n) => n > 0));
  const unfit = (what: string) =>
    new SkyloopError(
      "MASK_UNFIT",
      `${path} ${what}; a mask of bad pixels is one FITS image of whole numbers, 0 where a pixel is good`,
    );
  if (at < 0) throw unfit("holds no image");
  const { shape, cards } = hdus[at];
  const planes = shape.slice(2).reduce((product, n) => product * n, 1);
  if (planes > 1) throw unfit(`has ${planes} planes`);
  if ((cardNumber(cards, "ZBITPIX") ?? cardNumber(cards, "BITPIX") ?? 0) <= 0) throw unfit("holds floating point");
  return at;
}

/**
 * The image with its bad pixels without a measurement: NaN in every band, where the first image of the FITS file `path` is not 0. It
 * is read with the image, part by part. Pixel (x, y) is that of the image in its file's order. Closing the answer closes the image.
 * Throws MASK_UNFIT, WRONG_SHAPE, FILE_UNREADABLE, FITS_UNREADABLE; the image stays open then.
 */
export async function withMask(image: WideImage, path: string): Promise<WideImage> {
  const hdus = await decode("fitsHdus", [path], { path });
  const hdu = maskHdu(path, hdus);
  const [widthPx, heightPx] = hdus[hdu].shape;
  if (widthPx !== image.widthPx || heightPx !== image.heightPx)
    throw new SkyloopError(
      "WRONG_SHAPE",
      `the mask ${path} has ${widthPx} x ${heightPx} px, ${image.name} ${image.widthPx} x ${image.heightPx}; give a mask of the same pixels`,
    );
  const folder = mkdtempSync(join(tmpdir(), "skyloop-mask-"));
  try {
    const raw = await openUnpacked(path, { hdu, cards: hdus[hdu].cards }, join(folder, "mask.f32"));
    const layer = { path, hdu, raw, widthPx, heightPx, planes: 1 };
    return {
      ...image,
      maskPath: resolve(path),
      async read(x0, y0, width, height) {
        const [data, [mask]] = await Promise.all([
          image.read(x0, y0, width, height),
          readSections([layer], [{ x0, y0, width, height }]),
        ]);
        return data.map((value, i) => (mask[i % mask.length] === 0 ? value : Number.NaN));
      },
      close() {
        if (raw !== null) closeSync(raw.file);
        rmSync(folder, { recursive: true, force: true });
        image.close();
      },
    };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}
