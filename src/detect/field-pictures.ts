/** The images that detections were found in, as a person looks at them: pictures in tiles of several sizes, north up. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { writeFileAtomic } from "../base/files.ts";
import type { FieldImage, FieldTurn } from "../contract/fields.ts";
import { rendererOf, renderRgb8 } from "../stamps/render.ts";
import { FIELDS_FILE, fieldFolder, fieldTile } from "../survey/detections.ts";
import { skyCards } from "../survey/label-map.ts";
import { turnNorthUp, turnPlane } from "../survey/orient.ts";
import type { WideImage } from "./wide-image.ts";

const TILE_PX = 512;
/** How an image of an unknown unit is shown follows from so many parts of it a side, of so many px. */
const SAMPLE = { parts: 6, sidePx: 96 };

/** Writes `fields.json` and the pictures of the images into a folder in the making. */
export async function writeFieldPictures(folder: string, images: readonly WideImage[]): Promise<void> {
  const about: FieldImage[] = [];
  for (const [place, image] of images.entries()) {
    const own = describe(image);
    about.push(own);
    mkdirSync(join(folder, fieldFolder(place)), { recursive: true });
    await drawLevels(image, own, join(folder, fieldFolder(place)));
  }
  writeFileAtomic(join(folder, FIELDS_FILE), `${JSON.stringify(about)}\n`);
}

function describe(image: WideImage): FieldImage {
  const { name, paths, maskPath, bands, unit, kind, widthPx, heightPx, pixelScaleArcsec, stampPx } = image;
  const cards = skyCards(image.cards, image.primary).map(([key, value, comment]): [string, string, string] => [
    key,
    value,
    comment ?? "",
  ]);
  const [width, height] = shownSize(image, turnOf(image));
  const levels = 1 + Math.max(0, Math.ceil(Math.log2(Math.max(width, height) / TILE_PX)));
  const about = {
    name,
    paths,
    ...(maskPath === undefined ? {} : { maskPath }),
    bands,
    unit,
    kind,
    widthPx,
    heightPx,
    pixelScaleArcsec,
    stampPx,
  };
  return { ...about, cards, turn: turnOf(image), tilePx: TILE_PX, levels };
}

/** The first row of a FITS file is the lowest, of a picture the top one. */
function turnOf({ kind, wcs, widthPx, heightPx }: WideImage): FieldTurn {
  const turn = turnNorthUp(wcs, (widthPx - 1) / 2, (heightPx - 1) / 2);
  return kind === "flux" ? { ...turn, flipY: !turn.flipY } : turn;
}

const shownSize = ({ widthPx, heightPx }: Pick<WideImage, "widthPx" | "heightPx">, { swap }: FieldTurn) =>
  swap ? [heightPx, widthPx] : [widthPx, heightPx];

/** The part of the file's axes that a part of the shown ones is. */
function inFile(
  part: { x: number; y: number; width: number; height: number },
  [W, H]: number[],
  { swap, flipX, flipY }: FieldTurn,
) {
  const along = flipX ? W - part.x - part.width : part.x;
  const across = flipY ? H - part.y - part.height : part.y;
  return swap
    ? { x0: across, y0: along, width: part.height, height: part.width }
    : { x0: along, y0: across, width: part.width, height: part.height };
}

