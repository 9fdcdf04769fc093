import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Random } from "../base/random.ts";
import { choose, ruleMode } from "./choose.ts";
import { featureSpace } from "./learn.ts";

const scores = Float32Array.from({ length: 100 }, (_, i) => i / 100);
const candidates = Array.from({ length: 100 }, (_, i) => i);
/** Objects that point in directions given by `directionOf`, or each in its own. */
function spaceOf(count: number, directionOf: (row: number) => number = (row) => row) {
  const dim = 24;
  const matrix = new Float32Array(count * dim);
  for (let row = 0; row < count; row++) {
    const random = new Random(directionOf(row));
    for (let d = 0; d < dim; d++) matrix[row * dim + d] = random.normal(0, 1);
  }
  return featureSpace(matrix, dim);
}
const base = {
  scores,
  candidates,
  mode: "highest" as const,
  pageSize: 10,
  randomPicks: 0,
  seed: 1,
  examples: [],
  space: spaceOf(100),
};

describe("alpha rule", () => {
  it("follows P / N against alpha, and settles what the paper leaves open", () => {
    expect(ruleMode(1, 2, 0.5)).toBe("highest");
    expect(ruleMode(2, 3, 0.5)).toBe("lower");
    expect(ruleMode(5, 0, 1)).toBe("lower");
    expect(ruleMode(0, 5, 0)).toBe("highest");
    expect(ruleMode(0, 0, 0.5)).toBe("highest");
    expect(ruleMode(3, 3, 1)).toBe("highest");
    expect(ruleMode(1, 1000, 0)).toBe("lower");
  });
});

describe("choose", () => {
  it("shows the highest, in order", () => {
    expect(choose(base).page.map(({ row }) => row)).toEqual([99, 98, 97, 96, 95, 94, 93, 92, 91, 90]);
  });
  it("shows lower ones of each kind among what scores above a half, or among the best where few do", () => {
    const kinds = spaceOf(100, (row) => row % 10);
    const lower = choose({ ...base, space: kinds, mode: "lower" }).page.map(({ row }) => row);
    expect(new Set(lower.map((row) => row % 10)).size).toBe(10);
    expect(Math.min(...lower)).toBeGreaterThan(50);
    // Five of the kinds have an example among the low scores: the others come first.
    const examples = [0, 1, 2, 3, 4].map((row) => ({ row }));
    const others = choose({ ...base, space: kinds, mode: "lower", examples, pageSize: 5 }).page.map(
      ({ row }) => row % 10,
    );
    expect(others.sort()).toEqual([5, 6, 7, 8, 9]);
    const poor = scores.map((score) => score / 2.1);
    const few = choose({ ...base, scores: poor, mode: "lower", pageSize: 5 }).page.map(({ row }) => row);
    expect(Math.min(...few)).toBeGreaterThanOrEqual(90);
    expect(few).not.toEqual([99, 98, 97, 96, 95]);
  });
  it("shows two thirds of the highest on a first page, each with its reason and none twice", () => {
    const kinds = spaceOf(100, (row) => row % 10);
    const { page } = choose({ ...base, space: kinds, mode: "mixed" });
    const of = (wanted: string) => page.filter(({ reason }) => reason === wanted).map(({ row }) => row);
    expect(of("highest")).toEqual([99, 98, 97, 96, 95, 94, 93]);
    expect(of("lower")).toHaveLength(3);
    expect(choose({ ...base, space: kinds, mode: "mixed", highestShare: 0.2 }).page[2].reason).toBe("lower");
    expect(new Set(page.map(({ row }) => row)).size).toBe(10);
    const random = choose({ ...base, mode: "mixed", randomPicks: 3 }).page;
    expect(random).toHaveLength(10);
    expect(random.filter(({ reason }) => reason === "random")).toHaveLength(3);
  });
  it("mixes in random picks that do not look at the scores", () => {
    const counts = new Float64Array(100);
    for (let seed = 0; seed < 3000; seed++)
      for (const { row, reason } of choose({ ...base, pageSize: 6, randomPicks: 5, seed }).page)
        if (reason === "random") counts[row]++;
    // 15,000 draws over 100 objects: 150 each, 12 standard deviation.
    expect(Math.min(...counts)).toBeGreaterThan(150 - 60);
    expect(Math.max(...counts)).toBeLessThan(150 + 60);
  });
  it("passes over near-duplicates of what stands on the page, unless nothing else is left", () => {
    const twins = spaceOf(100, (row) => Math.floor(row / 4));
    expect(choose({ ...base, pageSize: 5, space: twins }).page.map(({ row }) => row)).toEqual([99, 95, 91, 87, 83]);
    expect(
      choose({ ...base, pageSize: 5, space: spaceOf(100, (row) => Math.floor(row / 90)) }).page.map(({ row }) => row),
    ).toEqual([99, 89, 98, 97, 96]);
  });
  it("breaks ties by seed, not by place in the file", () => {
    const flat = new Float32Array(100).fill(0.7);
    const pages = [1, 2, 3].map((seed) =>
      choose({ ...base, scores: flat, seed })
        .page.map(({ row }) => row)
        .join(),
    );
    expect(new Set(pages).size).toBe(3);
  });
  it("never shows what is no candidate or anything twice, fills the page, and says when the pool ends", () => {
    const input = fc.record({
      values: fc.array(fc.float({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 200 }),
      pageSize: fc.integer({ min: 1, max: 30 }),
      randomPicks: fc.integer({ min: 0, max: 10 }),
      mode: fc.constantFrom("highest" as const, "lower" as const),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(input, ({ values, ...rest }) => {
        const space = spaceOf(values.length);
        const open = values.map((_, i) => i).filter((i) => i % 3 !== 0);
        const examples = values.flatMap((_, row) => (row % 3 === 0 ? [{ row }] : []));
        const { page, exhausted } = choose({
          ...rest,
          examples,
          space,
          scores: Float32Array.from(values),
          candidates: open,
        });
        const rows = page.map(({ row }) => row);
        expect(new Set(rows).size).toBe(rows.length);
        expect(rows.every((row) => open.includes(row))).toBe(true);
        expect(rows.length).toBe(Math.min(rest.pageSize, open.length));
        expect(exhausted).toBe(open.length <= rest.pageSize);
        expect(choose({ ...rest, examples, space, scores: Float32Array.from(values), candidates: open }).page).toEqual(
          page,
        );
      }),
    );
  });
});
