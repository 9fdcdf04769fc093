/** Pixels of a field: flux as it stands in its file, and the picture that a detector sees. */
import { readFileSync } from "node:fs";
import type { Field } from "../contract/detection.ts";
import { chooseImages } from "../survey/decode/planes.ts";
import { openFits } from "../survey/fits.ts";
import { decodePicture } from "../survey/folder.ts";
import { unitOfHeaders } from "../survey/units.ts";
import { type FluxPlanes, renderFlux } from "./render.ts";

/** Flux of a field in its file's order [bands, H, W] with the names of its bands and its unit; null for a picture. */
export function fieldFlux({ path }: Pick<Field, "path">): (FluxPlanes & { unit: string }) | null {
  if (/\.(jpe?g|png|webp)$/i.test(path)) return null;
  const source = openFits(path);
  const { images } = chooseImages(source.hdus, null);
  const [{ widthPx, heightPx, cards }] = images;
  const bands = images.flatMap((image) => image.bands);
  const data = new Float32Array(bands.length * heightPx * widthPx);
  let at = 0;
  for (const { hdu } of images) {
    const pixels = source.pixels(hdu);
    data.set(pixels, at);
    at += pixels.length;
  }
  return { data, widthPx, heightPx, bands, unit: unitOfHeaders([cards, source.hdus[0].cards]) };
}

/**
 * A field as a detector sees it: [3, H, W] in [0, 1], red first, rows as in the file (row 0 of a FITS file is the bottom of the sky).
 * Flux by the survey's usual rendering, pictures as they are; pixels without a measurement are 0. Meant for fields that
 * `readFields` has decoded once. Throws FILE_UNREADABLE, FITS_UNREADABLE.
 */
export async function fieldPixels(field: Pick<Field, "path">): Promise<Float32Array> {
  const flux = fieldFlux(field);
  return flux === null ? decodePicture(readFileSync(field.path)) : renderFlux(flux);
}
