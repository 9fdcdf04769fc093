/** The images that restoration and reconstruction learn from, choose by and are measured on. */

import { SkyloopError } from "../../base/errors.ts";
import type { Progress } from "../../base/progress.ts";
import { Random } from "../../base/random.ts";
import { type CroppedPicture, loadPictures, type PictureSet } from "../../batches/pictures.ts";
import { splitByClass } from "../../batches/split.ts";
import type { PixelKind } from "../../contract/survey.ts";
import { DEGRADE } from "../../stamps/degrade.ts";
import { openSurvey } from "../../survey/folder.ts";
import type { ImageTaskName } from "./image-task.ts";
import { MASK_RANGES } from "./reconstruct.ts";
import { COLOUR_RANGES, type RestoreRanges } from "./restore.ts";
import { noiseSigma } from "./scale.ts";

/** The images of one survey in three splits, as image tasks learn from them. */
export interface ImageData extends Omit<PictureSet, "pictures"> {
  train: CroppedPicture[];
  validation: CroppedPicture[];
  test: CroppedPicture[];
}

/** Crops along the side of what is kept of a picture. */
const KEPT_CROPS = 3;
/** The paper's number of test images, and enough to tell a tenth of a dB. */
const MOST = { test: 100, validation: 60 } as const;
const SHARE = { test: 0.2, validation: 0.1 } as const;
const LEAST_PICTURES = 12;

/**
 * A survey's stamps, split at random by `seed`: a fifth to measure (100 at most), a tenth to choose by (60 at most),
 * the rest to learn from (`mostTrain` at most). Throws BAD_IMAGE_SIZE where the stamps are smaller than the crops,
 * TOO_FEW_STAMPS below twelve.
 */
export async function loadImageData(
  folder: string,
  sizePx: number,
  seed: number,
  progress: Progress,
  mostTrain = Number.POSITIVE_INFINITY,
): Promise<ImageData> {
  const survey = await openSurvey(folder);
  const sides = survey.rows.map(({ widthPx, heightPx }) => Math.min(widthPx, heightPx)).sort((a, b) => a - b);
  survey.close();
  const common = sides[sides.length >> 1] ?? 0;
  if (common < sizePx)
    throw new SkyloopError(
      "BAD_IMAGE_SIZE",
      `most stamps of ${folder} are ${common} px wide, less than the crops of ${sizePx} px; give a smaller --size, a multiple of 32`,
    );
  const { pictures, ...about } = await loadPictures(folder, Math.min(common, KEPT_CROPS * sizePx), progress);
  if (pictures.length < LEAST_PICTURES)
    throw new SkyloopError(
      "TOO_FEW_STAMPS",
      `${folder} has ${pictures.length} whole stamps of ${sizePx} px or more (${about.skipped} were left out); learning needs ${LEAST_PICTURES} at the least and hundreds to be good`,
    );
  const alike = new Uint8Array(pictures.length);
  const split = splitByClass(alike, 1, new Random(seed).fork("image split"), (count) => ({
    test: Math.min(MOST.test, Math.round(SHARE.test * count)),
    validation: Math.min(MOST.validation, Math.round(SHARE.validation * count)),
    train: mostTrain,
  }));
  const of = (places: number[]) => places.map((place) => pictures[place]);
  return { ...about, test: of(split.test), validation: of(split.validation), train: of(split.train) };
}

/**
 * Pictures whose noise is measured, and what their sky's noise is multiplied by before it is added to what they have
 * already. It begins near nothing, so that images as the survey has them lie within what a model learned from.
 */
const NOISE_FROM = 50;
const NOISE_TIMES: [number, number] = [0.1, 3];

/**
 * How images are blurred and made noisy: colour by the paper's ranges; flux by its widths in pixels and by a tenth to
 * three times the noise that the stamps have already, band by band. `fwhm` is in px for colour and arcsec for flux,
 * `noise` of 255 or in nanomaggies. Throws BAD_OPTION for ranges that cannot be.
 */
