import { expect, it } from "vitest";
import { drawPoints, nearestPoint, pointsWithin, toScreen, wholeFrame } from "./points.ts";

const points = Float32Array.from([0, 0, 1, 0, 0, 1, 1, 1]);
const size = { width: 200, height: 100 };

it("the whole frame holds all points, and what is drawn at a place is what is nearest to it", () => {
  const frame = wholeFrame(points);
  const place = toScreen(size, frame);
  for (let i = 0; i < 4; i++) {
    const [x, y] = place(points[2 * i], points[2 * i + 1]);
    expect(x > 0 && x < 200 && y > 0 && y < 100).toBe(true);
    expect(nearestPoint(points, size, frame, [x + 3, y - 3])).toBe(i);
  }
  expect(nearestPoint(points, size, frame, [0, 0])).toBe(-1);
});

it("north is up: a lasso around the upper half holds the points of greater y", () => {
  const upper = [
    [0, 0],
    [200, 0],
    [200, 50],
    [0, 50],
  ] as [number, number][];
  expect(pointsWithin(points, size, wholeFrame(points), upper)).toEqual([2, 3]);
});

it("points are drawn in their colours on the ground, those with a label with a rim", () => {
  const image = { width: 200, height: 100, data: new Uint8ClampedArray(200 * 100 * 4) } as unknown as ImageData;
  const colours = {
    of: Uint32Array.from([0xff0000, 0x00ff00, 0x0000ff, 0x123456]),
    emphasised: Uint8Array.of(0, 0, 0, 1),
  };
  const frame = wholeFrame(points);
  drawPoints(image, points, colours, frame, 1, 0x0a0e17);
  const at = ([x, y]: [number, number]) => [...image.data.slice((Math.floor(y) * 200 + Math.floor(x)) * 4).slice(0, 3)];
  const place = toScreen(size, frame);
  expect(at(place(0, 0))).toEqual([255, 0, 0]);
  expect(at(place(0, 1))).toEqual([0, 0, 255]);
  expect(at([1, 1])).toEqual([10, 14, 23]);
  const [x, y] = place(1, 1);
  expect([at([x, y]), at([x + 3, y])]).toEqual([
    [0x12, 0x34, 0x56],
    [245, 241, 232],
  ]);
});
