/** After training: the projection of a model's features, fitted on the images it was trained on. */
import { Random } from "../../base/random.ts";
import type { ImageBank } from "../../batches/image-bank.ts";
import { randomStretch } from "../../batches/stretch.ts";
import { besideProjection, fitProjection, joinProjections, type Projection } from "../../models/feature-projection.ts";
import { type FeatureReading, featuresOf } from "../../models/feature-reader.ts";
import { ringPatternDim } from "../../models/ring-pooling.ts";
import type { SwinUnet } from "../../models/swin-unet.ts";
import { cat, manualSeed, noGrad, resizeBilinear, scope, type Tensor } from "../../torch/index.ts";

/** Galaxies to fit on; more change nothing that matters. */
const FIT_ROWS = 6000;
const BATCH = 64;

export interface FitOptions {
  dim: number;
  seed: number;
  told: Tensor | null;
  /** How many columns patterns in rings have, where the reading has them. */
  rings?: number;
  /** Taken over, and freed with what comes of it. */
  given?: Projection | null;
}

/**
 * `dim` half-whitened principal components of the features of the bank's real galaxies, or of the simulated ones, shown
 * by a stretch of their own, where it has no real ones; parameters that objectives have learned to tell, `told` [n, D],
 * among them. Images that are read both as they are and in a common range have half of the columns for each. Where a
 * projection is `given`, it is taken instead. A reading with rings has `rings` columns more, fitted beside it. Draws from
 * `seed`; leaves the model in evaluation.
 */
export function fitReading(
  model: SwinUnet,
  bank: ImageBank,
  reading: Omit<FeatureReading, "projection">,
  { dim, seed, told, rings = 0, given = null }: FitOptions,
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
    const width = features.shape[1] - (reading.rings ? ringPatternDim(model) : 0);
    const base =
      given ?? fitPooled(features.slice(1, 0, width), { dim, told, halves: reading.commonRange === "both" ? 2 : 1 });
    if (!reading.rings) return base;
    const whole = besideProjection(base, features, rings);
    free(base);
    return whole;
  });
}

/** The projection of pooled features [N, D], or of two kinds of them side by side, each with half of the columns. */
function fitPooled(features: Tensor, { dim, told, halves }: Pick<FitOptions, "dim" | "told"> & { halves: 1 | 2 }) {
  if (halves === 1) return fitProjection(features, dim, told);
  const D = features.shape[1] / 2;
  const parts = [0, D].map((from) => fitProjection(features.slice(1, from, from + D), Math.floor(dim / 2), told));
  const joined = joinProjections(parts[0], parts[1]);
  parts.forEach(free);
  return joined;
}

function free({ mean, axes }: Projection): void {
  mean.dispose();
  axes.dispose();
}
