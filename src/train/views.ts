/** From the images in memory to the material of a step: which galaxies, and two views of each. */
import type { Random } from "../base/random.ts";
import { augment, DEFAULT_AUGMENT } from "../batches/augment.ts";
import type { ImageBank, Truth } from "../batches/image-bank.ts";
import { type Noise, noiseFrom } from "../batches/noise.ts";
import { randomStretch } from "../batches/stretch.ts";
import { commonRange } from "../models/feature-pooling.ts";
import { cat, noGrad, scope, type Tensor } from "../torch/index.ts";
import type { Recipe } from "./recipe.ts";

export type ViewSettings = Pick<Recipe, "viewPx" | "commonRange">;

/** Real galaxies first, simulated ones last. */
export function realFirst(rows: number[], isSimulated: (row: number) => boolean): { rows: number[]; real: number } {
  const real = rows.filter((row) => !isSimulated(row));
  return { rows: [...real, ...rows.filter(isSimulated)], real: real.length };
}

/**
 * Two views of each image, [2 B, 3, S, S]: all first views, then all second ones. The images are [B, 3, s, s], `real` pictures first and then flux, which is shown by
 * another stretch in each view. Everything random comes from `random`, the noise through `noise`.
 */
export function viewsOf(images: Tensor, real: number, random: Random, settings: ViewSettings, noise: Noise): Tensor {
  return noGrad(() =>
    scope(() => {
      const B = images.shape[0];
      const shown = () => {
        const parts = [...(real > 0 ? [images.slice(0, 0, real)] : []), ...(real < B ? [randomStretch(images.slice(0, real, B), random, noise)] : [])];
        const view = augment(cat(parts, 0), random, { ...DEFAULT_AUGMENT, sizePx: settings.viewPx }, noise);
        return settings.commonRange ? commonRange(view) : view;
      };
      return cat([shown(), shown()], 0);
    }),
  );
}

/** Two views of each of the galaxies, real ones first, and what is true of them. */
export function makeViews(
  bank: ImageBank,
  picked: number[],
  random: Random,
  settings: ViewSettings,
  table: Float32Array,
): { views: Tensor; truth: (Truth | null)[] } {
  const { rows, real } = realFirst(picked, (row) => bank.truth[row] !== null);
  const views = noGrad(() => scope(() => viewsOf(bank.take(rows), real, random, settings, noiseFrom(table, random))));
  return { views, truth: rows.map((row) => bank.truth[row]) };
}
