/**
 * Images of surveys at full resolution, in memory, and crops of them: what restoration and reconstruction learn from.
 */

import { hashBytes } from "../base/files.ts";
import type { Progress } from "../base/progress.ts";
import type { Random } from "../base/random.ts";
import type { PixelKind } from "../contract/survey.ts";
import { colourBands } from "../stamps/render.ts";
import { openSurvey, type Stamp } from "../survey/folder.ts";

/** Three planes of one image, red first: colour as whole steps of 1/255, or flux in the survey's unit. */
export interface CroppedPicture {
  id: string;
  sidePx: number;
  data: Uint8Array | Float32Array;
}

/** The central squares of a survey's stamps, as an image task learns from them. */
export interface PictureSet {
  kind: PixelKind;
  pixelScaleArcsec: number | null;
  pictures: CroppedPicture[];
  /** Stamps that are too small, cannot be read or have pixels without a measurement. */
  skipped: number;
  /** Names the data: the surveys' hashes and the size that was kept. */
  dataHash: string;
}

/**
 * The central square of `sidePx` of a stamp, three planes, red first; null where the stamp is smaller or a pixel has no
 * measurement.
 */
function centralPlanes({ data, bands, kind, widthPx, heightPx }: Stamp, sidePx: number): CroppedPicture["data"] | null {
  if (widthPx < sidePx || heightPx < sidePx) return null;
  const order = kind === "colour" ? [0, 1, 2] : colourBands(bands);
  const [left, top] = [(widthPx - sidePx) >> 1, (heightPx - sidePx) >> 1];
  const out = kind === "colour" ? new Uint8Array(3 * sidePx * sidePx) : new Float32Array(3 * sidePx * sidePx);
  for (const [c, band] of order.entries())
    for (let y = 0; y < sidePx; y++)
      for (let x = 0; x < sidePx; x++) {
        const value = data[(band * heightPx + top + y) * widthPx + left + x];
        if (!Number.isFinite(value)) return null;
        out[(c * sidePx + y) * sidePx + x] = kind === "colour" ? Math.round(255 * value) : value;
      }
  return out;
}

/** Reads the central `sidePx` of every stamp of a survey, or of `rows` of it. */
export async function loadPictures(
  folder: string,
  sidePx: number,
  progress: Progress,
  rows?: number[],
): Promise<PictureSet> {
  const survey = await openSurvey(folder);
  const wanted = rows ?? survey.rows.map((_, i) => i);
  const pictures: CroppedPicture[] = [];
  for (const [done, row] of wanted.entries()) {
    const planes = await survey.readStamp(row).then(
      (stamp) => centralPlanes(stamp, sidePx),
      () => null,
    );
    if (planes !== null) pictures.push({ id: survey.rows[row].id, sidePx, data: planes });
    progress.update(done + 1, wanted.length);
  }
  progress.end();
  const { kind, pixelScaleArcsec, dataHash } = survey.header;
  survey.close();
  return {
    kind,
    pixelScaleArcsec,
    pictures,
    skipped: wanted.length - pictures.length,
    dataHash: hashBytes(`${dataHash} ${sidePx} ${wanted.join()}`),
  };
}

/**
 * A square of a picture [3, size, size], as it is or turned by quarters and mirrored (`symmetry` 0 to 7); colour in [0,
 * 1], flux as it is.
 */
function cropOf({ sidePx, data }: CroppedPicture, x0: number, y0: number, sizePx: number, symmetry = 0): Float32Array {
  const unit = data instanceof Uint8Array ? 1 / 255 : 1;
  const out = new Float32Array(3 * sizePx * sizePx);
  const last = sizePx - 1;
  for (let c = 0; c < 3; c++)
    for (let y = 0; y < sizePx; y++)
      for (let x = 0; x < sizePx; x++) {
        const [u, v] = [symmetry & 1 ? last - x : x, symmetry & 2 ? last - y : y];
        const [column, row] = symmetry & 4 ? [v, u] : [u, v];
        out[(c * sizePx + y) * sizePx + x] = unit * data[(c * sidePx + y0 + row) * sidePx + x0 + column];
      }
  return out;
}

/** A crop at a random place, randomly turned and mirrored. */
export function randomCrop(picture: CroppedPicture, sizePx: number, random: Random): Float32Array {
  const free = picture.sidePx - sizePx + 1;
  return cropOf(picture, random.int(free), random.int(free), sizePx, random.int(8));
}

/** The middle of a picture. */
export function centralCrop(picture: CroppedPicture, sizePx: number): Float32Array {
  const from = (picture.sidePx - sizePx) >> 1;
  return cropOf(picture, from, from, sizePx);
}
