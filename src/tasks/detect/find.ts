/** A trained detector on parts of images: the bands it knows, in its unit and at its scale. */
import { SkyloopError } from "../../base/errors.ts";
import type { Detection, MaskPx } from "../../contract/detection.ts";
import { describeFound, type Found, type TilePixels } from "../../detect/found.ts";
import type { FindInPart } from "../../detect/run.ts";
import type { WideImage } from "../../detect/wide-image.ts";
import { batchImages, type MaskRcnn } from "../../models/mask-rcnn/index.ts";
import { renderFlux } from "../../stamps/render.ts";
import { unitFactor } from "../../survey/units.ts";
import { op, scope, tensor } from "../../torch/index.ts";
import type { DetectorDetails } from "./detector.ts";

/** What the user says of images whose headers do not, or wrongly. */
export interface ImageAnswers {
  /** Arcseconds a pixel. */
  pixelScaleArcsec?: number;
  unit?: string;
  /** Whether an image of another scale is resampled. */
  rescale: boolean;
}

/** How an image comes to be what a detector knows. */
export interface Fitting {
  /** The detector's pixels along one of the image's. */
  factor: number;
  /** What its values are multiplied by to be in the detector's unit. */
  brightness: number;
}

/** By how much the scale of an image may differ from the detector's. */
const SCALE_TOLERANCE = 0.2;

/** How an image is brought to what a detector knows. Throws BAND_MISSING, BAD_SCALE, BAD_OPTION. */
export function fitImage(
  { name, kind, bands, unit: found, pixelScaleArcsec }: WideImage,
  details: DetectorDetails,
  answers: ImageAnswers,
): Fitting {
  const known = details.bands;
  if (kind === "flux" && known.length === 0)
    throw new SkyloopError(
      "BAND_MISSING",
      `the detector was trained on pictures, ${name} is flux; give pictures, or train one on flux`,
    );
  if (kind === "flux" && bands.length !== known.length)
    throw new SkyloopError(
      "BAND_MISSING",
      `the detector takes ${known.length} bands (${known.join(", ")}), ${name} has ${bands.length} (${bands.join(", ")}); name as many of them with --bands`,
    );
  const unit = answers.unit ?? found;
  const brightness = kind === "flux" ? unitFactor(unit, details.unit) : 1;
  if (brightness === null)
    throw new SkyloopError(
      "BAD_SCALE",
      `${name} is in ${unit}, the detector was trained on ${details.unit}; convert the image, or give --unit ${details.unit} where its header is wrong`,
    );
  return { factor: factorFor(name, pixelScaleArcsec, details, answers), brightness };
}

function factorFor(
  name: string,
  found: number | null,
  { pixelScaleArcsec: wanted }: DetectorDetails,
  { pixelScaleArcsec: said, rescale }: ImageAnswers,
): number {
  const scale = said ?? found;
  if (wanted === null) return 1;
  if (scale === null)
    throw new SkyloopError(
      "BAD_SCALE",
      `${name} does not say how large its pixels are, and the detector knows pixels of ${wanted.toFixed(3)} arcsec; give --pixel-scale ARCSEC`,
    );
  if (!(scale > 0)) throw new SkyloopError("BAD_OPTION", `--pixel-scale is a number of arcsec above 0, not ${scale}`);
  const factor = scale / wanted;
  if (Math.abs(factor - 1) <= SCALE_TOLERANCE) return 1;
  if (rescale) return factor;
  throw new SkyloopError(
    "BAD_SCALE",
    `${name} has pixels of ${scale.toFixed(3)} arcsec, the detector was trained on ${wanted.toFixed(3)}; give --rescale to resample the image, or a detector of that scale`,
  );
}

/**
 * Tiles begin so many of the detector's pixels apart unless their side is given: a multiple of what an encoder's windows divide,
 * so that every tile is cut into the windows that the whole image would be cut into (recipes/seams.ts).
 */
const STEP_PX = 512;

/** The side of a tile and its overlap with the next in an image's pixels, where a detector's pixels are given. */
export function tilesFor(
  { largestObjectPx }: DetectorDetails,
  { factor }: Fitting,
  { tilePx: side, overlapPx: asked }: { tilePx?: number; overlapPx?: number },
): { tilePx: number; overlapPx: number } {
  const least = 2 * largestObjectPx;
  const overlapPx = asked ?? Math.max(64, 32 * Math.ceil(least / 32));
  const tilePx = side ?? STEP_PX + overlapPx;
  if (overlapPx < least || overlapPx > tilePx / 2)
    throw new SkyloopError(
      "BAD_OPTION",
      `tiles of ${tilePx} px that share ${overlapPx} px do not fit the detector's objects of up to ${largestObjectPx} px: --overlap is from ${least} (twice that) to half a tile`,
    );
  const inImage = (value: number) => 2 * Math.ceil(value / factor / 2);
  return { tilePx: inImage(tilePx), overlapPx: inImage(overlapPx) };
}

/**
 * Finds a detector's objects in parts of images that `fitting` brings to what it knows. Pixels without a measurement
 * are dark to it and never in a mask; a part of one value everywhere holds nothing.
 */
