/** Between the pixels of an image's file and those of the screen: x right, y down, from the upper left corner of the picture. */
import type { FieldTurn } from "../../../src/contract/fields.ts";

/** An image's sides along the file's axes, and how it is turned to be shown. */
export interface Turned {
  widthPx: number;
  heightPx: number;
  turn: FieldTurn;
}

/** The sides of the picture on the screen. */
export const shownSize = ({ widthPx, heightPx, turn }: Turned): [width: number, height: number] =>
  turn.swap ? [heightPx, widthPx] : [widthPx, heightPx];

/** Where an edge of the file's pixels stands in the picture. */
export function toShown(field: Turned, x: number, y: number): [x: number, y: number] {
  const [W, H] = shownSize(field);
  const { swap, flipX, flipY } = field.turn;
  const [along, down] = swap ? [y, x] : [x, y];
  return [flipX ? W - along : along, flipY ? H - down : down];
}

/** Where a place of the picture stands in the file: the inverse of `toShown`. */
export function toFile(field: Turned, x: number, y: number): [x: number, y: number] {
  const [W, H] = shownSize(field);
  const { swap, flipX, flipY } = field.turn;
  const [along, down] = [flipX ? W - x : x, flipY ? H - y : y];
  return swap ? [down, along] : [along, down];
}

/** A box x1 y1 x2 y2 the other way round, its corners in order again. */
export function turnedBox(to: typeof toShown, field: Turned, [x1, y1, x2, y2]: readonly number[]): number[] {
  const [a, b] = [to(field, x1, y1), to(field, x2, y2)];
  return [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[0], b[0]), Math.max(a[1], b[1])];
}

/** Closed lines x, y, x, y, … as the text of a path. */
export function pathOf(field: Turned, lines: readonly (readonly number[])[]): string {
  return lines
    .map((line) => {
      const points: string[] = [];
      for (let i = 0; i < line.length; i += 2) points.push(toShown(field, line[i], line[i + 1]).join(" "));
      return `M${points.join("L")}Z`;
    })
    .join("");
}
