/** After training: the projection of a model's features, fitted on the images it was trained on. */
import { SkyloopError } from "../../base/errors.ts";
import { Random } from "../../base/random.ts";
import type { ImageBank } from "../../batches/image-bank.ts";
import { randomStretch } from "../../batches/stretch.ts";
import { ELLIPSE_PATTERN_DIM } from "../../models/ellipse-patterns.ts";
import { fitProjection, type Projection, readProjection } from "../../models/feature-projection.ts";
import { type FeatureReading, featuresOf } from "../../models/feature-reader.ts";
import {
  besideProjection,
  joinProjections,
  PATTERN_SHARES,
  structuresProjection,
  tellingProjection,
} from "../../models/join-projections.ts";
import { ringPatternDim } from "../../models/ring-pooling.ts";
import type { SwinUnet } from "../../models/swin-unet.ts";
import { cat, manualSeed, noGrad, resizeBilinear, scope, type Tensor, tensor } from "../../torch/index.ts";
import type { CatalogueShares } from "./catalogue.ts";
import { PAINTED_ROWS, type ReadRows, structureChanges } from "./fit-structures.ts";
import type { Recipe } from "./recipe.ts";

/** Galaxies to fit on; more change nothing that matters. */
const FIT_ROWS = 6000;
const BATCH = 64;

/** Features [N, D] of rows of the bank; `show` changes a part of their images before they are read. */
function featuresOfRows(
  model: SwinUnet,
  bank: ImageBank,
  reading: FeatureReading,
  rows: number[],
  show: (images: Tensor, rows: number[]) => Tensor = (images) => images,
): Tensor {
  const reader = featuresOf(model.eval(), reading);
  const parts: Tensor[] = [];
  for (let at = 0; at < rows.length; at += BATCH)
    parts.push(
      noGrad(() =>
        scope(() => {
          const own = rows.slice(at, at + BATCH);
          return reader.of(resizeBilinear(show(bank.take(own), own), reading.sizePx, reading.sizePx));
        }),
      ),
    );
  return cat(parts, 0);
}

/** Which rows of the bank are real galaxies, or all where there is none. */
function rowsToFit(bank: ImageBank): { rows: number[]; isReal: boolean } {
  // Where images are in parts, those of the first one, which is the first process's however many there are.
  const all = Array.from(bank.truth.keys()).filter((row) => bank.shards === undefined || bank.shards.of[row] === 0);
  const real = all.filter((row) => bank.truth[row] === null);
  return real.length > 0 ? { rows: real, isReal: true } : { rows: all, isReal: false };
}

/** Features [N, D] of real galaxies of the bank, or of simulated ones where it has no others, and without projection. */
function sampleFeatures(model: SwinUnet, bank: ImageBank, reading: Omit<FeatureReading, "projection">, seed: number) {
  const random = new Random(seed).fork("projection");
  const { rows: all, isReal } = rowsToFit(bank);
  const rows = random.shuffle(all).slice(0, FIT_ROWS);
  manualSeed(seed);
  const show = isReal ? undefined : (images: Tensor) => randomStretch(images, random);
  return featuresOfRows(model, bank, { ...reading, projection: null }, rows, show);
}

/** How many columns patterns are brought to, where they are fitted. */
type PatternColumns = Pick<Recipe, keyof typeof PATTERN_SHARES>;

/** How many columns features shall have, and what objectives have learned to tell. */
interface FitOptions extends PatternColumns {
  dim: number;
  seed: number;
  told: Tensor | null;
}

/** Width of the patterns in a row of features, which stand there in this order after what is pooled. */
function patternWidths(model: SwinUnet, { rings, ellipses }: Pick<FeatureReading, "rings" | "ellipses">) {
  return { rings: rings ? ringPatternDim(model) : 0, ellipses: ellipses ? ELLIPSE_PATTERN_DIM : 0 };
}

/**
 * `base`, a projection of the first of the columns of features [N, D], and beside it what `columns` asks for of the
 * patterns that follow; frees `base`.
 */
function withPatterns(
  base: Projection,
  features: Tensor,
  widths: ReturnType<typeof patternWidths>,
  columns: PatternColumns,
): Projection {
  let whole = base;
  for (const name of ["rings", "ellipses"] as const) {
    const dim = columns[name];
    if (dim === undefined) continue;
    const known = features.slice(1, 0, whole.axes.shape[0] + widths[name]);
    const next = besideProjection(whole, known, dim, PATTERN_SHARES[name]);
    freeProjection(whole);
    whole = next;
  }
  return whole;
}

/**
 * `dim` half-whitened principal components of the features of the bank's real galaxies, or of the simulated ones, shown
 * by a stretch of their own, where it has no real ones; parameters that objectives have learned to tell, `told` [n, D],
 * among them. Images that are read both as they are and in a common range have half of the columns for each. A reading
 * with patterns has their columns more, fitted beside those. Draws from `seed`; leaves the model in evaluation.
 */
