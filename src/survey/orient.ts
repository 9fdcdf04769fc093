/** Turning pixels by quarters and mirroring them so that north is up and east left. */
import type { Wcs } from "./wcs.ts";

/** New axes in terms of the file's: x and y swapped first, then mirrored. */
export interface Turn {
  swap: boolean;
  flipX: boolean;
  flipY: boolean;
}

/** No turn. */
const AS_IT_IS: Turn = { swap: false, flipX: false, flipY: false };

/**
 * The turn after which north points along rising rows and east along falling columns as nearly as quarters allow; none
 * where the image has no coordinates there.
 */
export function turnNorthUp(wcs: Wcs | null, x: number, y: number): Turn {
  const centre = wcs?.pixelToSky(x, y) ?? null;
  if (wcs === null || centre === null || Math.abs(centre.decDeg) > 89.99) return AS_IT_IS;
  const step = (4 * wcs.pixelScaleArcsec) / 3600;
  const north = wcs.skyToPixel(centre.raDeg, centre.decDeg + (centre.decDeg > 0 ? -step : step));
  const east = wcs.skyToPixel(centre.raDeg + step / Math.cos((centre.decDeg * Math.PI) / 180), centre.decDeg);
  if (north === null || east === null) return AS_IT_IS;
  const sign = centre.decDeg > 0 ? -1 : 1;
  const n = unit(sign * (north.x - x), sign * (north.y - y));
  const e = unit(east.x - x, east.y - y);
  let [best, bestScore] = [AS_IT_IS, Number.NEGATIVE_INFINITY];
  for (const swap of [false, true])
    for (const flipY of [false, true])
      for (const flipX of [false, true]) {
        const [nx, ny] = swap ? [n[1], n[0]] : n;
        const [ex, ey] = swap ? [e[1], e[0]] : e;
        const score = (flipY ? -ny : ny) - (flipX ? -ex : ex) - 1e-6 * (Math.abs(nx) + Math.abs(ey));
        // An image that stands at 45 degrees stays as it is.
        if (score > bestScore + 1e-3) [best, bestScore] = [{ swap, flipX, flipY }, score];
      }
  return best;
}

function unit(x: number, y: number): [number, number] {
  const length = Math.hypot(x, y) || 1;
  return [x / length, y / length];
}

/** One plane [H, W] turned; height and width change places where axes are swapped. */
export function turnPlane(plane: Float32Array, widthPx: number, heightPx: number, turn: Turn): Float32Array {
  const { swap, flipX, flipY } = turn;
  if (!swap && !flipX && !flipY) return plane;
  const [width, height] = swap ? [heightPx, widthPx] : [widthPx, heightPx];
  const out = new Float32Array(plane.length);
  for (let y = 0; y < height; y++) {
    const v = flipY ? height - 1 - y : y;
    for (let x = 0; x < width; x++) {
      const u = flipX ? width - 1 - x : x;
      out[y * width + x] = swap ? plane[u * widthPx + v] : plane[v * widthPx + u];
    }
  }
  return out;
}

/** A plane [H, W] moved so that its pixel (x + dx, y + dy) comes to (x, y); NaN where nothing moved in. */
export function shiftPlane(
  plane: Float32Array,
  widthPx: number,
  heightPx: number,
  dx: number,
  dy: number,
): Float32Array {
  const out = new Float32Array(plane.length).fill(Number.NaN);
  for (let y = Math.max(0, -dy); y < Math.min(heightPx, heightPx - dy); y++)
    for (let x = Math.max(0, -dx); x < Math.min(widthPx, widthPx - dx); x++)
      out[y * widthPx + x] = plane[(y + dy) * widthPx + x + dx];
  return out;
}