export function findWithModel(
  model: Pick<MaskRcnn, "detect">,
  details: DetectorDetails,
  fitting: Fitting,
  threshold: number,
): FindInPart {
  return async (part, { kind }) => {
    const bad = badPixels(part);
    const { pixels, width, height } = seenBy(details, fitting, part, bad, kind);
    const N = width * height;
    if (pixels.every((value, i) => value === pixels[i - (i % N)])) return [];
    return scope(() => model.detect(batchImages([tensor(pixels, [3, height, width])]))[0])
      .filter(({ score }) => score >= threshold)
      .map((one): Found => describeFound(withoutBad(inPart(one, fitting.factor, part), bad, part.width), part));
  };
}

/** Pixels without a finite value in one of the bands. */
function badPixels({ data, bands }: TilePixels): Uint8Array {
  const N = data.length / bands;
  const bad = new Uint8Array(N);
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) bad[i % N] = 1;
  return bad;
}

/** A part of an image as a detector sees it: [3, height, width] in [0, 1], and how many of its pixels lie along one of the part's. */
export function seenPart(
  details: DetectorDetails,
  image: WideImage,
  part: TilePixels,
): { pixels: Float32Array; width: number; height: number; factor: number } {
  // What neither the image nor whoever searched it said is as the detector has it.
  const pixelScaleArcsec = image.pixelScaleArcsec ?? details.pixelScaleArcsec ?? undefined;
  const unit = unitFactor(image.unit, details.unit) === null ? details.unit : undefined;
  const fitting = fitImage(image, details, { rescale: true, pixelScaleArcsec, unit });
  return { ...seenBy(details, fitting, part, badPixels(part), image.kind), factor: fitting.factor };
}

/** A part as a detector sees it: [3, height, width] in [0, 1]. */
function seenBy(
  { bands, unit }: DetectorDetails,
  { factor, brightness }: Fitting,
  { data, bands: count, width, height }: TilePixels,
  bad: Uint8Array,
  kind: WideImage["kind"],
): { pixels: Float32Array; width: number; height: number } {
  const [W, H] = [width, height].map((side) => Math.max(1, Math.round(side * factor)));
  // Of a picture brightness is kept; of flux it falls with the area of a pixel.
  const times = kind === "flux" ? brightness / factor ** 2 : 1;
  const known = data.map((value) => (Number.isFinite(value) ? value * times : 0));
  const planes = factor === 1 ? known : resampled(known, count, { width, height }, { width: W, height: H }, factor);
  const pixels = kind === "flux" ? renderFlux({ data: planes, widthPx: W, heightPx: H, bands, unit }) : planes;
  const N = W * H;
  for (let p = 0; p < N; p++) {
    const [x, y] = [Math.floor(((p % W) + 0.5) / factor), Math.floor((Math.floor(p / W) + 0.5) / factor)];
    if (bad[Math.min(height - 1, y) * width + Math.min(width - 1, x)] === 1)
      [pixels[p], pixels[N + p], pixels[2 * N + p]] = [0, 0, 0];
  }
  return { pixels, width: W, height: H };
}

interface Size {
  width: number;
  height: number;
}

/** Planes [count, height, width] at another scale, averaged where they shrink, from their first pixel on. */
function resampled(planes: Float32Array, count: number, from: Size, to: Size, factor: number): Float32Array {
  return scope(() =>
    op(
      "_upsample_bilinear2d_aa",
      tensor(planes, [1, count, from.height, from.width]),
      [to.height, to.width],
      false,
      factor,
      factor,
    ).toFloat32Array(),
  );
}

/** A detection among a detector's pixels in those of the part. */
function inPart(detection: Detection, factor: number, { width, height }: Size): Detection {
  if (factor === 1) return detection;
  const { x1, y1, x2, y2, mask } = detection;
  const box = {
    x1: Math.max(0, x1 / factor),
    y1: Math.max(0, y1 / factor),
    x2: Math.min(width, x2 / factor),
    y2: Math.min(height, y2 / factor),
  };
  return {
    ...detection,
    ...box,
    ...(mask === undefined ? {} : { mask: resampledMask(mask, factor, { width, height }) }),
  };
}

/** The pixels whose middle lies in one of a mask's pixels at the detector's scale. */
function resampledMask(mask: MaskPx, factor: number, size: Size): MaskPx {
  const x = Math.max(0, Math.floor(mask.x / factor));
  const y = Math.max(0, Math.floor(mask.y / factor));
  const width = Math.max(0, Math.min(size.width, Math.ceil((mask.x + mask.width) / factor)) - x);
  const height = Math.max(0, Math.min(size.height, Math.ceil((mask.y + mask.height) / factor)) - y);
  const bits = new Uint8Array(width * height);
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) {
      const [i, j] = [Math.floor((x + column + 0.5) * factor) - mask.x, Math.floor((y + row + 0.5) * factor) - mask.y];
      if (i >= 0 && j >= 0 && i < mask.width && j < mask.height)
        bits[row * width + column] = mask.bits[j * mask.width + i];
    }
  return { x, y, width, height, bits };
}

/** A detection whose mask leaves out what is no measurement. */
function withoutBad(detection: Detection, bad: Uint8Array, width: number): Detection {
  const { mask } = detection;
  if (mask === undefined) return detection;
  const bits = mask.bits.map((bit, i) => {
    const p = (mask.y + Math.floor(i / mask.width)) * width + mask.x + (i % mask.width);
    return bad[p] === 1 ? 0 : bit;
  });
  return { ...detection, mask: { ...mask, bits } };
}
