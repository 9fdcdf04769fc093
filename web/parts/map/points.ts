/** Points of a map on the screen: where they lie, which is nearest, which lie in a lasso, and drawing them. */

/** What a map shows of its plane: the middle in the map's own units, and how many frame sizes one unit is. */
export interface MapFrame {
  scale: number;
  x: number;
  y: number;
}

/** How the objects of a map are drawn. */
export interface MapColours {
  /** For each object a colour as 0xRRGGBB. */
  of: Uint32Array;
  /** Objects that are drawn last and larger. */
  emphasised?: Uint8Array;
}

/** Width and height of a canvas in px. */
export interface Size {
  width: number;
  height: number;
}

/** A point on a canvas in px, from its upper left corner. */
export type CanvasPoint = [x: number, y: number];

/** The frame around nearly all points: the outermost of them do not count. */
export function wholeFrame(points: Float32Array): MapFrame {
  const n = points.length / 2;
  const take = Math.max(1, Math.floor(n / 5000));
  const axis = (offset: number): [number, number] => {
    const values: number[] = [];
    for (let i = 0; i < n; i += take) values.push(points[2 * i + offset]);
    values.sort((a, b) => a - b);
    const at = (share: number) => values[Math.min(values.length - 1, Math.floor(share * values.length))];
    return [at(0.002), at(0.998)];
  };
  const [[x0, x1], [y0, y1]] = [axis(0), axis(1)];
  return { x: (x0 + x1) / 2, y: (y0 + y1) / 2, scale: 1 / (Math.max(x1 - x0, y1 - y0, 1e-6) * 1.1) };
}

/** Pixels of the screen in one of the map's units. */
export const unitOf = ({ width, height }: Size, { scale }: MapFrame): number => Math.min(width, height) * scale;

/** Where a point of the map lies on the screen. */
export function toScreen(size: Size, frame: MapFrame): (x: number, y: number) => CanvasPoint {
  const unit = unitOf(size, frame);
  return (x, y) => [(x - frame.x) * unit + size.width / 2, size.height / 2 - (y - frame.y) * unit];
}

/** The nearest point within some pixels of a place on the screen; -1 without one. */
export function nearestPoint(
  points: Float32Array,
  size: Size,
  frame: MapFrame,
  [px, py]: CanvasPoint,
  within = 14,
): number {
  const place = toScreen(size, frame);
  let [best, least] = [-1, within ** 2];
  for (let i = 0; i < points.length / 2; i++) {
    const [x, y] = place(points[2 * i], points[2 * i + 1]);
    const distance = (x - px) ** 2 + (y - py) ** 2;
    if (distance < least) [best, least] = [i, distance];
  }
  return best;
}

/** The points inside a polygon on the screen. */
export function pointsWithin(points: Float32Array, size: Size, frame: MapFrame, polygon: CanvasPoint[]): number[] {
  const place = toScreen(size, frame);
  const inside: number[] = [];
  for (let i = 0; i < points.length / 2; i++)
    if (isWithin(polygon, place(points[2 * i], points[2 * i + 1]))) inside.push(i);
  return inside;
}

/** Whether a place lies in a polygon (crossings of a ray). */
function isWithin(polygon: CanvasPoint[], [x, y]: CanvasPoint): boolean {
  let inside = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [[xi, yi], [xj, yj]] = [polygon[i], polygon[j]];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
  }
  return inside;
}

/** Canvas pixels are bytes R, G, B, A: as little-endian words 0xAABBGGRR. */
const word = (rgb: number): number => 0xff000000 | ((rgb & 0xff) << 16) | (rgb & 0xff00) | (rgb >>> 16);

/** Points as small squares, larger where emphasised, into an opaque image of `dense` pixels a pixel of the page. */
export function drawPoints(
  image: ImageData,
  points: Float32Array,
  { of, emphasised }: MapColours,
  frame: MapFrame,
  dense: number,
  background: number,
): void {
  const { width, height } = image;
  const unit = unitOf(image, frame);
  const pixels = new Uint32Array(image.data.buffer);
  pixels.fill(word(background));
  const rim = 0xff000000 | (word(background) ^ 0xffffff);
  const [left, top] = [width / 2 - frame.x * unit, height / 2 + frame.y * unit];
  const square = (i: number, side: number, colour: number) => {
    const x0 = Math.floor(left + points[2 * i] * unit - side / 2 + 0.5);
    const y0 = Math.floor(top - points[2 * i + 1] * unit - side / 2 + 0.5);
    if (x0 < 0 || y0 < 0 || x0 + side > width || y0 + side > height) return;
    // For a few pixels a loop is many times faster than `fill`.
    for (let y = y0; y < y0 + side; y++)
      for (let at = y * width + x0; at < y * width + x0 + side; at++) pixels[at] = colour;
  };
  const n = points.length / 2;
  const side = Math.round(dense * (n > 50_000 ? 2 : n > 5000 ? 3 : 4));
  for (let i = 0; i < n; i++) square(i, side, word(of[i]));
  if (emphasised === undefined) return;
  for (let i = 0; i < n; i++) {
    if (emphasised[i] === 0) continue;
    square(i, side + Math.round(4 * dense), rim);
    square(i, side + Math.round(2 * dense), word(of[i]));
  }
}