function fitReading(
  model: SwinUnet,
  bank: ImageBank,
  reading: Omit<FeatureReading, "projection">,
  { dim, seed, told, ...columns }: FitOptions,
): Projection {
  return scope(() => {
    const features = sampleFeatures(model, bank, reading, seed);
    const widths = patternWidths(model, reading);
    const pooled = features.shape[1] - widths.rings - widths.ellipses;
    const halves = reading.commonRange === "both" ? 2 : 1;
    return withPatterns(fitPooled(features.slice(1, 0, pooled), { dim, told, halves }), features, widths, columns);
  });
}

/** What is fitted beside a projection, in this order. */
interface Beside {
  seed: number;
  patterns: PatternColumns;
  /** Whether structures are told. */
  structures: boolean;
  catalogue: CatalogueShares | undefined;
}

/**
 * Beside a projection that is there (which stays the caller's): patterns, what tells painted structures, and what a
 * catalogue says of the bank's galaxies (`join-projections.ts`). Throws BAD_RECIPE.
 */
function fitBeside(
  model: SwinUnet,
  bank: ImageBank,
  reading: Omit<FeatureReading, "projection">,
  given: Projection,
  { seed, patterns, structures, catalogue }: Beside,
): Projection {
  return scope(() => {
    let whole = given;
    const add = (next: Projection) => {
      if (whole !== given) freeProjection(whole);
      whole = next;
    };
    if (Object.values(patterns).some((columns) => columns !== undefined)) {
      const copy = { mean: given.mean.clone(), axes: given.axes.clone() };
      add(withPatterns(copy, sampleFeatures(model, bank, reading, seed), patternWidths(model, reading), patterns));
    }
    if (structures) add(withStructures(model, bank, { ...reading, projection: whole }, whole, seed));
    if (catalogue !== undefined) add(withCatalogue(model, bank, { ...reading, projection: whole }, whole, catalogue));
    return whole;
  });
}

/** A projection with columns that tell structures painted into real galaxies of the bank. Throws BAD_RECIPE. */
function withStructures(
  model: SwinUnet,
  bank: ImageBank,
  reading: FeatureReading,
  projection: Projection,
  seed: number,
): Projection {
  const { rows, isReal } = rowsToFit(bank);
  if (!isReal)
    throw new SkyloopError(
      "BAD_RECIPE",
      "structures are painted into pictures of real galaxies, and all surveys of the run are simulated; add one of real images, or leave structures out",
    );
  const shown = new Random(seed).fork("structures").shuffle(rows).slice(0, PAINTED_ROWS);
  const read: ReadRows = (of, show) => featuresOfRows(model, bank, reading, of, show);
  const before = read(shown);
  return structuresProjection(projection, before, structureChanges(read, shown, before, seed));
}

/** A projection with columns that tell what a catalogue says. */
function withCatalogue(
  model: SwinUnet,
  bank: ImageBank,
  reading: FeatureReading,
  projection: Projection,
  catalogue: CatalogueShares,
): Projection {
  const K = catalogue.names.length;
  const rows = Array.from({ length: bank.count }, (_, row) => row).filter((row) =>
    catalogue.weight.subarray(row * K, (row + 1) * K).some((value) => value > 0),
  );
  const z = featuresOfRows(model, bank, reading, rows);
  const of = (all: Float32Array) =>
    tensor(
      rows.flatMap((row) => Array.from(all.subarray(row * K, (row + 1) * K))),
      [rows.length, K],
    );
  return tellingProjection(projection, z, of(catalogue.share), of(catalogue.weight));
}

/** What is fitted when training is over, as a recipe asks for it. */
export type FitSettings = PatternColumns & Pick<Recipe, "projection" | "structures" | "steps" | "seed" | "initFrom">;

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
  { projection: dim, rings, ellipses, structures = false, steps, seed, initFrom }: FitSettings,
  told: Told,
): Projection | null {
  const beside = { seed, structures, catalogue: told.catalogue };
  const patterns = { rings, ellipses };
  if (steps > 0) {
    if (dim === undefined) return null;
    const fitted = scope(() => fitReading(model, bank, reading, { dim, seed, told: told.heads, ...patterns }));
    const whole = fitBeside(model, bank, reading, fitted, { ...beside, patterns: {} });
    if (whole !== fitted) freeProjection(fitted);
    return whole;
  }
  const given = initFrom === undefined ? null : readProjection(initFrom);
  const width = featuresOf(model, {
    ...reading,
    rings: reading.rings && rings === undefined,
    // Those of ellipses stand last: none can be there already where rings are to come.
    ellipses: reading.ellipses && ellipses === undefined && rings === undefined,
    projection: null,
  }).dim;
  if (given === null || given.axes.shape[0] !== width)
    throw new SkyloopError(
      "BAD_RECIPE",
      `with 0 steps the projection of initFrom is kept: ${initFrom ?? "nothing"} has ${given === null ? "none" : `one of ${given.axes.shape[0]} numbers`}, the recipe's reading has ${width}; give the reading of those weights, and leave out patterns that they have (rings cannot be fitted after ellipses)`,
    );
  const whole = fitBeside(model, bank, reading, given, { ...beside, patterns });
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
