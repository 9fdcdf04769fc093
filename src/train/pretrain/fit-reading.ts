/** After training: the projection of a model's features, fitted on the images it was trained on. */
import { SkyloopError } from "../../base/errors.ts";
import { Random } from "../../base/random.ts";
import type { ImageBank } from "../../batches/image-bank.ts";
import { randomStretch } from "../../batches/stretch.ts";
import { fitProjection, type Projection, readProjection } from "../../models/feature-projection.ts";
import { type FeatureReading, featuresOf } from "../../models/feature-reader.ts";
import { besideProjection, joinProjections, tellingProjection } from "../../models/join-projections.ts";
import { ringPatternDim } from "../../models/ring-pooling.ts";
import type { SwinUnet } from "../../models/swin-unet.ts";
import { cat, manualSeed, noGrad, resizeBilinear, scope, type Tensor, tensor } from "../../torch/index.ts";
import type { CatalogueShares } from "./catalogue.ts";
import type { Recipe } from "./recipe.ts";

/** Galaxies to fit on; more change nothing that matters. */
const FIT_ROWS = 6000;
const BATCH = 64;

/** Features [N, D] of rows of the bank, real ones as they are and simulated ones by a stretch that `random` draws. */
function featuresOfRows(
  model: SwinUnet,
  bank: ImageBank,
  reading: FeatureReading,
  rows: number[],
  random: Random | null,
): Tensor {
  const reader = featuresOf(model.eval(), reading);
  const parts: Tensor[] = [];
  for (let at = 0; at < rows.length; at += BATCH)
    parts.push(
      noGrad(() =>
        scope(() => {
          const images = bank.take(rows.slice(at, at + BATCH));
          const shown = random === null ? images : randomStretch(images, random);
          return reader.of(resizeBilinear(shown, reading.sizePx, reading.sizePx));
        }),
      ),
    );
  return cat(parts, 0);
}

/** Features [N, D] of real galaxies of the bank, or of simulated ones where it has no others, and without projection. */
function sampleFeatures(model: SwinUnet, bank: ImageBank, reading: Omit<FeatureReading, "projection">, seed: number) {
  const random = new Random(seed).fork("projection");
  // Where images are in parts, those of the first one, which is the first process's however many there are.
  const all = Array.from(bank.truth.keys()).filter((row) => bank.shards === undefined || bank.shards.of[row] === 0);
  const real = all.filter((row) => bank.truth[row] === null);
  const rows = random.shuffle(real.length > 0 ? real : all).slice(0, FIT_ROWS);
  manualSeed(seed);
  return featuresOfRows(model, bank, { ...reading, projection: null }, rows, real.length > 0 ? null : random);
}

/** How many columns features shall have, and what objectives have learned to tell. */
interface FitOptions {
  dim: number;
  seed: number;
  told: Tensor | null;
  /** How many columns patterns in rings have, where the reading has them. */
  rings?: number;
}

/**
 * `dim` half-whitened principal components of the features of the bank's real galaxies, or of the simulated ones, shown
 * by a stretch of their own, where it has no real ones; parameters that objectives have learned to tell, `told` [n, D],
 * among them. Images that are read both as they are and in a common range have half of the columns for each. A reading
 * with rings has `rings` columns more, fitted beside those. Draws from `seed`; leaves the model in evaluation.
 */
function fitReading(
  model: SwinUnet,
  bank: ImageBank,
  reading: Omit<FeatureReading, "projection">,
  { dim, seed, told, rings = 0 }: FitOptions,
): Projection {
  return scope(() => {
    const features = sampleFeatures(model, bank, reading, seed);
    const pooled = features.shape[1] - (reading.rings ? ringPatternDim(model) : 0);
    const halves = reading.commonRange === "both" ? 2 : 1;
    const base = fitPooled(features.slice(1, 0, pooled), { dim, told, halves });
    if (!reading.rings) return base;
    const whole = besideProjection(base, features, rings);
    freeProjection(base);
    return whole;
  });
}

