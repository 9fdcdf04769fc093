import { expect, it } from "vitest";
import { shareOf } from "../../recipes/parameters/fine-tuned.ts";

it("weighs two ways to say a number so that the mean has least squared error, and no less than nothing", () => {
  const [truth, low, high] = [
    [1, 2, 3, 4],
    [0, 1, 2, 3],
    [4, 5, 6, 7],
  ];
  // One is 1 too low, the other 3 too high: three quarters of the first, a quarter of the second.
  expect(shareOf(truth, low, high)).toBeCloseTo(0.25, 12);
  expect(shareOf(truth, high, low)).toBeCloseTo(0.75, 12);
  expect(shareOf(truth, truth, high)).toBe(0);
  expect(shareOf(truth, low, truth)).toBe(1);
  expect(shareOf(truth, low, [-1, 0, 1, 2])).toBe(0);
  expect(shareOf(truth, low, low)).toBe(0);
});
