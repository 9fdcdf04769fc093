/** How good images are that were made worse and then better, beside what classical methods make of them. */

import { Random } from "../../base/random.ts";
import { richardsonLucyMirrored, wienerMirrored } from "../../batches/deconvolve.ts";
import { type CroppedPicture, centralCrop } from "../../batches/pictures.ts";
import type { PixelKind } from "../../contract/survey.ts";
import { meanSquaredError, ssim } from "../../measure/image.ts";
import { apertureRatio } from "../../measure/photometry.ts";
import { type Degradation, pointSpread } from "../../stamps/degrade.ts";
import { inpaintBiharmonic, inpaintNearest } from "../../stamps/inpaint.ts";
import { manualSeed, noGrad, scope, type Tensor } from "../../torch/index.ts";
import type { ImageBatch, ImageTaskName } from "./image-task.ts";
import { drawPatches, type MaskRanges, reconstructBatch } from "./reconstruct.ts";
import { drawBlur, type RestoreRanges, restoreBatch } from "./restore.ts";

/**
 * Mean squared error, PSNR and SSIM over images. The data range is 1 for pictures, the brightest true pixel for flux.
 */
export interface ImageScores {
  mse: number;
  /** In dB, of each image, then averaged. */
  psnr: number;
  ssim: number;
  /** PSNR over the hidden pixels alone; null where nothing was hidden. */
  psnrHidden: number | null;
}

/** Test images in batches, made worse in ways that `seed` decides. */
export interface TestBatch {
  kind: PixelKind;
  batch: ImageBatch;
  degradations: Degradation[];
  masks: Uint8Array[];
}

/** How images are degraded to measure a task: always alike for one seed. */
export interface TestSetup {
  task: ImageTaskName;
  kind: PixelKind;
  sizePx: number;
  seed: number;
  restore: RestoreRanges;
  masks: MaskRanges;
}

const TEST_BATCH = 10;

/** Crops [3, S, S] made worse as the setup's task does it, in ways that `random` and libtorch's generator draw. */
export function worsened(
  crops: Float32Array[],
  random: Random,
  { task, kind, sizePx, restore, masks }: TestSetup,
): TestBatch {
  if (task === "restore") {
    const degradations = crops.map(() => drawBlur(random, restore));
    return { kind, batch: restoreBatch(crops, sizePx, degradations, kind, restore), degradations, masks: [] };
  }
  const hidden = crops.map(() => drawPatches(random, sizePx, masks));
  return { kind, batch: reconstructBatch(crops, sizePx, hidden, kind), degradations: [], masks: hidden };
}

/**
 * Calls `each` with the central crops of all pictures, made worse the same way for the same seed, whatever else was
 * computed before.
 */
export function forTestBatches(
  pictures: CroppedPicture[],
  setup: TestSetup,
  each: (test: TestBatch, from: number) => void,
): void {
  const { task, sizePx, seed } = setup;
  const random = new Random(seed).fork(`test ${task}`);
  for (let from = 0; from < pictures.length; from += TEST_BATCH) {
    const crops = pictures.slice(from, from + TEST_BATCH).map((picture) => centralCrop(picture, sizePx));
    manualSeed(random.int(2 ** 31));
    noGrad(() =>
      scope(() => {
        each(worsened(crops, random, setup), from);
      }),
    );
  }
}

/** Images [B, 3, S, S] one by one, [3, S, S]. */
export function imagesOf(batch: Tensor): Float32Array[] {
  const [B] = batch.shape;
  const all = batch.toFloat32Array();
  return Array.from({ length: B }, (_, b) => all.subarray((b * all.length) / B, ((b + 1) * all.length) / B));
}

/** Span of an image's values: 1 for colour; for flux, which has no upper end, the brightest pixel of the true image. */
function dataRangeOf(clean: Float32Array, kind: PixelKind): number {
  return kind === "colour" ? 1 : clean.reduce((most, value) => Math.max(most, value), 0);
}

/**
 * Measures of one image against the true one. Flux is measured in units of its brightest pixel, so that the MSE of
 * faint and bright galaxies can be averaged.
 */
export function scoreImage(
  image: Float32Array,
  clean: Float32Array,
  sizePx: number,
  kind: PixelKind,
  mask: Uint8Array | null,
): ImageScores {
  const range = dataRangeOf(clean, kind) || 1;
  const mse = meanSquaredError(image, clean) / range ** 2;
  let [hidden, hiddenSum] = [0, 0];
  for (let i = 0; mask !== null && i < clean.length; i++)
    if (mask[i % mask.length] === 1) {
      hidden++;
      hiddenSum += (image[i] - clean[i]) ** 2;
    }
  return {
    mse,
    psnr: decibels(mse),
    ssim: ssim(image, clean, { channels: 3, heightPx: sizePx, widthPx: sizePx }, range),
    psnrHidden: mask === null ? null : decibels(hiddenSum / hidden / range ** 2),
  };
}

