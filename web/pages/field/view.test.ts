import { expect, it } from "vitest";
import { toFile, toShown, turnedBox } from "../../parts/field/turn.ts";
import { hit, levelFor, showing, tilesInSight, toPicture, wholeField, zoomed } from "./view.ts";

const PICTURE = [1000, 600] as const;
const FRAME = [500, 400] as const;

it("turns a file's pixels to the screen and back, whatever way they stand", () => {
  for (const swap of [false, true])
    for (const flipX of [false, true])
      for (const flipY of [false, true]) {
        const field = { widthPx: 70, heightPx: 30, turn: { swap, flipX, flipY } };
        const shown = toShown(field, 12, 5);
        expect(toFile(field, ...shown)).toEqual([12, 5]);
        expect(turnedBox(toFile, field, turnedBox(toShown, field, [12, 5, 20, 9]))).toEqual([12, 5, 20, 9]);
      }
  // A FITS image that stands north up: its first row is the lowest.
  const fits = { widthPx: 70, heightPx: 30, turn: { swap: false, flipX: false, flipY: true } };
  expect(turnedBox(toShown, fits, [0, 0, 10, 4])).toEqual([0, 26, 10, 30]);
});

it("zooms around the pointer and shows the whole at first", () => {
  const whole = wholeField(PICTURE, FRAME);
  expect(whole).toEqual({ x: 500, y: 300, scale: 0.5 });
  const place = toPicture(whole, [120, 90], FRAME);
  const near = zoomed(whole, 4, [120, 90], PICTURE, FRAME);
  expect(near.scale).toBe(2);
  const still = toPicture(near, [120, 90], FRAME);
  expect(still[0]).toBeCloseTo(place[0]);
  expect(still[1]).toBeCloseTo(place[1]);
  expect(zoomed(whole, 1e-9, [0, 0], PICTURE, FRAME).scale).toBe(0.25);
});

it("moves to an object only where it is out of sight", () => {
  const near = { x: 500, y: 300, scale: 2 };
  expect(showing(near, [480, 280, 520, 320], FRAME)).toBe(near);
  expect(showing(near, [800, 80, 840, 120], FRAME)).toEqual({ x: 820, y: 100, scale: 2 });
});

it("asks for the parts in sight at the level that the screen can show", () => {
  expect([levelFor(2, 3, 1), levelFor(0.5, 3, 1), levelFor(0.5, 3, 2), levelFor(0.01, 3, 1)]).toEqual([0, 1, 0, 2]);
  const view = { x: 700, y: 300, scale: 1 };
  const found = tilesInSight(view, FRAME, PICTURE, { tilePx: 512, level: 0 });
  expect(found.map(({ column, row }) => [column, row])).toEqual([
    [0, 0],
    [1, 0],
  ]);
  expect(tilesInSight(view, FRAME, PICTURE, { tilePx: 512, level: 1 })).toEqual([
    { level: 1, column: 0, row: 0, x: 0, y: 0, step: 2 },
  ]);
});

it("finds the smallest object under the pointer", () => {
  const [large, small] = [{ box: [0, 0, 100, 100] }, { box: [40, 40, 60, 60] }];
  expect(hit([large, small], [50, 50], 0)).toBe(small);
  expect(hit([large, small], [10, 50], 0)).toBe(large);
  expect(hit([large, small], [104, 50], 5)).toBe(large);
  expect(hit([large, small], [130, 50], 5)).toBeNull();
});
