/** `skyloop predict restore | reconstruct`: files in, files out, with what was done to them in the header. */
import { existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import sharp from "sharp";
import { messageOf, SkyloopError } from "../../base/errors.ts";
import { hashFile, writeError, writeFileAtomic } from "../../base/files.ts";
import { PACKAGE_ROOT } from "../../base/paths.ts";
import { apertureLight } from "../../measure/photometry.ts";
import { neighbourMask } from "../../stamps/neighbours.ts";
import { colourBands, renderRgb8 } from "../../stamps/render.ts";
import { decode } from "../../survey/decode/index.ts";
import { cubeBands } from "../../survey/decode/planes.ts";
import { type FitsImage, headerRecords, writeFitsImage } from "../../survey/fits.ts";
import type { Stamp } from "../../survey/folder.ts";
import type { ImageTaskName } from "./image-task.ts";
import { applyImageModel, type ImageModel, loadImageModel, type Planes } from "./model.ts";

/** One image file to restore or reconstruct, and the head that does it. */
export interface PredictImageOptions {
  task: ImageTaskName;
  model: string;
  input: string;
  output: string;
  /** reconstruct: a mask file of the image's size, not 0 where hidden. */
  mask?: string;
  /** reconstruct: hide what is not the central galaxy, found by segmentation, instead. */
  neighbours: boolean;
  /** restore: full width of the point spread in px, for a model that was trained with it. */
  fwhmPx?: number;
  overwrite: boolean;
}

/** What was written: the size of the image, and how its light changed. */
export interface PredictedImage {
  widthPx: number;
  heightPx: number;
  planes: number;
  /** Share of the pixels that were filled; null for restoration. */
  hiddenShare: number | null;
  /**
   * Light of each plane after, as a share of that before, in a circle of a quarter of the side around the middle, sky
   * subtracted; empty for reconstruction and pictures.
   */
  lightRatios: number[];
}

const isFits = (path: string) => /\.(fits?|fts|fz)(\.gz|\.bz2)?$/i.test(path) || /\.fit$/i.test(path);
const isPicture = (path: string) => /\.(jpe?g|png|webp)$/i.test(path);

/**
 * Improves one image file. FITS stays float32 with its header and world coordinates, and gets HISTORY cards; a picture
 * becomes a picture. Cubes of three planes are taken as one colour image, any other plane by itself. Throws BAD_OPTION,
 * BAD_MASK, BAD_HEAD, FILE_EXISTS and what reading throws.
 */
export async function predictImage(options: PredictImageOptions): Promise<PredictedImage> {
  const { task, input, output, overwrite } = options;
  if (existsSync(output) && !overwrite)
    throw new SkyloopError("FILE_EXISTS", `${output} exists; choose another name or pass --overwrite`);
  if (!((isFits(input) && /\.fits?$/i.test(output)) || (isPicture(input) && isPicture(output))))
    throw new SkyloopError(
      "BAD_OPTION",
      `a FITS image becomes .fits and a picture (.jpg, .png, .webp) a picture; got ${basename(input)} and ${basename(output)}`,
    );
  if (task === "reconstruct" && (options.mask !== undefined) === options.neighbours)
    throw new SkyloopError(
      "BAD_OPTION",
      "say what to fill: --mask FILE with the hidden pixels, or --neighbours for everything but the central galaxy",
    );
  const model = loadImageModel(options.model, task);
  const kind = isFits(input) ? "flux" : "colour";
  if (model.card.kind !== kind)
    throw new SkyloopError(
      "BAD_HEAD",
      `${options.model} learned from ${model.card.kind === "flux" ? "flux" : "colour pictures"}, ${basename(input)} is ${kind === "flux" ? "flux" : "a picture"}, which looks different to it; train one on a ${kind} survey`,
    );
  return isFits(input) ? await predictFits(model, options) : await predictPicture(model, options);
}

/** Which planes are taken together as red, green and blue. */
function planeGroups({ planes, header }: FitsImage): number[][] {
  if (planes !== 3) return Array.from({ length: planes }, (_, plane) => [plane, plane, plane]);
  return [colourBands(cubeBands(header, 3))];
}

const readFits = (path: string): Promise<FitsImage> => decode("fitsImage", [path], { path });

async function predictFits(model: ImageModel, options: PredictImageOptions): Promise<PredictedImage> {
  const image = await readFits(options.input);
  const { widthPx, heightPx, planes, data, header } = image;
  const N = widthPx * heightPx;
  const mask = await hiddenPixels(options, image, null);
  const out = new Float32Array(data.length);
  for (const group of planeGroups(image)) {
    const together: Planes = { widthPx, heightPx, kind: "flux", data: new Float32Array(3 * N) };
    for (const [c, plane] of group.entries()) together.data.set(data.subarray(plane * N, (plane + 1) * N), c * N);
    const improved = applyImageModel(model, together, { mask, fwhmPx: options.fwhmPx });
    // One plane that went in three times comes back as the mean of three.
    const same = new Set(group).size === 1;
    for (const [c, plane] of group.entries())
      for (let p = 0; p < N; p++)
        out[plane * N + p] = same ? (improved[p] + improved[N + p] + improved[2 * N + p]) / 3 : improved[c * N + p];
  }
  const planeOf = (of: Float32Array, plane: number) =>
    of.subarray(plane * N, (plane + 1) * N).map((value) => (Number.isFinite(value) ? value : 0));
  const light = (of: Float32Array, plane: number) =>
    apertureLight(planeOf(of, plane), heightPx, widthPx, Math.min(widthPx, heightPx) / 4);
  const lightRatios =
    options.task === "reconstruct"
      ? []
      : Array.from({ length: planes }, (_, plane) => light(out, plane) / light(data, plane));
  const done = await historyOf(model, options, mask, lightRatios);
  const temporary = `${options.output}.${process.pid}.tmp`;
  try {
    writeFitsImage(temporary, { widthPx, heightPx, planes, data: out }, [
      ...headerRecords(header),
      ...done.flatMap(historyRecords),
    ]);
    renameSync(temporary, options.output);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw writeError(options.output, cause);
  }
  return { widthPx, heightPx, planes, hiddenShare: shareOf(mask), lightRatios };
}

async function predictPicture(model: ImageModel, options: PredictImageOptions): Promise<PredictedImage> {
  const { data, info } = await sharp(options.input)
    .removeAlpha()
    .toColourspace("srgb")
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch((cause: unknown) => {
      throw new SkyloopError("FILE_UNREADABLE", `${options.input} cannot be read as a picture: ${messageOf(cause)}`, {
        cause,
      });
    });
  const { width: widthPx, height: heightPx, channels } = info;
  const N = widthPx * heightPx;
  const planes = Float32Array.from(
    { length: 3 * N },
    (_, i) => data[(i % N) * channels + Math.min(channels - 1, Math.floor(i / N))] / 255,
  );
  const mask = await hiddenPixels(options, { widthPx, heightPx, planes: 3, data: planes, header: [] }, "top first");
  const improved = applyImageModel(
    model,
    { widthPx, heightPx, kind: "colour", data: planes },
    { mask, fwhmPx: options.fwhmPx },
  );
  const pixels = Buffer.alloc(3 * N);
  for (let p = 0; p < N; p++) for (let c = 0; c < 3; c++) pixels[3 * p + c] = Math.round(255 * improved[c * N + p]);
  const picture = await sharp(pixels, { raw: { width: widthPx, height: heightPx, channels: 3 } })
    .toFormat(/\.png$/i.test(options.output) ? "png" : /\.webp$/i.test(options.output) ? "webp" : "jpeg", {
      quality: 95,
    })
    .toBuffer();
  writeFileAtomic(options.output, picture);
  return { widthPx, heightPx, planes: 3, hiddenShare: shareOf(mask), lightRatios: [] };
}

/** The mask of a reconstruction, from its file or by segmentation; null for restoration. */
async function hiddenPixels(
  options: PredictImageOptions,
  image: FitsImage,
  rows: "top first" | null,
): Promise<Uint8Array | null> {
  const { widthPx, heightPx, planes, data } = image;
  if (options.task === "restore") return null;
  if (options.mask === undefined) {
    const mask = neighbourMask(data, { bands: planes, widthPx, heightPx });
    if (mask.every((value) => value === 0))
      throw new SkyloopError(
        "BAD_MASK",
        `no neighbour of the central galaxy stands out in ${options.input}; give --mask FILE`,
      );
    return mask;
  }
  const found = isFits(options.mask)
    ? await readFits(options.mask)
    : await readMaskPicture(options.mask, rows !== "top first");
  if (found.widthPx !== widthPx || found.heightPx !== heightPx)
    throw new SkyloopError(
      "BAD_MASK",
      `${options.mask} is ${found.widthPx}x${found.heightPx} px, the image ${widthPx}x${heightPx}; give a mask of its size`,
    );
  return Uint8Array.from({ length: widthPx * heightPx }, (_, p) => (found.data[p] === 0 ? 0 : 1));
}

/** A picture's first channel; `turned` so that its bottom row comes first, as in FITS. */
async function readMaskPicture(
  path: string,
  turned: boolean,
): Promise<Pick<FitsImage, "widthPx" | "heightPx" | "data">> {
  const { data, info } = await sharp(readFileSync(path)).greyscale().raw().toBuffer({ resolveWithObject: true });
  const { width: widthPx, height: heightPx, channels } = info;
  const rowOf = (y: number) => (turned ? heightPx - 1 - y : y);
  const first = (p: number) => data[(rowOf(Math.floor(p / widthPx)) * widthPx + (p % widthPx)) * channels];
  return {
    widthPx,
    heightPx,
    data: Float32Array.from({ length: widthPx * heightPx }, (_, p) => (first(p) > 127 ? 1 : 0)),
  };
}

function shareOf(mask: Uint8Array | null): number | null {
  return mask === null ? null : mask.reduce((sum, value) => sum + value, 0) / mask.length;
}

async function historyOf(
  { card }: ImageModel,
  options: PredictImageOptions,
  mask: Uint8Array | null,
  lightRatios: number[],
): Promise<string[]> {
  const { version } = JSON.parse(readFileSync(join(PACKAGE_ROOT, "package.json"), "utf8")) as { version: string };
  const hidden = shareOf(mask);
  return [
    `Skyloop ${version}: ${card.task} by ${card.model}, ${new Date().toISOString().slice(0, 19)}Z`,
    `Skyloop input ${basename(options.input)}`,
    `Skyloop model ${basename(options.model)} sha256 ${(await hashFile(options.model)).slice(0, 16)}, seed ${card.seed}, ${card.steps} steps`,
    `Skyloop trained on ${card.degradation}`,
    ...(hidden === null
      ? []
      : [
          `Skyloop filled ${(100 * hidden).toFixed(2)} % of the pixels, ${options.mask === undefined ? "neighbours found by segmentation" : `mask ${basename(options.mask)}`}`,
        ]),
    ...(lightRatios.length === 0
      ? []
      : [
          `Skyloop light in the middle after / before, plane by plane: ${lightRatios.map((ratio) => ratio.toFixed(3)).join(", ")}`,
        ]),
    "Skyloop: pixels are a network's estimate, not a measurement",
  ];
}

/** Text as HISTORY records of 80 characters, broken between words where it can be. */
function historyRecords(text: string): string[] {
  const lines: string[] = [];
  for (let rest = text.replace(/[^\x20-\x7e]/g, "?"); rest !== ""; ) {
    const space = rest.length > 72 ? rest.lastIndexOf(" ", 72) : -1;
    const end = space > 0 ? space : 72;
    lines.push(`HISTORY ${rest.slice(0, end)}`.padEnd(80));
    rest = rest.slice(end).trimStart();
  }
  return lines;
}

/**
 * A stamp restored, or with the neighbours of its galaxy filled in, as 8-bit colour [H, W, 3]. Throws BAD_MASK where
 * there is no neighbour.
 */
export function improvedRgb8(model: ImageModel, stamp: Stamp): Uint8Array {
  const { widthPx, heightPx, data, bands, kind } = stamp;
  const N = widthPx * heightPx;
  const group = kind === "flux" ? colourBands(bands) : ([0, 1, 2] as const);
  const planes = new Float32Array(3 * N);
  for (const [c, band] of group.entries()) planes.set(data.subarray(band * N, (band + 1) * N), c * N);
  let mask: Uint8Array | null = null;
  if (model.card.task === "reconstruct") {
    mask = neighbourMask(data, { bands: data.length / N, widthPx, heightPx });
    if (mask.every((value) => value === 0))
      throw new SkyloopError("BAD_MASK", "no neighbour of the central galaxy stands out: there is nothing to fill in");
  }
  const improved = applyImageModel(model, { widthPx, heightPx, kind, data: planes }, { mask });
  const out = data.slice();
  for (const [c, band] of group.entries()) out.set(improved.subarray(c * N, (c + 1) * N), band * N);
  return renderRgb8({ ...stamp, data: out });
}
