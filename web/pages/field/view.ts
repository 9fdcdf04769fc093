/** How a field lies in its frame: which place of the picture is in the middle, and how large a pixel is. */

/** Place of the picture in the frame's middle, and the side of one of its pixels in the page's. */
export interface FieldViewport {
  x: number;
  y: number;
  scale: number;
}

/** Sides of a frame or of a picture. */
export type Sides = readonly [width: number, height: number];

const LARGEST = 24;

/** The whole picture in the frame. */
export const wholeField = ([W, H]: Sides, [width, height]: Sides): FieldViewport => ({
  x: W / 2,
  y: H / 2,
  scale: Math.min(width / W, height / H),
});

/** Magnified, with what lies under a place of the frame staying there; never smaller than half the whole. */
export function zoomed(view: FieldViewport, factor: number, at: Sides, picture: Sides, frame: Sides): FieldViewport {
  const least = Math.min(wholeField(picture, frame).scale / 2, LARGEST);
  const scale = Math.min(LARGEST, Math.max(least, view.scale * factor));
  const [x, y] = toPicture(view, at, frame);
  return kept({ scale, x: x - (at[0] - frame[0] / 2) / scale, y: y - (at[1] - frame[1] / 2) / scale }, picture);
}

/** Moved by pixels of the page: the picture follows the pointer. */
export const dragged = (view: FieldViewport, dx: number, dy: number, picture: Sides): FieldViewport =>
  kept({ ...view, x: view.x - dx / view.scale, y: view.y - dy / view.scale }, picture);

/** Some of the picture stays in sight. */
const kept = ({ x, y, scale }: FieldViewport, [W, H]: Sides): FieldViewport => ({
  x: Math.min(W, Math.max(0, x)),
  y: Math.min(H, Math.max(0, y)),
  scale,
});

/** A place of the frame in the picture. */
export const toPicture = (
  { x, y, scale }: FieldViewport,
  [px, py]: Sides,
  [width, height]: Sides,
): [number, number] => [x + (px - width / 2) / scale, y + (py - height / 2) / scale];

/** With a box (x1 y1 x2 y2 of the picture) well in sight: as it is where it lies inside and is not tiny, else around it. */
export function showing(view: FieldViewport, [x1, y1, x2, y2]: readonly number[], frame: Sides): FieldViewport {
  const [left, top] = toPicture(view, [40, 40], frame);
  const [right, bottom] = toPicture(view, [frame[0] - 40, frame[1] - 40], frame);
  const [x, y] = [(x1 + x2) / 2, (y1 + y2) / 2];
  if (x1 > left && y1 > top && x2 < right && y2 < bottom) return view;
  return { ...view, x, y };
}

/** A part of the picture as the server keeps it. */
export interface FieldTilePlace {
  level: number;
  column: number;
  row: number;
  /** Where it lies in the picture, in full pixels. */
  x: number;
  y: number;
  /** Full pixels in one of its own. */
  step: number;
}

/** The parts of level `level` that a frame shows. */
export function tilesInSight(
  view: FieldViewport,
  frame: Sides,
  [W, H]: Sides,
  { tilePx, level }: { tilePx: number; level: number },
): FieldTilePlace[] {
  const step = 2 ** level;
  const side = tilePx * step;
  const [x1, y1] = toPicture(view, [0, 0], frame);
  const [x2, y2] = toPicture(view, frame, frame);
  const found: FieldTilePlace[] = [];
  for (let row = Math.max(0, Math.floor(y1 / side)); row * side < Math.min(H, y2); row++)
    for (let column = Math.max(0, Math.floor(x1 / side)); column * side < Math.min(W, x2); column++)
      found.push({ level, column, row, x: column * side, y: row * side, step });
  return found;
}

/** The level whose pixels are no larger than the screen's, or the finest. */
export const levelFor = (scale: number, levels: number, density: number): number =>
  Math.min(levels - 1, Math.max(0, Math.floor(Math.log2(1 / (scale * density)) + 1e-6)));

/** Something with a box in the picture. */
export interface Boxed {
  box: readonly number[];
}

/** The smallest thing whose box holds a place, a few pixels of the page beyond it included. */
export function hit<T extends Boxed>(
  things: readonly T[],
  [x, y]: readonly [number, number],
  margin: number,
): T | null {
  let best: T | null = null;
  const area = ({ box: [x1, y1, x2, y2] }: Boxed) => (x2 - x1) * (y2 - y1);
  for (const thing of things) {
    const [x1, y1, x2, y2] = thing.box;
    const inside = x >= x1 - margin && x <= x2 + margin && y >= y1 - margin && y <= y2 + margin;
    if (inside && (best === null || area(thing) < area(best))) best = thing;
  }
  return best;
}
