import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { activeShares, equalShares, takeTurn } from "./shares.ts";

const options = { temperature: 0.2, floor: 0.1 };
const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);

describe("active shares", () => {
  it("sum to one, give the worse task more, and nobody less than the floor", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 2, maxLength: 5 }), (deficits) => {
        const shares = activeShares(deficits, options);
        expect(sum(shares)).toBeCloseTo(1, 9);
        expect(Math.min(...shares)).toBeGreaterThanOrEqual(options.floor - 1e-12);
        for (const [i, a] of deficits.entries())
          for (const [j, b] of deficits.entries()) if (a > b) expect(shares[i]).toBeGreaterThanOrEqual(shares[j]);
      }),
    );
    expect(activeShares([0.3, 0.3, 0.3], options)).toEqual(equalShares(3));
  });

  it("follow the temperature", () => {
    const cold = activeShares([0.1, 0.5], { temperature: 0.01, floor: 0.05 });
    const warm = activeShares([0.1, 0.5], { temperature: 100, floor: 0.05 });
    expect(cold[1]).toBeCloseTo(0.95, 6);
    expect(Math.abs(warm[1] - 0.5)).toBeLessThan(0.01);
  });

  it("refuse what cannot be", () => {
    expect(() => activeShares([1, 1], { temperature: 0, floor: 0 })).toThrow(/above 0/);
    expect(() => activeShares([1, 1], { temperature: 1, floor: 0.5 })).toThrow(/floor of shares/);
  });
});

describe("turns", () => {
  it("give every task its share of the steps to within one", () => {
    const shares = [0.55, 0.3, 0.15];
    const credits = [0, 0, 0];
    const taken = [0, 0, 0];
    for (let step = 1; step <= 200; step++) {
      taken[takeTurn(credits, shares)]++;
      for (const [i, share] of shares.entries()) expect(Math.abs(taken[i] - share * step)).toBeLessThan(1.001);
    }
  });
});
