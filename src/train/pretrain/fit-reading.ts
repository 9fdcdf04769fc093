/** After training: the projection of a model's features, fitted on the images it was trained on. */
import { Random } from "../../base/random.ts";
import type { ImageBank } from "../../batches/image-bank.ts";
import { randomStretch } from "../../batches/stretch.ts";
import { fitProjection, joinProjections, type Projection } from "../../models/feature-projection.ts";
import { type FeatureReading, featuresOf } from "../../models/feature-reader.ts";
import type { SwinUnet } from "../../models/swin-unet.ts";
import { cat, manualSeed, noGrad, resizeBilinear, scope, type Tensor } from "../../torch/index.ts";

/** Galaxies to fit on; more change nothing that matters. */
const FIT_ROWS = 6000;
const BATCH = 64;

/**
 * `dim` half-whitened principal components of the features of the bank's real galaxies, or of the simulated ones, shown
 * by a stretch of their own, where it has no real ones; parameters that objectives have learned to tell, `told` [n, D],
 * among them. Images that are read both as they are and in a common range have half of the columns for each. Draws from
 * `seed`; leaves the model in evaluation.
 */
export function fitReading(
  model: SwinUnet,
  bank: ImageBank,
  reading: Omit<FeatureReading, "projection">,
  { dim, seed, told }: { dim: number; seed: number; told: Tensor | null },
): Projection {
  const random = new Random(seed).fork("projection");
  // Where images are in parts, those of the first one, which is the first process's however many there are.
  const all = Array.from(bank.truth.keys()).filter((row) => bank.shards === undefined || bank.shards.of[row] === 0);
  const real = all.filter((row) => bank.truth[row] === null);
  const pool = real.length > 0 ? real : all;
  const rows = random.shuffle(pool).slice(0, FIT_ROWS);
  const reader = featuresOf(model.eval(), { ...reading, projection: null });
  manualSeed(seed);
  return scope(() => {
    const parts: Tensor[] = [];
    for (let at = 0; at < rows.length; at += BATCH) {
      const batch = rows.slice(at, at + BATCH);
      parts.push(
        noGrad(() =>
          scope(() => {
            const images = bank.take(batch);
            const shown = real.length > 0 ? images : randomStretch(images, random);
            return reader.of(resizeBilinear(shown, reading.sizePx, reading.sizePx));
          }),
        ),
      );
    }
    const features = cat(parts, 0);
    if (reading.commonRange !== "both") return fitProjection(features, dim, told);
    const D = features.shape[1] / 2;
    const halves = [0, D].map((from) => fitProjection(features.slice(1, from, from + D), Math.floor(dim / 2), told));
    const joined = joinProjections(halves[0], halves[1]);
    for (const { mean, axes } of halves) for (const tensor of [mean, axes]) tensor.dispose();
    return joined;
  });
}
