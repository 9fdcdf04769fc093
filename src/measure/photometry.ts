/** Light in apertures: whether a galaxy's brightness is what it was. */
import { SkyloopError } from "../base/errors.ts";

/** Shape of an image [bands, H, W] in a flat array. */
export interface BandShape {
  bands: number;
  heightPx: number;
  widthPx: number;
}

/** Points along the side of a pixel that decide how much of it lies in a circle. */
const SUBPIXELS = 5;

/** The share of pixel (x, y) that lies within `radiusPx` of (centreX, centreY); pixel centres are whole numbers. */
function shareInside(x: number, y: number, centreX: number, centreY: number, radiusPx: number): number {
  const distance = Math.hypot(x - centreX, y - centreY);
  if (distance < radiusPx - 1) return 1;
  if (distance > radiusPx + 1) return 0;
  let inside = 0;
  for (let i = 0; i < SUBPIXELS; i++)
    for (let j = 0; j < SUBPIXELS; j++) {
      const [dx, dy] = [(i + 0.5) / SUBPIXELS - 0.5, (j + 0.5) / SUBPIXELS - 0.5];
      if (Math.hypot(x + dx - centreX, y + dy - centreY) <= radiusPx) inside++;
    }
  return inside / SUBPIXELS ** 2;
}

/**
 * Sum of a plane [H, W] within a circle around its middle, less the sky: the median of the pixels at the plane's edge,
 * two wide. Pixels that the circle cuts count by the share inside, on a grid of 5 x 5 points. Throws BAD_MEASURE where
 * the circle reaches over the plane's edge.
 */
export function apertureLight(plane: Float32Array, heightPx: number, widthPx: number, radiusPx: number): number {
  const [centreX, centreY] = [(widthPx - 1) / 2, (heightPx - 1) / 2];
  if (!(radiusPx > 0 && radiusPx <= Math.min(centreX, centreY)))
    throw new SkyloopError(
      "BAD_MEASURE",
      `an aperture of ${radiusPx} px does not fit into an image of ${widthPx}x${heightPx} px`,
    );
  const edge: number[] = [];
  let [sum, area] = [0, 0];
  for (let y = 0; y < heightPx; y++)
    for (let x = 0; x < widthPx; x++) {
      const value = plane[y * widthPx + x];
      if (x < 2 || y < 2 || x >= widthPx - 2 || y >= heightPx - 2) edge.push(value);
      const share = shareInside(x, y, centreX, centreY, radiusPx);
      sum += share * value;
      area += share;
    }
  const sorted = Float64Array.from(edge).sort();
  const sky = (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
  return sum - area * sky;
}

/** Light of all bands of an image in a circle around its middle, as a share of a reference's. */
export function apertureRatio(
  image: Float32Array,
  reference: Float32Array,
  { bands, heightPx, widthPx }: BandShape,
  radiusPx: number,
): number {
  const N = heightPx * widthPx;
  const total = (planes: Float32Array) =>
    Array.from({ length: bands }, (_, band) =>
      apertureLight(planes.subarray(band * N, (band + 1) * N), heightPx, widthPx, radiusPx),
    ).reduce((a, b) => a + b, 0);
  return total(image) / total(reference);
}
