/** Simulated lenses on images of the real sky, added in flux: what detectors of lenses are trained and tested on. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { SkyloopError } from "../base/errors.ts";
import { hashBytes } from "../base/files.ts";
import { Random } from "../base/random.ts";
import { writeFitsImage } from "../survey/fits.ts";
import { decodePicture } from "../survey/folder.ts";
import type { Scene } from "../survey/simulate/scene.ts";
import type { FieldPainter } from "../survey/simulate/scenes.ts";
import { fieldFlux } from "./field-pixels.ts";
import { legacyFlux, renderLegacy } from "./render.ts";

/** Which images lenses are painted on. */
export interface PaintOptions {
  folder: string;
  seed: number;
  /** Side of the fields: the middle of each image. */
  sizePx: number;
  /** Only these of the images in the order of their names, the first is 1: so that no image stands in two sets. */
  range: readonly [number, number] | null;
}

/** Lenses stay that far from the middle, where the object stands that the image is of. */
const CLEAR_PX = 20;
const BANDS = ["g", "r", "z"];

/**
 * A painter on the images of a folder: FITS of g, r, z in nanomaggies, or pictures in the Legacy Surveys' rendering, which is
 * undone. Images are taken in an order drawn by the seed, again from the first when all were used, each turned and mirrored
 * in one of eight ways. Throws IMAGES_MISSING, BAD_OPTION; painting throws WRONG_SHAPE, BAND_MISSING, IMAGE_BROKEN.
 */
export function lensPainter({ folder, seed, sizePx, range }: PaintOptions): FieldPainter {
  if (!existsSync(folder))
    throw new SkyloopError("IMAGES_MISSING", `there is no folder ${folder} of backgrounds; check the path`);
  const all = (readdirSync(folder, { recursive: true, encoding: "utf8" }) as string[])
    .filter((name) => /\.(fits|fits\.fz|jpe?g|png|webp)$/i.test(name))
    .sort();
  const [from, to] = range ?? [1, all.length];
  const names = all.slice(from - 1, to);
  if (names.length === 0)
    throw new SkyloopError(
      "IMAGES_MISSING",
      `${folder} has ${all.length} images, and none from ${from} to ${to}; check the path and the range`,
    );
  const order = new Random(seed).fork("backgrounds").shuffle([...names]);
  return {
    clearPx: CLEAR_PX,
    // Which files, not what is in them: reading them all would take longer than painting on some.
    request: { backgrounds: hashBytes(names.map((name) => `${name} ${statSync(join(folder, name)).size}`).join("\n")) },
    async paint(index, scene, stem) {
      const background = order[index % order.length];
      const turn = new Random(seed).fork(`turn ${index}`).int(8);
      const path = join(folder, background);
      const ending = await paintOn(path, sizePx, turn, scene, stem);
      return { ending, background };
    },
  };
}

async function paintOn(path: string, S: number, turn: number, scene: Scene, stem: string): Promise<string> {
  const flux = fieldFlux({ path });
  if (flux !== null) {
    const order = BANDS.map((band) => flux.bands.findIndex((name) => name.toLowerCase() === band));
    if (order.includes(-1) || flux.unit !== "nanomaggy")
      throw new SkyloopError(
        "BAND_MISSING",
        `${path} holds ${flux.bands.join(", ")} in ${flux.unit}; backgrounds are g, r, z in nanomaggies`,
      );
    const N = flux.widthPx * flux.heightPx;
    const planes = order.map((plane) =>
      middleOf(flux.data.subarray(plane * N, (plane + 1) * N), flux.widthPx, flux.heightPx, S, turn, path),
    );
    const data = new Float32Array(3 * S * S);
    for (const [band, plane] of planes.entries()) data.set(plane, band * S * S);
    for (let p = 0; p < data.length; p++) data[p] += scene.planes[p];
    writeFitsImage(`${stem}.fits`, { widthPx: S, heightPx: S, planes: 3, data }, [
      "BUNIT   = 'nanomaggy'".padEnd(80),
      "BANDS   = 'grz'".padEnd(80),
    ]);
    return "fits";
  }
  const bytes = readFileSync(path);
  const { width, height } = await sharp(bytes).metadata();
  const rgb = await decodePicture(bytes);
  const N = width * height;
  const shown = new Float32Array(3 * S * S);
  for (let c = 0; c < 3; c++)
    shown.set(middleOf(rgb.subarray(c * N, (c + 1) * N), width, height, S, turn, path), c * S * S);
  const painted = paintPicture(shown, scene.planes, S);
  const out = Buffer.from(
    Uint8Array.from({ length: 3 * S * S }, (_, i) => Math.round(255 * painted[(i % 3) * S * S + Math.floor(i / 3)])),
  );
  await sharp(out, { raw: { width: S, height: S, channels: 3 } })
    .png()
    .toFile(`${stem}.png`);
  return "png";
}

/** A picture [3, S, S] with flux added: its rendering is undone, and done again where there is any light to add. */
export function paintPicture(shown: Float32Array, light: Float32Array, S: number): Float32Array {
  const flux = legacyFlux(shown);
  for (let p = 0; p < flux.length; p++) flux[p] += light[p];
  const again = renderLegacy({ data: flux, widthPx: S, heightPx: S, bands: BANDS });
  return again.map((value, i) => {
    const p = i % (S * S);
    return light[p] === 0 && light[S * S + p] === 0 && light[2 * S * S + p] === 0 ? shown[i] : value;
  });
}

/** The middle S x S pixels of a plane, turned by quarters and mirrored. */
function middleOf(plane: Float32Array, W: number, H: number, S: number, turn: number, path: string): Float32Array {
  if (W < S || H < S)
    throw new SkyloopError(
      "WRONG_SHAPE",
      `${path} has ${W} x ${H} px, the fields ${S}; choose a smaller --size, or leave it out`,
    );
  const [left, top] = [Math.floor((W - S) / 2), Math.floor((H - S) / 2)];
  const out = new Float32Array(S * S);
  for (let y = 0; y < S; y++)
    for (let x = 0; x < S; x++) {
      const [a, b] = (turn & 4) !== 0 ? [y, x] : [x, y];
      const [u, v] = [(turn & 1) !== 0 ? S - 1 - a : a, (turn & 2) !== 0 ? S - 1 - b : b];
      out[y * S + x] = plane[(top + v) * W + left + u];
    }
  return out;
}
