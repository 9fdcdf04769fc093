import { describe, expect, it } from "vitest";
import { Random } from "../base/random.ts";
import { featureSpace } from "./learn.ts";
import { cosineOf, diverseRows, nearestRows, similarRows } from "./similar.ts";

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

describe("similar objects", () => {
  const space = kinds(1);
  it("by one example are the nearest, with the cosine itself", () => {
    const cosine = cosineOf(space);
    const all = Array.from({ length: space.count }, (_, row) => row).filter((row) => row !== 7);
    const expected = all.sort((a, b) => cosine(7, b) - cosine(7, a) || a - b).slice(0, 15);
    const found = similarRows(space, { like: [7], k: 15 });
    expect(found.map(({ row }) => row)).toEqual(expected);
    for (const { row, similarity } of found) expect(similarity).toBeCloseTo(cosine(7, row), 5);
  });
  it("by several are of either kind; a counterexample turns one away", () => {
    const both = similarRows(space, { like: [1, 2], k: 40 }).map(({ row }) => row % KINDS);
    expect(new Set(both)).toEqual(new Set([1, 2]));
    const without = similarRows(space, { like: [1, 2], unlike: [8], k: 40 }).map(({ row }) => row % KINDS);
    expect(without.filter((kind) => kind === 1).length).toBeGreaterThan(35);
  });
  it("may be like features from elsewhere, and are found among many rows as among few", () => {
    const place = space.matrix.gather([3]);
    const [first] = similarRows(space, { like: [place], k: 1 });
    expect(first.row).toBe(3);
    expect(first.similarity).toBeCloseTo(1, 5);
    const rows = 40_000;
    const random = new Random(4);
    const large = featureSpace(
      Float32Array.from({ length: rows * 4 }, () => random.normal()),
      4,
    );
    const cosine = cosineOf(large);
    const best = Array.from({ length: rows }, (_, row) => row).sort((a, b) => cosine(0, b) - cosine(0, a) || a - b);
    expect(similarRows(large, { like: [0], k: 20 }).map(({ row }) => row)).toEqual(best.slice(1, 21));
  });
  it("stand together where they are nearly the same", () => {
    const matrix = space.matrix.rows(0, space.count).slice();
    // Row 20 becomes a copy of row 14, row 26 nearly one.
    for (let d = 0; d < DIM; d++) {
      matrix[20 * DIM + d] = matrix[14 * DIM + d];
      matrix[26 * DIM + d] = matrix[14 * DIM + d] * 1.0001;
    }
    const found = similarRows(featureSpace(matrix, DIM), { like: [2], k: 30, grouped: true });
    const group = found.find(({ duplicates }) => duplicates.length > 0);
    expect([group?.row, ...(group?.duplicates ?? [])].sort()).toEqual([14, 20, 26]);
    expect(found).toHaveLength(30);
  });
});
