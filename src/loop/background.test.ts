import { describe, expect, it } from "vitest";
import { backgroundCount, drawBackground } from "./background.ts";

const examplesOf = (positives: number, negatives: number) =>
  Array.from({ length: positives + negatives }, (_, row) => ({ row, positive: row < positives }));
const open = Array.from({ length: 1000 }, (_, i) => i + 500);

describe("unlabelled objects as negatives", () => {
  it("are 100 while nothing is negative, and fewer where more of the answers are positive", () => {
    expect(backgroundCount(examplesOf(5, 0))).toBe(100);
    expect(backgroundCount(examplesOf(2, 18))).toBe(100);
    expect(backgroundCount(examplesOf(20, 80))).toBe(100);
    expect(backgroundCount(examplesOf(30, 70))).toBe(50);
    expect(backgroundCount(examplesOf(40, 60))).toBe(0);
    expect(backgroundCount(examplesOf(60, 40))).toBe(0);
  });

  it("are always 100 where that was asked for, whatever the answers say", () => {
    for (const [positives, negatives] of [
      [5, 0],
      [2, 18],
      [30, 70],
      [60, 40],
      [99, 1],
    ]) {
      expect(backgroundCount(examplesOf(positives, negatives), "always")).toBe(100);
      const drawn = drawBackground(
        { search: 1, round: 2, unlabelled: "always" },
        open,
        examplesOf(positives, negatives),
      );
      expect(drawn).toHaveLength(100);
      // Without weights of their own: the learner gives either class the same in all.
      expect(drawn.every((one) => !one.positive && one.weight === undefined)).toBe(true);
    }
    const few = examplesOf(2, 18);
    const draw = { search: 1, round: 2 };
    expect(drawBackground({ ...draw, unlabelled: "always" }, open, few)).toEqual(drawBackground(draw, open, few));
    expect(drawBackground({ ...draw, unlabelled: "fading" }, open, examplesOf(60, 40))).toEqual([]);
  });

  it("are drawn among the open objects, by the search's seed at first and then by the round's", () => {
    const drawn = (search: number, round: number, negatives: number) =>
      drawBackground({ search, round }, open, examplesOf(5, negatives));
    const first = drawn(1, 2, 0);
    expect(new Set(first.map(({ row }) => row)).size).toBe(100);
    expect(first.every(({ row, positive }) => !positive && row >= 500 && row < 1500)).toBe(true);
    expect(drawn(1, 3, 0)).toEqual(first);
    expect(drawn(2, 2, 0)).not.toEqual(first);
    const later = drawn(1, 2, 20);
    expect(later).toHaveLength(100);
    expect(drawn(2, 2, 20)).toEqual(later);
    expect(drawn(1, 3, 20)).not.toEqual(later);
    expect(drawBackground({ search: 1, round: 2 }, open.slice(0, 7), examplesOf(5, 20))).toHaveLength(7);
  });
});
