/** The scale of a field's pixels on the sky. */
import type { Field } from "../contract/detection.ts";
import { chooseImages } from "./decode/planes.ts";
import { openFits } from "./fits.ts";
import { parseWcs } from "./wcs.ts";

/** Arcseconds a pixel by the image's coordinates; null for a picture and where there are none. */
export function fieldScale({ path }: Pick<Field, "path">): number | null {
  if (/\.(jpe?g|png|webp)$/i.test(path)) return null;
  const { hdus } = openFits(path);
  const [image] = chooseImages(hdus, null).images;
  return image === undefined ? null : (parseWcs(image.cards, hdus[0].cards)?.pixelScaleArcsec ?? null);
}
