/**
 * A trained restoration or reconstruction measured on test images, beside the images as given and classical methods.
 */

import sharp from "sharp";
import { writeFileAtomic } from "../../base/files.ts";
import type { Progress } from "../../base/progress.ts";
import type { CroppedPicture } from "../../batches/pictures.ts";
import type { PixelKind } from "../../contract/survey.ts";
import { renderLegacy } from "../../stamps/render.ts";
import { type ImageData, loadImageData, restoreRanges } from "./data.ts";
import type { ImageTaskName } from "./image-task.ts";
import {
  type Classical,
  chooseClassical,
  classicalImages,
  forTestBatches,
  type ImageScores,
  imagesOf,
  lightRatio,
  meanScores,
  scoreImage,
  type TestSetup,
} from "./measures.ts";
import { type ImageCard, type ImageModel, improveWhole, loadImageModel } from "./model.ts";
import { MASK_RANGES } from "./reconstruct.ts";

/**
 * Light within an aperture after, as a share of the true one: median over the images, and half the range that holds the
 * middle 68 % of them.
 */
export interface LightScores {
  median: number;
  scatter: number;
}

/** What one method reached on the test images: errors, and how much light it kept. */
export interface MethodScores extends ImageScores {
  light: LightScores;
}

/** Scores of a model and of classical methods on the same `images` test images of `sizePx`. */
export interface ImageEvaluation {
  images: number;
  sizePx: number;
  classical: Classical | null;
  /** By method, the given images first and the model last. */
  methods: Record<string, MethodScores>;
  /** Mean gain in PSNR of the model over the given images, in dB. */
  gain: number;
}

/** Images that are kept to be shown. */
export interface ShownImage {
  id: string;
  images: Record<string, Float32Array>;
}

function lightScores(ratios: number[]): LightScores {
  const sorted = Float64Array.from(ratios.filter(Number.isFinite)).sort();
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))] ?? Number.NaN;
  return { median: at(0.5), scatter: (at(0.84) - at(0.16)) / 2 };
}

/**
 * Scores of every method on the middles of `pictures`, made worse as `setup` says; `named` are further models to
 * compare, by the name they get. The same setup gives all of them the same images. `classical` null leaves
 * deconvolution out, "given only" all classical methods.
 */
export function evaluateImages(
  named: Record<string, ImageModel>,
  pictures: CroppedPicture[],
  setup: TestSetup,
  classical: Classical | "given only" | null,
  shown = 0,
): { methods: Record<string, MethodScores>; examples: ShownImage[] } {
  const scores: Record<string, ImageScores[]> = {};
  const lights: Record<string, number[]> = {};
  const examples: ShownImage[] = [];
  forTestBatches(pictures, setup, (test, from) => {
    const clean = imagesOf(test.batch.clean);
    const methods = classicalImages(test, setup, classical);
    for (const [name, model] of Object.entries(named)) methods[name] = improveWhole(model, test.batch, setup.kind);
    for (const [name, images] of Object.entries(methods))
      for (const [b, image] of images.entries()) {
        scores[name] = [
          ...(scores[name] ?? []),
          scoreImage(image, clean[b], setup.sizePx, setup.kind, test.masks[b] ?? null),
        ];
        lights[name] = [...(lights[name] ?? []), lightRatio(image, clean[b], setup.sizePx)];
      }
    for (const [b, image] of clean.entries())
      if (from + b < shown)
        examples.push({
          id: pictures[from + b].id,
          images: {
            ...Object.fromEntries(Object.entries(methods).map(([name, images]) => [name, images[b].slice()])),
            true: image.slice(),
          },
        });
  });
  const methods = Object.fromEntries(
    Object.keys(scores).map((name) => [name, { ...meanScores(scores[name]), light: lightScores(lights[name]) }]),
  );
  return { methods, examples };
}

/** A table of methods, for a terminal and as Markdown. */
export function methodsTable(methods: Record<string, MethodScores>): string {
  const hidden = Object.values(methods).some(({ psnrHidden }) => psnrHidden !== null);
  const percent = (value: number) => `${(100 * value).toFixed(1)} %`;
  return [
    `| method | MSE | PSNR (dB) |${hidden ? " PSNR of hidden pixels (dB) |" : ""} SSIM | light in the aperture |`,
    `|---|---|---|${hidden ? "---|" : ""}---|---|`,
    ...Object.entries(methods).map(
      ([name, { mse, psnr, ssim, psnrHidden, light }]) =>
        `| ${name} | ${mse.toFixed(5)} | ${psnr.toFixed(2)} |${hidden ? ` ${psnrHidden?.toFixed(2) ?? ""} |` : ""} ${ssim.toFixed(3)} | ${percent(light.median)} +- ${percent(light.scatter)} |`,
    ),
  ].join("\n");
}

const GAP_PX = 4;
const CAPTION_PX = 18;
const LEAST_SHOWN_PX = 128;

