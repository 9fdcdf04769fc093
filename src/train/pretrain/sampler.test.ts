import fc from "fast-check";
import { expect, it } from "vitest";
import { Sampler, weightsOf } from "./sampler.ts";

const surveyOf = Uint16Array.from({ length: 90 }, (_, row) => (row < 60 ? 0 : 1));
const counts = (rows: number[]) => Array.from({ length: 90 }, (_, row) => rows.filter((one) => one === row).length);

it("shows every galaxy of every survey as often as the weight of its survey says", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1000 }), (seed) => {
      const sampler = new Sampler({ surveyOf, weights: [0.5, 2], batchSize: 10, seed });
      expect(sampler.perEpoch).toBe(9);
      const seen = counts(Array.from({ length: 2 * 9 }, (_, pass) => sampler.rows(pass)).flat());
      expect(seen.slice(0, 60).every((n) => n === 1)).toBe(true);
      expect(seen.slice(60).every((n) => n === 4)).toBe(true);
    }),
    { numRuns: 20 },
  );
});

it("needs no memory: any pass by itself is what it is in the row", () => {
  const options = { surveyOf, weights: [0.7, 1.3], batchSize: 8, seed: 3 };
  const one = new Sampler(options);
  const all = Array.from({ length: 40 }, (_, pass) => one.rows(pass));
  expect(all.slice(0, 10).flat()).not.toEqual(all.slice(10, 20).flat());
  for (const pass of [39, 3, 17, 0]) expect(new Sampler(options).rows(pass)).toEqual(all[pass]);
});

it("fills the places of a batch from parts in turn, and shows every galaxy of each", () => {
  const shards = { count: 3, of: Uint16Array.from({ length: 90 }, (_, row) => row % 3) };
  const sampler = new Sampler({ surveyOf, weights: [1, 1], batchSize: 10, seed: 4, shards });
  // Parts of 30 fill 4, 3 and 3 places.
  expect(sampler.perEpoch).toBe(7);
  const passes = Array.from({ length: 10 }, (_, pass) => sampler.rows(pass));
  for (const rows of passes) expect(rows.map((row) => row % 3)).toEqual([0, 1, 2, 0, 1, 2, 0, 1, 2, 0]);
  const seen = counts(passes.flat());
  for (const [row, n] of seen.entries()) if (row % 3 > 0) expect(n).toBe(1);
  expect(new Set(passes.map((rows) => Math.floor(rows[0] / 3) - Math.floor(rows[1] / 3))).size).toBeGreaterThan(3);
  expect(new Sampler({ surveyOf, weights: [1, 1], batchSize: 10, seed: 4, shards }).rows(9)).toEqual(passes[9]);
});

it("refuses a batch that the galaxies do not fill, and weights of surveys that are not there", () => {
  expect(() => new Sampler({ surveyOf, weights: [0.1, 0.1], batchSize: 10, seed: 1 })).toThrow(
    /9 stamps do not fill a batch of 10/,
  );
  expect(() => weightsOf(["/data/efigi", "/data/sim4k"], { sim: 2 })).toThrow(/not among the surveys \(efigi, sim4k\)/);
  expect(weightsOf(["/data/efigi", "/data/sim4k"], { sim4k: 0.5 })).toEqual([1, 0.5]);
});
