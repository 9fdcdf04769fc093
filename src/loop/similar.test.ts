import { describe, expect, it } from "vitest";
import { Random } from "../base/random.ts";
import { featureSpace } from "./learn.ts";
import { diverseRows, nearestRows } from "./similar.ts";

const [KINDS, EACH, DIM] = [6, 50, 12];
/** Six kinds, each in its own direction. */
function kinds(seed: number) {
  const random = new Random(seed);
  const matrix = Float32Array.from({ length: KINDS * EACH * DIM }, (_, i) =>
    random.normal(i % DIM === 2 * (Math.floor(i / DIM) % KINDS) ? 6 : 0, 0.5),
  );
  return featureSpace(matrix, DIM);
}

describe("diverse objects", () => {
  it("are one of each kind, near its middle, and different with another seed", () => {
    const space = kinds(1);
    const chosen = diverseRows(space, KINDS, new Random(2));
    expect(new Set(chosen.map(({ row }) => row % KINDS)).size).toBe(KINDS);
    for (const { similarity } of chosen) expect(similarity).toBeGreaterThan(0.8);
    const many = diverseRows(space, 30, new Random(2));
    expect(new Set(many.map(({ row }) => row)).size).toBe(30);
    expect(diverseRows(space, 30, new Random(3))).not.toEqual(many);
    expect(diverseRows(space, 30, new Random(2))).toEqual(many);
  });
  it("are all there are when more are asked for", () => {
    const space = featureSpace(
      Float32Array.from({ length: 5 * 4 }, (_, i) => Math.sin(i)),
      4,
    );
    expect(
      diverseRows(space, 20, new Random(1))
        .map(({ row }) => row)
        .sort(),
    ).toEqual([0, 1, 2, 3, 4]);
  });
});

describe("nearest objects", () => {
  it("are of the same kind, the object itself left out", () => {
    const near = nearestRows(kinds(1), 7, 20);
    expect(near.every(({ row }) => row % KINDS === 1 && row !== 7)).toBe(true);
  });
});
