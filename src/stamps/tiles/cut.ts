/** One stamp from a tile, what lies beyond its edge taken from its neighbours. */
import { turnNorthUp, turnPlane } from "../../survey/orient.ts";
import { unitFactor } from "../../survey/units.ts";
import type { Wcs } from "../../survey/wcs.ts";
import { edgeDistance, type OnTile, type TileIndex } from "./assign.ts";
import type { SkyTile, TileBand, TilePlane } from "./open.ts";
import type { TilePart, TileReader } from "./read.ts";

/** How stamps are cut. */
export interface TileCutOptions {
  sizePx: number;
  unit: string;
  /** Bits of masks that make a pixel NaN. */
  maskBits: number;
}

/** A stamp and what it was put together from. */
export interface CutStamp {
  /** [bands, size, size], north up, NaN where no tile has pixels. */
  data: Float32Array;
  /** Share of the pixels that are a neighbour's, and the neighbours' names. */
  stitched: number;
  from: string[];
  /** The farthest that a neighbour's pixel is from where it stands, in pixels: 0 where tiles share their grid. */
  offPx: number;
}

/**
 * Cuts stamps around places of one tile. A stamp's first pixel is the one that astropy's Cutout2D begins with; nothing is resampled.
 */
export async function cutStamps(
  places: (OnTile & { raDeg: number; decDeg: number })[],
  reader: TileReader,
  index: TileIndex,
  readerOf: (tile: SkyTile) => TileReader,
  options: TileCutOptions,
): Promise<CutStamp[]> {
  const { sizePx } = options;
  const asked: { plane: TilePlane; part: TilePart }[] = [];
  const boxes = places.map((place) =>
    place.tile.bands.map((band) => {
      const box = boxOf(place, band, sizePx);
      if (box.part !== null) for (const plane of planesOf(band)) asked.push({ plane, part: box.part });
      return box;
    }),
  );
  const read = await reader.parts(asked);
  const stamps: CutStamp[] = [];
  let at = 0;
  for (const [i, place] of places.entries()) {
    const N = sizePx ** 2;
    const data = new Float32Array(place.tile.bands.length * N).fill(Number.NaN);
    for (const [b, band] of place.tile.bands.entries()) {
      const { part, left, bottom } = boxes[i][b];
      if (part === null) continue;
      const planes = planesOf(band).map(() => read[at++]);
      const pixels = measured(planes, band, options);
      for (let row = 0; row < part[3]; row++)
        data.set(
          pixels.subarray(row * part[2], (row + 1) * part[2]),
          b * N + (part[1] - bottom + row) * sizePx + part[0] - left,
        );
    }
    const whole = boxes[i].every(({ part }) => part !== null && part[2] === sizePx && part[3] === sizePx);
    const stamp = { data, stitched: 0, from: [] as string[], offPx: 0 };
    if (!whole) await stitch(stamp, place, boxes[i], index, readerOf, options);
    stamps.push({ ...stamp, data: northUp(stamp.data, place, sizePx) });
  }
  return stamps;
}

interface CutBox {
  left: number;
  bottom: number;
  /** What of it lies on the tile; null where nothing does. */
  part: TilePart | null;
}

function boxOf(place: OnTile & { raDeg: number; decDeg: number }, { wcs }: TileBand, sizePx: number): CutBox {
  const { tile } = place;
  const at = wcs === tile.wcs ? place : wcs.skyToPixel(place.raDeg, place.decDeg);
  if (at === null) return { left: 0, bottom: 0, part: null };
  const [left, bottom] = [Math.ceil(at.x - sizePx / 2), Math.ceil(at.y - sizePx / 2)];
  const [x0, y0] = [Math.max(0, left), Math.max(0, bottom)];
  const [x1, y1] = [Math.min(tile.widthPx, left + sizePx), Math.min(tile.heightPx, bottom + sizePx)];
  return { left, bottom, part: x1 > x0 && y1 > y0 ? [x0, y0, x1 - x0, y1 - y0] : null };
}

const planesOf = (band: TileBand): TilePlane[] => [band, band.weight, band.mask].filter((plane) => plane !== null);

/** The pixels of a band in the survey's unit; NaN where weights or masks say that there is nothing. */
function measured(planes: Float32Array[], band: TileBand, { unit, maskBits }: TileCutOptions): Float32Array {
  const factor = unitFactor(band.unit, unit) ?? 1;
  const [own, ...others] = planes;
  if (factor === 1 && others.length === 0) return own;
  const pixels = factor === 1 ? own.slice() : own.map((value) => value * factor);
  const weight = band.weight === null ? null : others[0];
  const mask = band.mask === null ? null : (others.at(-1) as Float32Array);
  for (let p = 0; p < pixels.length; p++)
    if ((weight !== null && !(weight[p] > 0)) || (mask !== null && (mask[p] & maskBits) !== 0)) pixels[p] = Number.NaN;
  return pixels;
}