/** Each level is made from the one before, so that the image is read once. */
async function drawLevels(image: WideImage, { turn, levels, bands }: FieldImage, folder: string): Promise<void> {
  const size = shownSize(image, turn);
  const render = await renderer(image);
  const half = size.map((side) => Math.ceil(side / 2));
  let below = levels > 1 ? new Uint8Array(3 * half[0] * half[1]) : null;
  for (const part of partsOf(size)) {
    const file = inFile(part, size, turn);
    const data = await image.read(file.x0, file.y0, file.width, file.height);
    const N = file.width * file.height;
    const planes = new Float32Array(data.length);
    for (let band = 0; band < bands.length; band++)
      planes.set(turnPlane(data.subarray(band * N, (band + 1) * N), file.width, file.height, turn), band * N);
    const { width: widthPx, height: heightPx } = part;
    // Turned to the screen's rows already.
    const rgb = renderRgb8({ kind: "colour", bands, unit: image.unit, widthPx, heightPx, data: planes }, render);
    await writeTile(folder, 0, part, rgb);
    if (below !== null) shrinkInto(below, half[0], part, rgb);
  }
  let [width, height] = half;
  for (let level = 1; level < levels && below !== null; level++) {
    for (const part of partsOf([width, height])) await writeTile(folder, level, part, cutRgb(below, width, part));
    if (level + 1 === levels) return;
    const next = [Math.ceil(width / 2), Math.ceil(height / 2)];
    const shrunk = new Uint8Array(3 * next[0] * next[1]);
    shrinkInto(shrunk, next[0], { x: 0, y: 0, width, height }, below);
    [below, width, height] = [shrunk, next[0], next[1]];
  }
}

interface Part {
  x: number;
  y: number;
  width: number;
  height: number;
}

function partsOf([W, H]: number[]): Part[] {
  const parts: Part[] = [];
  for (let y = 0; y < H; y += TILE_PX)
    for (let x = 0; x < W; x += TILE_PX)
      parts.push({ x, y, width: Math.min(TILE_PX, W - x), height: Math.min(TILE_PX, H - y) });
  return parts;
}

async function renderer(image: WideImage) {
  const { parts, sidePx } = SAMPLE;
  const { widthPx: W, heightPx: H, bands, unit, kind } = image;
  const [width, height] = [Math.min(sidePx, W), Math.min(sidePx, H)];
  const count = parts ** 2;
  const N = width * height;
  const data = new Float32Array(bands.length * count * N);
  for (let k = 0; k < count; k++) {
    const at = (step: number, room: number) => Math.floor((step / (parts - 1)) * room);
    const part = await image.read(at(k % parts, W - width), at(Math.floor(k / parts), H - height), width, height);
    for (let band = 0; band < bands.length; band++)
      data.set(part.subarray(band * N, (band + 1) * N), band * count * N + k * N);
  }
  return rendererOf({ kind, bands, unit, widthPx: width, heightPx: count * height, data });
}

function writeTile(folder: string, level: number, { x, y, width, height }: Part, rgb: Uint8Array): Promise<unknown> {
  return sharp(rgb, { raw: { width, height, channels: 3 } })
    .webp({ quality: 88, effort: 0 })
    .toFile(join(folder, fieldTile(level, x / TILE_PX, y / TILE_PX)));
}

/** Halves a part and puts it where it belongs in the next level, `across` px wide; parts begin at even places. */
function shrinkInto(into: Uint8Array, across: number, { x, y, width, height }: Part, rgb: Uint8Array): void {
  for (let row = 0; row < Math.ceil(height / 2); row++)
    for (let column = 0; column < Math.ceil(width / 2); column++) {
      const [left, top] = [2 * column, 2 * row];
      const [right, bottom] = [Math.min(width - 1, left + 1), Math.min(height - 1, top + 1)];
      const at = 3 * ((y / 2 + row) * across + x / 2 + column);
      for (let c = 0; c < 3; c++)
        into[at + c] =
          (rgb[3 * (top * width + left) + c] +
            rgb[3 * (top * width + right) + c] +
            rgb[3 * (bottom * width + left) + c] +
            rgb[3 * (bottom * width + right) + c] +
            2) >>
          2;
    }
}

function cutRgb(rgb: Uint8Array, across: number, { x, y, width, height }: Part): Uint8Array {
  const out = new Uint8Array(3 * width * height);
  for (let row = 0; row < height; row++) {
    const from = 3 * ((y + row) * across + x);
    out.set(rgb.subarray(from, from + 3 * width), 3 * row * width);
  }
  return out;
}