export function restoreRanges(
  { kind, pixelScaleArcsec, train }: Pick<ImageData, "kind" | "pixelScaleArcsec" | "train">,
  fwhm?: [number, number],
  noise?: [number, number],
  seeingKnown = false,
): RestoreRanges {
  for (const [name, range, least] of [
    ["--fwhm", fwhm, 1e-6],
    ["--noise", noise, 0],
  ] as const)
    if (range !== undefined && !(range[0] >= least && range[1] >= range[0]))
      throw new SkyloopError(
        "BAD_OPTION",
        `${name} is two numbers, the smaller first and none below 0, such as 2,8; not ${range.join(",")}`,
      );
  if (kind === "colour")
    return {
      ...COLOUR_RANGES,
      seeingKnown,
      fwhmPx: fwhm ?? COLOUR_RANGES.fwhmPx,
      sigma: noise === undefined ? COLOUR_RANGES.sigma : scaled(noise, 1 / 255),
    };
  if (fwhm !== undefined && pixelScaleArcsec === null)
    throw new SkyloopError(
      "BAD_OPTION",
      "--fwhm is in arcsec, and the survey has no pixel scale; leave it out for the widths of 2 to 8 px",
    );
  const fwhmPx =
    fwhm === undefined ? ([...DEGRADE.fwhmPx] as [number, number]) : scaled(fwhm, 1 / (pixelScaleArcsec ?? 1));
  if (noise !== undefined) return { fwhmPx, sigma: noise, bandNoise: [1, 1, 1], seeingKnown };
  const bands = [0, 1, 2].map((band) => medianNoise(train.slice(0, NOISE_FROM), band));
  const mean = bands.reduce((sum, sigma) => sum + sigma, 0) / 3 || 1;
  return {
    fwhmPx,
    sigma: scaled(NOISE_TIMES, mean),
    bandNoise: bands.map((sigma) => sigma / mean) as [number, number, number],
    seeingKnown,
  };
}

const scaled = ([low, high]: [number, number], factor: number): [number, number] => [low * factor, high * factor];

function medianNoise(pictures: CroppedPicture[], band: number): number {
  const sigmas = pictures.map(({ data, sidePx }) =>
    noiseSigma(Float32Array.from(data.subarray(band * sidePx ** 2, (band + 1) * sidePx ** 2)), sidePx),
  );
  return sigmas.sort((a, b) => a - b)[sigmas.length >> 1] ?? 0;
}

/** The ranges in words, for cards and headers. */
function describeRanges(
  { fwhmPx, sigma, bandNoise, seeingKnown }: RestoreRanges,
  kind: PixelKind,
  pixelScaleArcsec: number | null,
): string {
  const width =
    kind === "flux" && pixelScaleArcsec !== null
      ? scaled(fwhmPx, pixelScaleArcsec).map((w) => w.toFixed(2))
      : fwhmPx.map((w) => w.toFixed(1));
  const unit = kind === "flux" && pixelScaleArcsec !== null ? "arcsec" : "px";
  const noise =
    kind === "colour"
      ? `${(255 * sigma[0]).toFixed(1)}-${(255 * sigma[1]).toFixed(1)} of 255`
      : bandNoise
          .map((factor, c) => `${"zrg"[c]} ${(sigma[0] * factor).toPrecision(2)}-${(sigma[1] * factor).toPrecision(2)}`)
          .join(", ");
  return `Moffat FWHM ${width.join("-")} ${unit}${seeingKnown ? ", which it is told" : ""}, noise sigma ${noise}${kind === "flux" ? " (survey's unit)" : ""}`;
}

/** How a task's training images were made worse, in words. */
export function degradationOf(task: ImageTaskName, data: ImageData, ranges: RestoreRanges): string {
  if (task === "restore") return describeRanges(ranges, data.kind, data.pixelScaleArcsec);
  const { patchesPx, share } = MASK_RANGES;
  const sides = `${patchesPx.slice(0, -1).join(", ")} and ${patchesPx.at(-1)}`;
  return `patches of ${sides} px over ${100 * share[0]}-${100 * share[1]} % of the image`;
}
