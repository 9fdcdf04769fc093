import { expect, it } from "vitest";
import { wilson } from "./percent.ts";

it("no positive among ten random picks says no more than up to a quarter", () => {
  const [low, high] = wilson(0, 10);
  // scipy.stats.binomtest(0, 10).proportion_ci(method="wilson") gives 0, 0.27754.
  expect(low).toBeCloseTo(0, 10);
  expect(high).toBeCloseTo(0.27753, 4);
  expect(wilson(7, 10)[0]).toBeCloseTo(0.39678, 4);
  expect(wilson(7, 10)[1]).toBeCloseTo(0.89221, 4);
  expect(wilson(0, 0)).toEqual([0, 1]);
});
