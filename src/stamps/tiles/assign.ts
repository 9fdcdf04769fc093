/** Which tile each position is cut from. */
import type { SkyTile } from "./open.ts";

const RAD = Math.PI / 180;

/** A tile that shows a position, and where. */
export interface OnTile {
  tile: SkyTile;
  x: number;
  y: number;
  /** Pixels to the nearest edge. */
  edgePx: number;
}

/** Finds the tiles that show a position, among many. */
export class TileIndex {
  readonly #tiles: SkyTile[];
  readonly #largestDeg: number;

  constructor(tiles: SkyTile[]) {
    this.#tiles = [...tiles].sort((a, b) => a.centre.decDeg - b.centre.decDeg);
    this.#largestDeg = tiles.reduce((most, { radiusDeg }) => Math.max(most, radiusDeg), 0);
  }

  /** The tiles that show a position, the one with the most room around it first. */
  at(raDeg: number, decDeg: number): OnTile[] {
    const found: OnTile[] = [];
    for (const tile of this.near(raDeg, decDeg, 0)) {
      const at = tile.wcs.skyToPixel(raDeg, decDeg);
      if (at === null) continue;
      const edgePx = edgeDistance(tile, at.x, at.y);
      if (edgePx > -0.5) found.push({ tile, ...at, edgePx });
    }
    return found.sort((a, b) => b.edgePx - a.edgePx || (a.tile.name < b.tile.name ? -1 : 1));
  }

  /** The tiles whose circles come within `marginDeg` of a position. */
  near(raDeg: number, decDeg: number, marginDeg: number): SkyTile[] {
    const reach = this.#largestDeg + marginDeg;
    const found: SkyTile[] = [];
    for (let i = this.#firstFrom(decDeg - reach); i < this.#tiles.length; i++) {
      const tile = this.#tiles[i];
      if (tile.centre.decDeg > decDeg + reach) break;
      if (separation(raDeg, decDeg, tile.centre) <= tile.radiusDeg + marginDeg) found.push(tile);
    }
    return found;
  }

  #firstFrom(decDeg: number): number {
    let [low, high] = [0, this.#tiles.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#tiles[middle].centre.decDeg < decDeg) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Pixels from a place to the nearest edge of a tile; negative outside. */
export const edgeDistance = (
  { widthPx, heightPx }: Pick<SkyTile, "widthPx" | "heightPx">,
  x: number,
  y: number,
): number => Math.min(x, y, widthPx - 1 - x, heightPx - 1 - y);

function separation(raDeg: number, decDeg: number, centre: { raDeg: number; decDeg: number }): number {
  const half =
    Math.sin(((centre.decDeg - decDeg) * RAD) / 2) ** 2 +
    Math.cos(decDeg * RAD) * Math.cos(centre.decDeg * RAD) * Math.sin(((centre.raDeg - raDeg) * RAD) / 2) ** 2;
  return (2 * Math.asin(Math.min(1, Math.sqrt(half)))) / RAD;
}
