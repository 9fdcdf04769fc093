import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stratifiedSplit } from "./split.ts";

describe("stratified split", () => {
  it("puts every object into exactly one part, each class with its share", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 200 }),
        fc.integer({ min: 0, max: 1e6 }),
        (classes, seed) => {
          const split = stratifiedSplit(classes, { validation: 0.2, test: 0.3 }, seed);
          expect([...split.train, ...split.validation, ...split.test].sort((a, b) => a - b)).toEqual(
            classes.map((_, i) => i),
          );
          for (const k of [0, 1, 2, 3]) {
            const [total, test] = [classes, split.test.map((i) => classes[i])].map(
              (list) => list.filter((c) => c === k).length,
            );
            if (total >= 3) expect(Math.abs(test - 0.3 * total)).toBeLessThanOrEqual(1);
          }
        },
      ),
    );
  });

  it("depends on the seed alone", () => {
    const classes = Array.from({ length: 60 }, (_, i) => i % 3);
    const shares = { validation: 0.2, test: 0.2 };
    expect(stratifiedSplit(classes, shares, 1)).toEqual(stratifiedSplit(classes, shares, 1));
    expect(stratifiedSplit(classes, shares, 1)).not.toEqual(stratifiedSplit(classes, shares, 2));
    expect(stratifiedSplit(classes, { validation: 0, test: 0 }, 1).train.length).toBe(60);
  });
});
