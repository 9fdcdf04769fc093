import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cocoRuns, cutMask, maskOfPolygons, maskOfRuns, runsOf } from "./run-lengths.ts";

describe("run lengths", () => {
  it("go column by column, zeros first, as COCO has them", () => {
    // By pycocotools 2.0: encode(asfortranarray([[1, 0, 1], [1, 0, 0]])).
    const mask = cutMask(Uint8Array.from([1, 0, 1, 1, 0, 0]), 3, 2);
    expect(runsOf(mask, 3, 2)).toEqual([0, 2, 2, 1, 1]);
    expect(cocoRuns(mask, 3, 2)).toBe("022OO");
    expect(maskOfRuns("022OO", 3, 2)).toEqual(mask);
  });
  it("come back as the same mask, wherever it lies", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 9 }),
        fc.array(fc.boolean(), { minLength: 81, maxLength: 81 }),
        (width, height, drawn) => {
          const bits = Uint8Array.from(drawn.slice(0, width * height), Number);
          const mask = cutMask(bits, width, height);
          expect(maskOfRuns(cocoRuns(mask, width, height), width, height)).toEqual(mask);
          const runs = runsOf(mask, width, height);
          expect(runs.reduce((sum, run) => sum + run, 0)).toBe(width * height);
          expect(runs.slice(1).every((run) => run > 0)).toBe(true);
        },
      ),
    );
  });
  it("of another image, or that are none, are refused", () => {
    expect(maskOfRuns([0, 2, 2, 1, 1], 3, 3)).toBeNull();
    expect(maskOfRuns([-1, 7], 3, 2)).toBeNull();
    expect(maskOfRuns("~~~", 3, 2)).toBeNull();
    expect(maskOfRuns({}, 3, 2)).toBeNull();
    expect(maskOfRuns([6], 3, 2)).toMatchObject({ width: 0, height: 0 });
  });
});

describe("polygons", () => {
  it("hold the pixels whose middles lie inside, all of them joined", () => {
    const square = maskOfPolygons([[1, 1, 3, 1, 3, 4, 1, 4]], 5, 5);
    expect(square).toMatchObject({ x: 1, y: 1, width: 2, height: 3 });
    expect([...square.bits]).toEqual([1, 1, 1, 1, 1, 1]);
    const two = maskOfPolygons(
      [
        [0, 0, 1, 0, 1, 1, 0, 1],
        [3.4, 3.4, 5, 3.4, 5, 5, 3.4, 5],
      ],
      5,
      5,
    );
    expect(two).toMatchObject({ x: 0, y: 0, width: 5, height: 5 });
    expect(two.bits.reduce((sum, bit) => sum + bit, 0)).toBe(5);
  });
});
