import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { choose, lowerTarget, ruleMode } from "./choose.ts";

const scores = Float32Array.from({ length: 100 }, (_, i) => i / 100);
const candidates = Array.from({ length: 100 }, (_, i) => i);
const base = { scores, candidates, mode: "highest" as const, pageSize: 10, randomPicks: 0, seed: 1 };

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
  it("shows lower ones around the median of what scores above a half", () => {
    expect(lowerTarget(scores, candidates)).toBeCloseTo(0.75, 2);
    const rows = choose({ ...base, mode: "lower" })
      .page.map(({ row }) => row)
      .sort((a, b) => a - b);
    expect([rows[0], rows[9]]).toEqual([71, 80]);
    expect(lowerTarget(new Float32Array(5).fill(0.1), [0, 1, 2])).toBe(0.5);
  });
  it("mixes in random picks that do not look at the scores", () => {
    const counts = new Float64Array(100);
    for (let seed = 0; seed < 3000; seed++)
      for (const { row, reason } of choose({ ...base, pageSize: 6, randomPicks: 5, seed }).page) if (reason === "random") counts[row]++;
    // 15,000 draws over 100 objects: 150 each, 12 standard deviation.
    expect(Math.min(...counts)).toBeGreaterThan(150 - 60);
    expect(Math.max(...counts)).toBeLessThan(150 + 60);
  });
  it("passes over near-duplicates of what stands on the page, unless nothing else is left", () => {
    const twins = (a: number, b: number) => (Math.floor(a / 4) === Math.floor(b / 4) ? 1 : 0);
    expect(choose({ ...base, pageSize: 5, similarity: twins }).page.map(({ row }) => row)).toEqual([99, 95, 91, 87, 83]);
    expect(choose({ ...base, pageSize: 5, similarity: () => 1 }).page.map(({ row }) => row)).toEqual([99, 98, 97, 96, 95]);
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
        const open = values.map((_, i) => i).filter((i) => i % 3 !== 0);
        const { page, exhausted } = choose({ ...rest, scores: Float32Array.from(values), candidates: open });
        const rows = page.map(({ row }) => row);
        expect(new Set(rows).size).toBe(rows.length);
        expect(rows.every((row) => open.includes(row))).toBe(true);
        expect(rows.length).toBe(Math.min(rest.pageSize, open.length));
        expect(exhausted).toBe(open.length <= rest.pageSize);
        expect(choose({ ...rest, scores: Float32Array.from(values), candidates: open }).page).toEqual(page);
      }),
    );
  });
});
