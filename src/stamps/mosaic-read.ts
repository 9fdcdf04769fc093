/** Reading parts of the layers of a wide image. */
import { readSync } from "node:fs";
import { decode } from "../survey/decode/index.ts";
import type { ImageHdu } from "../survey/decode/planes.ts";
import type { FitsHdu } from "../survey/fits.ts";
import { unitFactor } from "../survey/units.ts";
import type { Wcs } from "../survey/wcs.ts";
import type { CutBox } from "./cut.ts";

/** An image of one or several bands in a file. */
export interface ImageLayer extends ImageHdu {
  path: string;
  primary: FitsHdu["cards"];
  unit: string;
  wcs: Wcs | null;
  /** The image unpacked as float32 [planes, H, W], where its file is packed. */
  raw: { file: number } | null;
}

/** A plane of a layer and the band that it is. */
export interface PlacedBand {
  layer: ImageLayer;
  plane: number;
  name: string;
}

/** A part of every band on the first layer's pixels. */
export async function readMoved(
  layers: ImageLayer[],
  order: PlacedBand[],
  unit: string,
  { x0, y0, width, height }: Section,
  pixelOf: (layer: ImageLayer, place: { x: number; y: number }) => { x: number; y: number } | null,
): Promise<Float32Array> {
  const middle = { x: x0 + (width - 1) / 2, y: y0 + (height - 1) / 2 };
  const moved = layers.map((layer) => {
    const there = pixelOf(layer, middle) ?? middle;
    const [dx, dy] = [Math.round(there.x - middle.x), Math.round(there.y - middle.y)];
    const [left, bottom] = [Math.max(0, x0 + dx), Math.max(0, y0 + dy)];
    const [right, top] = [Math.min(layer.widthPx, x0 + dx + width), Math.min(layer.heightPx, y0 + dy + height)];
    const section = { x0: left, y0: bottom, width: Math.max(0, right - left), height: Math.max(0, top - bottom) };
    return { section, left: left - x0 - dx, bottom: bottom - y0 - dy };
  });
  const shown = layers.filter((_, i) => moved[i].section.width * moved[i].section.height > 0);
  const sections = shown.map((layer) => moved[layers.indexOf(layer)].section);
  const read = await readSections(shown, sections);
  const out = new Float32Array(order.length * height * width);
  for (const [band, { layer, plane }] of order.entries()) {
    const own = out.subarray(band * height * width, (band + 1) * height * width);
    const at = shown.indexOf(layer);
    const { section, left, bottom } = moved[layers.indexOf(layer)];
    if (at < 0 || section.width < width || section.height < height) own.fill(Number.NaN);
    if (at < 0) continue;
    const factor = unitFactor(layer.unit, unit) ?? 1;
    for (let row = 0; row < section.height; row++) {
      const from = (plane * section.height + row) * section.width;
      const values = read[at].subarray(from, from + section.width);
      own.set(factor === 1 ? values : values.map((value) => value * factor), (bottom + row) * width + left);
    }
  }
  return out;
}

/** Columns and rows of an image. */
type Section = Pick<CutBox, "x0" | "y0" | "width" | "height">;

/** What is read of a layer: its file, or what that was unpacked to. */
type Readable = Pick<ImageLayer, "path" | "hdu" | "raw" | "widthPx" | "heightPx" | "planes">;

/** Parts of layers as they stand in their files, one a layer. */
export async function readSections(layers: Readable[], boxes: Section[]): Promise<Float32Array[]> {
  const plain = layers.flatMap((layer, i) => (layer.raw === null ? [{ layer, i }] : []));
  const paths = [...new Set(plain.map(({ layer }) => layer.path))];
  const read =
    plain.length === 0
      ? []
      : await decode("fitsSections", paths, {
          sections: plain.map(({ layer, i }) => {
            const { x0, y0, width, height } = boxes[i];
            return { path: layer.path, hdu: layer.hdu, box: [x0, y0, width, height] };
          }),
        });
  return layers.map((layer, i) =>
    layer.raw === null ? read[plain.findIndex((one) => one.i === i)] : readRaw(layer, layer.raw.file, boxes[i]),
  );
}

function readRaw(
  { widthPx, heightPx, planes }: Readable,
  file: number,
  { x0, y0, width, height }: Section,
): Float32Array {
  const out = new Float32Array(planes * height * width);
  for (let plane = 0; plane < planes; plane++)
    for (let row = 0; row < height; row++) {
      const into = new Uint8Array(out.buffer, 4 * (plane * height + row) * width, 4 * width);
      readSync(file, into, 0, into.length, 4 * ((plane * heightPx + y0 + row) * widthPx + x0));
    }
  return out;
}
