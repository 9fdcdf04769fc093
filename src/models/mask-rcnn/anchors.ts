/** Anchors: boxes of a few sizes and shapes at every place of every map, which proposals start from. */
import type { Boxes } from "./boxes.ts";

/** Sides in px of the anchors of each map, finest first, and their shapes as height over width. */
export interface AnchorShapes {
  sizes: readonly (readonly number[])[];
  ratios: readonly number[];
}

/** Half to even, as tensors are rounded. */
function rounded(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? below + 1 : below;
}

/** The anchors of one place around (0, 0), rounded to whole pixels: for each shape every size. */
function anchorsOfPlace(sizes: readonly number[], ratios: readonly number[]): [number, number][] {
  return ratios.flatMap((ratio) => {
    const tall = Math.fround(Math.sqrt(ratio));
    const wide = Math.fround(1 / tall);
    return sizes.map((size): [number, number] => [Math.fround(wide * size) / 2, Math.fround(tall * size) / 2]);
  });
}

/**
 * All anchors of an image whose maps have the sides `grids` (height, width), map by map, row by row, place by place.
 */
export function anchorsOf(
  { sizes, ratios }: AnchorShapes,
  grids: readonly (readonly [number, number])[],
  image: { height: number; width: number },
): Boxes {
  const count = grids.reduce((sum, [H, W], level) => sum + H * W * sizes[level].length * ratios.length, 0);
  const out = new Float32Array(4 * count);
  let at = 0;
  for (const [level, [H, W]] of grids.entries()) {
    const shapes = anchorsOfPlace(sizes[level], ratios);
    const [down, across] = [Math.floor(image.height / H), Math.floor(image.width / W)];
    for (let row = 0; row < H; row++)
      for (let column = 0; column < W; column++)
        for (const [halfWidth, halfHeight] of shapes) {
          out[at++] = column * across + rounded(-halfWidth);
          out[at++] = row * down + rounded(-halfHeight);
          out[at++] = column * across + rounded(halfWidth);
          out[at++] = row * down + rounded(halfHeight);
        }
  }
  return out;
}
