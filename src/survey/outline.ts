/** Outlines of masks, as lines along the edges of pixels. */
import type { MaskPx } from "../contract/detection.ts";

/** Steps around a pixel with its inside to the right in file order: along the lower edge, up, back, down. */
const STEPS = [
  [1, 0],
  [0, 1],
  [-1, 0],
  [0, -1],
] as const;

/**
 * The closed lines around a mask's pixels and its holes, each x, y, x, y, … at its corners, in pixels of the image (whole numbers:
 * edges). Filled even-odd they give the mask back.
 */
export function maskOutline({ x: x0, y: y0, width: W, height: H, bits }: MaskPx): number[][] {
  const set = (x: number, y: number) => x >= 0 && y >= 0 && x < W && y < H && bits[y * W + x] === 1;
  // By corner, the directions of the edges that leave it and are not walked yet.
  const leaving = new Map<number, number[]>();
  const corner = (x: number, y: number) => y * (W + 1) + x;
  const edge = (x: number, y: number, direction: number) => {
    const known = leaving.get(corner(x, y));
    if (known === undefined) leaving.set(corner(x, y), [direction]);
    else known.push(direction);
  };
  for (let y = 0; y < H; y++)
    for (let x = 0; x < W; x++) {
      if (!set(x, y)) continue;
      if (!set(x, y - 1)) edge(x, y, 0);
      if (!set(x + 1, y)) edge(x + 1, y, 1);
      if (!set(x, y + 1)) edge(x + 1, y + 1, 2);
      if (!set(x - 1, y)) edge(x, y + 1, 3);
    }
  const lines: number[][] = [];
  for (const [start, directions] of leaving)
    while (directions.length > 0) {
      const line: number[] = [];
      let [x, y, before] = [start % (W + 1), Math.floor(start / (W + 1)), -1];
      do {
        const next = leaving.get(corner(x, y)) as number[];
        // Where two pixels touch at a corner each keeps a line of its own: turn towards the pixel that is walked around.
        const turn = next.indexOf((before + 1) % 4);
        const [direction] = next.splice(before >= 0 && turn >= 0 ? turn : 0, 1);
        if (direction !== before) line.push(x0 + x, y0 + y);
        x += STEPS[direction][0];
        y += STEPS[direction][1];
        before = direction;
      } while (corner(x, y) !== start);
      lines.push(line);
    }
  return lines;
}