/** A perfect image would be infinite decibels, and so would every mean with it. */
const BEST_DB = 100;
const decibels = (mse: number) => Math.min(BEST_DB, -10 * Math.log10(mse));

/** The average over images of each measure; null for hidden pixels where nothing was hidden. */
export function meanScores(scores: ImageScores[]): ImageScores {
  const mean = (of: (score: ImageScores) => number) =>
    scores.reduce((sum, score) => sum + of(score), 0) / scores.length;
  return {
    mse: mean(({ mse }) => mse),
    psnr: mean(({ psnr }) => psnr),
    ssim: mean((score) => score.ssim),
    psnrHidden: scores[0].psnrHidden === null ? null : mean(({ psnrHidden }) => psnrHidden ?? 0),
  };
}

/** Settings of the classical methods, chosen on validation images. */
export interface Classical {
  lucyIterations: number;
  /** Wiener's balance is this times the variance of the noise, in units of the image's range. */
  wienerBalance: number;
}
const LUCY_ITERATIONS = [2, 4, 8, 16, 30];
const WIENER_BALANCES = [10, 30, 100, 300, 1000, 3000];

/** Richardson-Lucy and Wiener with the true point spread, in the image's own unit. */
function deconvolved(
  { batch, degradations }: TestBatch,
  kind: PixelKind,
  { lucyIterations, wienerBalance }: Classical,
): [Float32Array[], Float32Array[]] {
  const kernels = degradations.map(pointSpread);
  const ranges = imagesOf(batch.degraded).map((image) => dataRangeOf(image, kind) || 1);
  const clip = (images: Tensor) => (kind === "colour" ? images.clamp(0, 1) : images);
  // Richardson-Lucy is made for counts, which are not negative.
  const lucy = imagesOf(clip(richardsonLucyMirrored(batch.degraded.clamp(0), kernels, lucyIterations)));
  const balances = degradations.map(({ sigma }, b) => wienerBalance * (sigma / ranges[b]) ** 2);
  return [lucy, imagesOf(clip(wienerMirrored(batch.degraded, kernels, balances)))];
}

/** The classical settings with the highest mean PSNR on validation pictures. */
export function chooseClassical(pictures: CroppedPicture[], setup: TestSetup): Classical {
  const best = <T>(values: readonly T[], scoreOf: (value: T) => number) =>
    values.map((value) => ({ value, score: scoreOf(value) })).sort((a, b) => b.score - a.score)[0].value;
  const mean = (which: 0 | 1, settings: Classical) => {
    const scores: ImageScores[] = [];
    forTestBatches(pictures, setup, (test) => {
      const clean = imagesOf(test.batch.clean);
      for (const [b, image] of deconvolved(test, setup.kind, settings)[which].entries())
        scores.push(scoreImage(image, clean[b], setup.sizePx, setup.kind, null));
    });
    return meanScores(scores).psnr;
  };
  return {
    lucyIterations: best(LUCY_ITERATIONS, (lucyIterations) => mean(0, { lucyIterations, wienerBalance: 1 })),
    wienerBalance: best(WIENER_BALANCES, (wienerBalance) => mean(1, { lucyIterations: 1, wienerBalance })),
  };
}

/** What each method makes of a batch: images by name, the given ones first. */
export function classicalImages(
  test: TestBatch,
  setup: TestSetup,
  classical: Classical | "given only" | null,
): Record<string, Float32Array[]> {
  const given = imagesOf(test.batch.degraded);
  if (setup.task === "restore") {
    if (classical === null || classical === "given only") return { blurred: given };
    const [lucy, hunt] = deconvolved(test, setup.kind, classical);
    return { blurred: given, "Richardson-Lucy": lucy, Wiener: hunt };
  }
  if (classical === "given only") return { masked: given };
  const masked = (b: number) => ({ bands: 3, heightPx: setup.sizePx, widthPx: setup.sizePx, mask: test.masks[b] });
  return {
    masked: given,
    nearest: given.map((image, b) => inpaintNearest(image, masked(b))),
    biharmonic: given.map((image, b) => inpaintBiharmonic(image, masked(b))),
  };
}

/**
 * Light of the middle of an image, in all three bands, as a share of the true image's: aperture of a quarter of the
 * side, sky from the edge.
 */
export function lightRatio(image: Float32Array, clean: Float32Array, sizePx: number): number {
  return apertureRatio(image, clean, { bands: 3, heightPx: sizePx, widthPx: sizePx }, sizePx / 4);
}
