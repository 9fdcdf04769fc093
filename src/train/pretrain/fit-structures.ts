/** What painting structures into galaxies changes in an encoder's features: what columns that tell them are fitted on. */
import { Random } from "../../base/random.ts";
import { paintable, paintOne, type Structure, strengthOf } from "../../stamps/structures/paint.ts";
import { type Tensor, tensor } from "../../torch/index.ts";

/** What becomes a column each; dust lanes, clumps and bright middles besides these take from bars and perturbation. */
const TOLD: readonly { structure: Structure; ringed?: boolean }[] = [
  { structure: "bar" },
  { structure: "bar", ringed: true },
  { structure: "ring" },
  { structure: "arms" },
  { structure: "companion" },
  { structure: "warp" },
  { structure: "tail" },
  { structure: "tilt" },
];

/** Galaxies to paint on, at most. */
export const PAINTED_ROWS = 2000;

/** Features [n, k] of images [n, 3, S, S] of the bank's rows, whatever `show` makes of them. */
export type ReadRows = (rows: number[], show?: (images: Tensor, rows: number[]) => Tensor) => Tensor;

/**
 * For each column the features [n, k] of galaxies with one structure painted in, less those without, `before` [n, k].
 * Galaxies too flat or too small to be painted on change nothing.
 */
export function structureChanges(read: ReadRows, rows: number[], before: Tensor, seed: number): Tensor[] {
  return TOLD.map(({ structure, ringed }, column) => {
    const random = new Random(seed).fork(`structure ${column}`);
    const strength = strengthOf(structure);
    const paint = (images: Tensor, own: number[]) => {
      const pixels = images.toFloat32Array();
      const [n, , sizePx] = images.shape;
      for (let i = 0; i < n; i++) {
        const picture = { sizePx, pixels: pixels.slice((i * pixels.length) / n, ((i + 1) * pixels.length) / n) };
        const disc = paintable(picture);
        if (disc === null) continue;
        const shown = paintOne(picture, disc, structure, random.fork(own[i]), { strength, ringed });
        pixels.set(shown.pixels, (i * pixels.length) / n);
      }
      return tensor(pixels, images.shape);
    };
    return read(rows, paint).sub(before);
  });
}