/**
 * Beside a projection that is there (which stays the caller's): `rings` columns of patterns in rings, where that is not
 * 0, and what `catalogue` says of the bank's galaxies, where it is given (`join-projections.ts`).
 */
function fitBeside(
  model: SwinUnet,
  bank: ImageBank,
  reading: Omit<FeatureReading, "projection">,
  given: Projection,
  { seed, rings, catalogue }: { seed: number; rings: number; catalogue: CatalogueShares | undefined },
): Projection {
  return scope(() => {
    const whole = rings === 0 ? given : besideProjection(given, sampleFeatures(model, bank, reading, seed), rings);
    if (catalogue === undefined) return whole;
    const K = catalogue.names.length;
    const rows = Array.from({ length: bank.count }, (_, row) => row).filter((row) =>
      catalogue.weight.subarray(row * K, (row + 1) * K).some((value) => value > 0),
    );
    const z = featuresOfRows(model, bank, { ...reading, projection: whole }, rows, null);
    const of = (all: Float32Array) =>
      tensor(
        rows.flatMap((row) => Array.from(all.subarray(row * K, (row + 1) * K))),
        [rows.length, K],
      );
    const telling = tellingProjection(whole, z, of(catalogue.share), of(catalogue.weight));
    if (whole !== given) freeProjection(whole);
    return telling;
  });
}

/** What is fitted when training is over, as a recipe asks for it. */
export type FitSettings = Pick<Recipe, "projection" | "rings" | "steps" | "seed" | "initFrom">;

/** What is told of galaxies: by the objectives' heads, and by catalogues. */
export interface Told {
  heads: Tensor | null;
  catalogue?: CatalogueShares;
}

/**
 * The projection of finished weights: fitted on the bank, or, without a step, that of `initFrom` with columns beside it;
 * what `catalogue` says comes last. Null where no projection is asked for. Throws BAD_RECIPE.
 */
export function fitFeatures(
  model: SwinUnet,
  bank: ImageBank,
  reading: Omit<FeatureReading, "projection">,
  { projection: dim, rings, steps, seed, initFrom }: FitSettings,
  told: Told,
): Projection | null {
  if (steps > 0) {
    if (dim === undefined) return null;
    const fitted = scope(() => fitReading(model, bank, reading, { dim, seed, told: told.heads, rings }));
    if (told.catalogue === undefined) return fitted;
    const whole = fitBeside(model, bank, reading, fitted, { seed, rings: 0, catalogue: told.catalogue });
    freeProjection(fitted);
    return whole;
  }
  const given = initFrom === undefined ? null : readProjection(initFrom);
  const width = featuresOf(model, { ...reading, rings: reading.rings && rings === undefined, projection: null }).dim;
  if (given === null || given.axes.shape[0] !== width)
    throw new SkyloopError(
      "BAD_RECIPE",
      `with 0 steps the projection of initFrom is kept: ${initFrom ?? "nothing"} has ${given === null ? "none" : `one of ${given.axes.shape[0]} numbers`}, the recipe's reading has ${width}; give the reading of those weights`,
    );
  const whole = fitBeside(model, bank, reading, given, { seed, rings: rings ?? 0, catalogue: told.catalogue });
  if (whole !== given) freeProjection(given);
  return whole;
}

/** The projection of pooled features [N, D], or of two kinds of them side by side, each with half of the columns. */
function fitPooled(features: Tensor, { dim, told, halves }: Pick<FitOptions, "dim" | "told"> & { halves: 1 | 2 }) {
  if (halves === 1) return fitProjection(features, dim, told);
  const D = features.shape[1] / 2;
  const parts = [0, D].map((from) => fitProjection(features.slice(1, from, from + D), Math.floor(dim / 2), told));
  const joined = joinProjections(parts[0], parts[1]);
  parts.forEach(freeProjection);
  return joined;
}

/** Releases the tensors, mean and axes, of what was fitted. */
export function freeProjection({ mean, axes }: Projection): void {
  mean.dispose();
  axes.dispose();
}
