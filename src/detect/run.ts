/** Finding objects in images, tile by tile, and writing what was found. */
import { codeOf, messageOf, SkyloopError } from "../base/errors.ts";
import type { Progress } from "../base/progress.ts";
import type { Problem } from "../contract/survey.ts";
import { type ClassicalOptions, findSources } from "./classical.ts";
import { describeFound, type Found, type TilePixels } from "./found.ts";
import { type DetectionTile, isOwn, mergeTiles, tilesOf } from "./tiles.ts";
import type { WideImage } from "./wide-image.ts";

/**
 * Two tiles do not see quite the same box, so that its middle may lie beyond the core of either: what lies this near to
 * a core is kept by both, and merged.
 */
const MARGIN_PX = 8;

/** Finds objects in a part of an image; pixels of the part, described as `describeFound` does. */
export type FindInPart = (part: TilePixels, image: WideImage) => Promise<Found[]>;

/** Side and overlap of tiles in px, and what an earlier run has done. */
export interface Tiling {
  tilePx: number;
  overlapPx: number;
  /** Where the grid of tiles begins. */
  startPx?: number;
  /** Finished tiles by name, and where another is noted. */
  journal?: { finished(tile: string): Found[] | undefined; add(tile: string, found: Found[]): void };
}

/** What was found in an image, highest score first, and which tiles could not be used. */
export interface FoundInImage {
  found: Found[];
  problems: Problem[];
  tiles: number;
}

/**
 * Runs `find` over the tiles of an image. A tile that fails is named in the problems, one without any measurement is
 * counted there, and the others go on; where all fail the first failure is thrown.
 */
export async function findInImage(
  image: WideImage,
  find: FindInPart,
  { tilePx, overlapPx, startPx, journal }: Tiling,
  progress: Progress,
): Promise<FoundInImage> {
  const tiles = tilesOf(image.widthPx, image.heightPx, tilePx, overlapPx, startPx);
  const problems: Problem[] = [];
  const found: Found[] = [];
  let [done, failed] = [0, 0];
  let firstFailure: unknown = null;
  for (const tile of tiles) {
    const source = `${image.name} tile ${tile.name} (${tile.x0}, ${tile.y0})`;
    try {
      const before = journal?.finished(tile.name);
      const part = before === undefined ? await readPart(image, tile) : null;
      if (before !== undefined) found.push(...before);
      else if (part?.data.some(Number.isFinite)) {
        const own = (await find(part, image)).filter((one) => isOwn(tile, one, MARGIN_PX));
        journal?.add(tile.name, own);
        found.push(...own);
      } else
        problems.push({ source, code: "TILE_EMPTY", message: "no pixel has a measurement; it is skipped", kept: true });
    } catch (cause) {
      failed++;
      firstFailure ??= cause;
      problems.push({ source, code: codeOf(cause) ?? "TILE_FAILED", message: messageOf(cause), kept: false });
    }
    progress.update(++done, tiles.length);
  }
  if (failed === tiles.length) throw firstFailure;
  return { found: mergeTiles(found), problems, tiles: tiles.length };
}

async function readPart(image: WideImage, { name, x0, y0, width, height }: DetectionTile): Promise<TilePixels> {
  const data = await image.read(x0, y0, width, height);
  const [imageWidth, imageHeight] = [image.widthPx, image.heightPx];
  return { data, bands: image.bands.length, x0, y0, width, height, imageWidth, imageHeight, tile: name };
}

/** `findSources` over parts: class `source`, score peak / (peak + 10) with the peak in units of the noise. */
export function findClassical(options: ClassicalOptions): FindInPart {
  return async (part) => {
    if (part.width * part.height > 2 ** 21)
      throw new SkyloopError("BAD_OPTION", "--tile is at most 1448 px with --classical");
    const { data, bands, x0, y0, width: widthPx, height: heightPx } = part;
    return findSources({ data, bands, heightPx, widthPx }, options).map(({ x, y, mask, peak, snr, fluxes }) => {
      const box = { x1: mask.x, y1: mask.y, x2: mask.x + mask.width, y2: mask.y + mask.height };
      const detection = { ...box, class: "source", score: peak / (peak + 10), mask };
      return describeFound(detection, part, { x: x + x0, y: y + y0, snr, fluxes });
    });
  };
}
