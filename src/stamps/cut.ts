/** Cutting stamps out of larger images. */
import { SkyloopError } from "../base/errors.ts";
import { QUALITY } from "../survey/quality.ts";

/** A wide image that is read in parts, so that it need not fit into memory. */
export interface Wide {
  widthPx: number;
  heightPx: number;
  planes: number;
  /** Reads columns x0.., rows y0.. of every plane: [planes, height, width]. */
  section(x0: number, y0: number, width: number, height: number): Float32Array;
}

/** The side of a stamp, and what to do where it leaves the image. */
export interface CutOptions {
  sizePx: number;
  /** What stands where the stamp leaves the image. */
  pad: "zero" | "nan" | "error";
}

/** The part of a stamp that lies on the image, and where the stamp's own corner is. */
export interface CutBox {
  left: number;
  bottom: number;
  x0: number;
  y0: number;
  width: number;
  height: number;
}

/** Where a stamp around (x, y) lies on an image. Throws STAMP_OFF_IMAGE where nothing of it does, or not all
 * of it and `pad` is "error". */
export function boxAround(
  image: Pick<Wide, "widthPx" | "heightPx">,
  { x, y }: { x: number; y: number },
  { sizePx, pad }: CutOptions,
): CutBox {
  const [left, bottom] = [Math.round(x - (sizePx - 1) / 2), Math.round(y - (sizePx - 1) / 2)];
  const [x0, y0] = [Math.max(0, left), Math.max(0, bottom)];
  const [x1, y1] = [Math.min(image.widthPx, left + sizePx), Math.min(image.heightPx, bottom + sizePx)];
  const whole = x1 - x0 === sizePx && y1 - y0 === sizePx;
  if (!(x1 > x0 && y1 > y0) || (!whole && pad === "error"))
    throw new SkyloopError(
      "STAMP_OFF_IMAGE",
      `centre (x=${x.toFixed(1)}, y=${y.toFixed(1)}) with sizePx=${sizePx} leaves the image of ${image.widthPx}x${image.heightPx}; leave the source out, or pad where part of it lies on the image`,
    );
  return { left, bottom, x0, y0, width: x1 - x0, height: y1 - y0 };
}

/** The stamp [planes, size, size] from the part of it that lies on the image. */
export function padStamp(
  part: Float32Array,
  planes: number,
  { left, bottom, x0, y0, width, height }: CutBox,
  { sizePx, pad }: CutOptions,
): { data: Float32Array; quality: number } {
  if (width === sizePx && height === sizePx) return { data: part, quality: 0 };
  const data = new Float32Array(planes * sizePx * sizePx).fill(pad === "nan" ? Number.NaN : 0);
  for (let plane = 0; plane < planes; plane++)
    for (let row = 0; row < height; row++)
      data.set(
        part.subarray((plane * height + row) * width, (plane * height + row + 1) * width),
        (plane * sizePx + y0 - bottom + row) * sizePx + x0 - left,
      );
  return { data, quality: QUALITY.offEdge };
}
