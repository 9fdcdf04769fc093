/** From the images in memory to the material of a step: which galaxies, and two views of each. */
import type { Random } from "../base/random.ts";
import { augment, DEFAULT_AUGMENT } from "../batches/augment.ts";
import type { ImageBank, Truth } from "../batches/image-bank.ts";
import { randomStretch } from "../batches/stretch.ts";
import { commonRange } from "../models/feature-pooling.ts";
import { cat, noGrad, scope, type Tensor } from "../torch/index.ts";
import type { Recipe } from "./recipe.ts";

/** Real galaxies first, simulated ones last. */
const byTruth = (bank: ImageBank, rows: number[]): number[] => [
  ...rows.filter((row) => bank.truth[row] === null),
  ...rows.filter((row) => bank.truth[row] !== null),
];

/** Two views of each of the galaxies, real ones first, [2 B, 3, S, S], and what is true of them. Flux is shown by another stretch in each view. */
export function makeViews(bank: ImageBank, picked: number[], random: Random, recipe: Recipe): { views: Tensor; truth: (Truth | null)[] } {
  const rows = byTruth(bank, picked);
  const truth = rows.map((row) => bank.truth[row]);
  const real = truth.filter((known) => known === null).length;
  const views = noGrad(() =>
    scope(() => {
      const images = bank.take(rows);
      const shown = () => {
        const parts = [
          ...(real > 0 ? [images.slice(0, 0, real)] : []),
          ...(real < rows.length ? [randomStretch(images.slice(0, real, rows.length), random)] : []),
        ];
        const view = augment(cat(parts, 0), random, { ...DEFAULT_AUGMENT, sizePx: recipe.viewPx });
        return recipe.commonRange ? commonRange(view) : view;
      };
      return cat([shown(), shown()], 0);
    }),
  );
  return { views, truth };
}