/** A PNG with one row an example and one column a method. */
export async function writeExamples(
  path: string,
  examples: ShownImage[],
  sizePx: number,
  kind: PixelKind,
): Promise<void> {
  if (examples.length === 0) return;
  const names = Object.keys(examples[0].images);
  // Small images are shown larger, so that their captions have room.
  const shownPx = sizePx * Math.max(1, Math.round(LEAST_SHOWN_PX / sizePx));
  const [cell, N] = [shownPx + GAP_PX, sizePx * sizePx];
  const [width, height] = [
    Math.max(names.length * cell, 7 * names.join("  ").length),
    CAPTION_PX + examples.length * cell,
  ];
  const tiles = await Promise.all(
    examples.flatMap(({ images }, row) =>
      names.map(async (name, column) => {
        const planes = images[name];
        // Pictures stand red first; the flux renderer takes bands by name.
        const shown =
          kind === "colour"
            ? planes
            : renderLegacy({ data: planes, widthPx: sizePx, heightPx: sizePx, bands: ["z", "r", "g"] });
        const pixels = Buffer.alloc(3 * N);
        for (let p = 0; p < N; p++) {
          const at = kind === "flux" ? (sizePx - 1 - Math.floor(p / sizePx)) * sizePx + (p % sizePx) : p;
          for (let c = 0; c < 3; c++) pixels[3 * p + c] = Math.round(255 * Math.min(1, Math.max(0, shown[c * N + at])));
        }
        const raw = { width: sizePx, height: sizePx, channels: 3 as const };
        const input = await sharp(pixels, { raw }).resize(shownPx, shownPx, { kernel: "nearest" }).png().toBuffer();
        return { input, left: column * cell, top: CAPTION_PX + row * cell };
      }),
    ),
  );
  const captions = names
    .map(
      (name, column) =>
        `<text x="${column * cell + 2}" y="13" font-family="sans-serif" font-size="11" fill="#000">${name}</text>`,
    )
    .join("");
  const heading = Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${CAPTION_PX}">${captions}</svg>`,
  );
  const png = await sharp({ create: { width, height, channels: 3, background: "#ffffff" } })
    .composite([{ input: heading, left: 0, top: 0 }, ...tiles])
    .png()
    .toBuffer();
  writeFileAtomic(path, png);
}

/** Examples on the sheet that training and evaluation write. */
const SHOWN = 6;
/** Seeds that draw what is done to validation and test images, the same in every run. */
const VALIDATION_SEED = 101;
/** Draws how test images are degraded, the same in every run. */
const TEST_SEED = 202;
/** How validation and test images are made worse. */
export function setupsOf(
  task: ImageTaskName,
  data: ImageData,
  sizePx: number,
  ranges: ReturnType<typeof restoreRanges>,
): { validation: TestSetup; test: TestSetup } {
  const common = { task, kind: data.kind, restore: ranges, masks: MASK_RANGES };
  return { validation: { ...common, sizePx, seed: VALIDATION_SEED }, test: { ...common, sizePx, seed: TEST_SEED } };
}

/**
 * Measures on the test images, with classical settings chosen on the validation ones, and writes the sheet of examples.
 */
export async function evaluateInto(
  sheet: string,
  model: ImageModel,
  data: ImageData,
  setups: { validation: TestSetup; test: TestSetup },
): Promise<ImageEvaluation> {
  const { task } = setups.test;
  const name = task === "restore" ? "restored" : "reconstructed";
  const classical = task === "restore" ? chooseClassical(data.validation, setups.validation) : null;
  const { methods, examples } = evaluateImages({ [name]: model }, data.test, setups.test, classical, SHOWN);
  await writeExamples(sheet, examples, setups.test.sizePx, data.kind);
  const given = methods[task === "restore" ? "blurred" : "masked"];
  return {
    images: data.test.length,
    sizePx: setups.test.sizePx,
    classical,
    methods,
    gain: methods[name].psnr - given.psnr,
  };
}

/**
 * Measures a saved model on the test share of a survey (that of `seed`; the one it was trained with by default). Throws
 * BAD_HEAD and what reading the survey throws.
 */
export async function evaluateImageModel(
  folder: string,
  path: string,
  task: ImageTaskName,
  options: { seed?: number; fwhm?: [number, number]; noise?: [number, number]; sheet: string; progress: Progress },
): Promise<ImageEvaluation & { card: ImageCard }> {
  const model = loadImageModel(path, task);
  const data = await loadImageData(folder, model.card.sizePx, options.seed ?? model.card.seed, options.progress);
  const ranges = restoreRanges(data, options.fwhm, options.noise, model.card.seeingKnown);
  return {
    card: model.card,
    ...(await evaluateInto(options.sheet, model, data, setupsOf(task, data, model.card.sizePx, ranges))),
  };
}
