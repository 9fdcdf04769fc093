/** What is said of a detection beside its box: place, light, pixels without a measurement. */
import type { Detection } from "../contract/detection.ts";

/** Bits of a detection's `flag`. */
const FLAG = {
  /** More than a fifth of the box has no measurement. */
  nan: 1,
  /** The box touches the border of the image. */
  border: 2,
} as const;

/** A detection with everything that its catalogue holds; pixels are those of the whole image. */
export interface Found extends Detection {
  /** Centre: of its light where it has a mask, else of the box. */
  x: number;
  y: number;
  /** Pixels of the mask; of the box where there is none. */
  areaPx: number;
  /** Sum over the mask in each band, in the image's unit. */
  fluxes: number[];
  /** Share of the box without a measurement in some band. */
  nanShare: number;
  flag: number;
  /** Signal-to-noise, where it is known. */
  snr: number | null;
  /** Which tile it was found in: "column,row". */
  tile: string;
}

/** Pixels [bands, H, W] of a part of an image, and where they lie in it. */
export interface TilePixels {
  data: Float32Array;
  bands: number;
  x0: number;
  y0: number;
  width: number;
  height: number;
  /** Size of the whole image. */
  imageWidth: number;
  imageHeight: number;
  tile: string;
}

/**
 * Describes a detection of a part, in pixels of the part, and gives it the image's pixels. The light is summed as it stands:
 * images whose sky is not subtracted give their sky with it. `known` replaces what the caller measured better.
 */
export function describeFound(detection: Detection, part: TilePixels, known: Partial<Found> = {}): Found {
  const { data, bands, x0, y0, width: W, height: H, imageWidth, imageHeight } = part;
  const { mask } = detection;
  const N = W * H;
  const fluxes = new Array<number>(bands).fill(0);
  const [left, top] = [Math.max(0, Math.floor(detection.x1)), Math.max(0, Math.floor(detection.y1))];
  const [right, bottom] = [Math.min(W, Math.ceil(detection.x2)), Math.min(H, Math.ceil(detection.y2))];
  let [bad, areaPx, light, lightX, lightY] = [0, 0, 0, 0, 0];
  for (let y = top; y < bottom; y++)
    for (let x = left; x < right; x++) {
      const p = y * W + x;
      let [sum, finite] = [0, true];
      for (let band = 0; band < bands; band++) {
        const value = data[band * N + p];
        if (Number.isFinite(value)) sum += value;
        else finite = false;
      }
      if (!finite) bad++;
      if (mask !== undefined && !isSet(mask, x, y)) continue;
      areaPx++;
      for (let band = 0; band < bands; band++) {
        const value = data[band * N + p];
        if (Number.isFinite(value)) fluxes[band] += value;
      }
      const weight = Math.max(0, sum);
      light += weight;
      lightX += weight * x;
      lightY += weight * y;
    }
  const pixels = (right - left) * (bottom - top);
  const nanShare = pixels > 0 ? bad / pixels : 1;
  const box = { x1: detection.x1 + x0, y1: detection.y1 + y0, x2: detection.x2 + x0, y2: detection.y2 + y0 };
  const touches = box.x1 <= 0 || box.y1 <= 0 || box.x2 >= imageWidth || box.y2 >= imageHeight;
  const centred = mask !== undefined && light > 0;
  return {
    ...detection,
    ...box,
    ...(mask === undefined ? {} : { mask: { ...mask, x: mask.x + x0, y: mask.y + y0 } }),
    x: x0 + (centred ? lightX / light : (detection.x1 + detection.x2 - 1) / 2),
    y: y0 + (centred ? lightY / light : (detection.y1 + detection.y2 - 1) / 2),
    areaPx,
    fluxes,
    nanShare,
    flag: (nanShare > 0.2 ? FLAG.nan : 0) | (touches ? FLAG.border : 0),
    snr: null,
    tile: part.tile,
    ...known,
  };
}

function isSet(mask: NonNullable<Detection["mask"]>, x: number, y: number): boolean {
  const [dx, dy] = [x - mask.x, y - mask.y];
  return dx >= 0 && dy >= 0 && dx < mask.width && dy < mask.height && mask.bits[dy * mask.width + dx] === 1;
}