/** Where missing pixels lie on a neighbour. */
interface Mapped {
  /** Pixels of the stamp, and columns and rows of the neighbour. */
  at: number[];
  x: number[];
  y: number[];
  offPx: number;
}

/** Fills what lies beyond the tile from the neighbours, each pixel from the one with the most room around it there. */
async function stitch(
  stamp: CutStamp,
  place: OnTile & { raDeg: number; decDeg: number },
  boxes: CutBox[],
  index: TileIndex,
  readerOf: (tile: SkyTile) => TileReader,
  options: TileCutOptions,
): Promise<void> {
  const { sizePx } = options;
  const reach = (sizePx * place.tile.wcs.pixelScaleArcsec) / 3600;
  const around = index.near(place.raDeg, place.decDeg, reach).filter((tile) => tile !== place.tile);
  const neighbours = around.filter((tile) => mayFill(tile, place.tile, boxes[0], sizePx));
  if (neighbours.length === 0) return;
  const known = new Map<Wcs, Map<SkyTile, Mapped>>();
  let filled = 0;
  for (const [b, band] of place.tile.bands.entries()) {
    const maps = known.get(band.wcs) ?? mapMissing(place.tile, band.wcs, boxes[b], sizePx, neighbours, b);
    known.set(band.wcs, maps);
    for (const [tile, { at, x, y, offPx }] of maps) {
      const part: TilePart = [Math.min(...x), Math.min(...y), 0, 0];
      part[2] = Math.max(...x) - part[0] + 1;
      part[3] = Math.max(...y) - part[1] + 1;
      const other = tile.bands[b];
      const planes = await readerOf(tile).parts(planesOf(other).map((plane) => ({ plane, part })));
      const pixels = measured(planes, other, options);
      for (const [i, p] of at.entries())
        stamp.data[b * sizePx ** 2 + p] = pixels[(y[i] - part[1]) * part[2] + x[i] - part[0]];
      filled += at.length;
      stamp.offPx = Math.max(stamp.offPx, offPx);
      if (!stamp.from.includes(tile.name)) stamp.from.push(tile.name);
    }
  }
  stamp.stitched = filled / stamp.data.length;
}

const SAMPLE_PX = 8;

/** Whether a neighbour comes near any missing pixel, by a sample of them: most stamps at a survey's own edge have none. */
function mayFill(tile: SkyTile, own: SkyTile, { left, bottom }: CutBox, sizePx: number): boolean {
  for (let row = 0; row <= sizePx; row += SAMPLE_PX)
    for (let column = 0; column <= sizePx; column += SAMPLE_PX) {
      const [x, y] = [left + column, bottom + row];
      if (edgeDistance(own, x, y) > SAMPLE_PX) continue;
      const sky = own.wcs.pixelToSky(x, y);
      const there = sky === null ? null : tile.wcs.skyToPixel(sky.raDeg, sky.decDeg);
      if (there !== null && edgeDistance(tile, there.x, there.y) > -1.5 * SAMPLE_PX) return true;
    }
  return false;
}

function mapMissing(
  own: SkyTile,
  wcs: Wcs,
  { left, bottom }: CutBox,
  sizePx: number,
  neighbours: SkyTile[],
  band: number,
): Map<SkyTile, Mapped> {
  const maps = new Map<SkyTile, Mapped>();
  for (let row = 0; row < sizePx; row++)
    for (let column = 0; column < sizePx; column++) {
      const [x, y] = [left + column, bottom + row];
      if (x >= 0 && y >= 0 && x < own.widthPx && y < own.heightPx) continue;
      const sky = wcs.pixelToSky(x, y);
      if (sky === null) continue;
      let [best, edge, at] = [null as SkyTile | null, -0.5, { x: 0, y: 0 }];
      for (const tile of neighbours) {
        const there = tile.bands[band].wcs.skyToPixel(sky.raDeg, sky.decDeg);
        const room = there === null ? Number.NEGATIVE_INFINITY : edgeDistance(tile, there.x, there.y);
        if (there !== null && room > edge) [best, edge, at] = [tile, room, there];
      }
      if (best === null) continue;
      const map = maps.get(best) ?? { at: [], x: [], y: [], offPx: 0 };
      maps.set(best, map);
      const [nx, ny] = [Math.round(at.x), Math.round(at.y)];
      map.at.push(row * sizePx + column);
      map.x.push(Math.min(best.widthPx - 1, Math.max(0, nx)));
      map.y.push(Math.min(best.heightPx - 1, Math.max(0, ny)));
      map.offPx = Math.max(map.offPx, Math.hypot(at.x - nx, at.y - ny));
    }
  return maps;
}

function northUp(data: Float32Array, { tile, x, y }: OnTile, sizePx: number): Float32Array {
  const N = sizePx ** 2;
  for (const [b, { wcs }] of tile.bands.entries()) {
    const turn = turnNorthUp(wcs, x, y);
    const plane = data.subarray(b * N, (b + 1) * N);
    const turned = turnPlane(plane, sizePx, sizePx, turn);
    if (turned !== plane) data.set(turned, b * N);
  }
  return data;
}
