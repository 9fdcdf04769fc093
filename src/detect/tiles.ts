/** Large images in tiles that overlap, and detections of all of them without seams. */
import type { Found } from "./found.ts";

/** A tile: its pixels, and the part of them, the core, whose objects are its own. Ends are exclusive. */
export interface DetectionTile {
  name: string;
  x0: number;
  y0: number;
  width: number;
  height: number;
  core: { x0: number; y0: number; x1: number; y1: number };
}

/**
 * Tiles of at most `sizePx` pixels a side whose neighbours share `overlapPx`; cores cover the image once. `startPx` moves the grid.
 */
export function tilesOf(
  widthPx: number,
  heightPx: number,
  sizePx: number,
  overlapPx: number,
  startPx = 0,
): DetectionTile[] {
  const spans = (length: number) => {
    if (length <= sizePx && startPx === 0) return [{ from: 0, to: length, coreFrom: 0, coreTo: length }];
    const step = sizePx - overlapPx;
    const found: { from: number; to: number; coreFrom: number; coreTo: number }[] = [];
    for (let from = startPx > 0 ? startPx - step : 0; from < length; from += step) {
      const [first, last] = [from <= 0, from + sizePx >= length];
      found.push({
        from: Math.max(0, from),
        to: Math.min(length, from + sizePx),
        coreFrom: first ? 0 : from + overlapPx / 2,
        coreTo: last ? length : from + sizePx - overlapPx / 2,
      });
      if (last) break;
    }
    return found;
  };
  const rows = spans(heightPx);
  return rows.flatMap((row, j) =>
    spans(widthPx).map((column, i) => ({
      name: `${i},${j}`,
      x0: column.from,
      y0: row.from,
      width: column.to - column.from,
      height: row.to - row.from,
      core: { x0: column.coreFrom, y0: row.coreFrom, x1: column.coreTo, y1: row.coreTo },
    })),
  );
}

/** Whether the middle of a detection's box, in pixels of the image, lies in a tile's core, or within a margin of it. */
export function isOwn(
  { core }: DetectionTile,
  { x1, y1, x2, y2 }: Pick<Found, "x1" | "y1" | "x2" | "y2">,
  marginPx = 0,
): boolean {
  const [x, y] = [(x1 + x2) / 2, (y1 + y2) / 2];
  const inside = (at: number, from: number, to: number) => at >= from - marginPx && at < to + marginPx;
  return inside(x, core.x0, core.x1) && inside(y, core.y0, core.y1);
}

/** Side of the cells in which neighbours are looked for. */
const CELL_PX = 256;

/**
 * Detections of all tiles, highest score first, without those that another tile has too: same class, boxes with an IoU above 0.5; the
 * higher score stays.
 */
export function mergeTiles<T extends Found>(all: T[]): T[] {
  const kept: T[] = [];
  const cells = new Map<string, T[]>();
  const cellsOf = ({ x1, y1, x2, y2 }: T) => {
    const names: string[] = [];
    for (let row = Math.floor(y1 / CELL_PX); row <= Math.floor(y2 / CELL_PX); row++)
      for (let column = Math.floor(x1 / CELL_PX); column <= Math.floor(x2 / CELL_PX); column++)
        names.push(`${column} ${row}`);
    return names;
  };
  for (const one of [...all].sort((a, b) => b.score - a.score)) {
    const names = cellsOf(one);
    const twice = names.some((name) =>
      (cells.get(name) ?? []).some(
        (other) => other.tile !== one.tile && other.class === one.class && overlap(one, other) > 0.5,
      ),
    );
    if (twice) continue;
    kept.push(one);
    for (const name of names) {
      const cell = cells.get(name);
      if (cell === undefined) cells.set(name, [one]);
      else cell.push(one);
    }
  }
  return kept;
}

function overlap(a: Found, b: Found): number {
  const width = Math.min(a.x2, b.x2) - Math.max(a.x1, b.x1);
  const height = Math.min(a.y2, b.y2) - Math.max(a.y1, b.y1);
  if (width <= 0 || height <= 0) return 0;
  const area = ({ x1, y1, x2, y2 }: Found) => (x2 - x1) * (y2 - y1);
  return (width * height) / (area(a) + area(b) - width * height);
}
