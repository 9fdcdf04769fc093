import type { Stamp } from "../survey/folder.ts";
import { adaptiveCrop, centralSquare, resizeArea } from "./crop.ts";
import { renderFlux } from "./render.ts";

/**
 * A stamp as a model sees it: [3, size, size] in [0, 1], red first, top row as stored. Flux in g, r, z is rendered by
 * the Legacy viewer's arcsinh without rounding to 8 bits; pictures are taken as they are. With `adaptiveCrop` the
 * square around the central galaxy is cut first (facts of the paper's code), else the largest centred square.
 */
export function modelInput(stamp: Stamp, options: { sizePx: number; adaptiveCrop: boolean }): Float32Array {
  const { widthPx, heightPx } = stamp;
  const rgb = stamp.kind === "flux" ? renderFlux(stamp) : stamp.data;
  const box = options.adaptiveCrop ? adaptiveCrop(rgb, widthPx, heightPx) : centralSquare(widthPx, heightPx);
  return resizeArea(rgb, 3, widthPx, heightPx, box, options.sizePx);
}
