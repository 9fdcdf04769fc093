import { describe, expect, it } from "vitest";
import { markdown, spread } from "../../recipes/common/tables.ts";
import { claim } from "../../recipes/multitask/tables.ts";

describe("tables of the recipes", () => {
  it("give mean and sample deviation over seeds", () => {
    const { mean, sd } = spread([1, 2, 6]);
    expect(mean).toBe(3);
    expect(sd).toBeCloseTo(Math.sqrt(7), 12);
    expect(spread([5]).sd).toBe(0);
  });
  it("say of a claim whether it holds, seed by seed", () => {
    expect(claim("a beats b", [2, 3, 4], [1, 1, 1], 1)).toBe("- a beats b: holds here (+2.0 +- 1.0, 3 of 3 seeds)");
    expect(claim("a beats b", [2, 0, 4], [1, 1, 1], 1)).toContain("undecided here (+1.0 +- 2.0, 2 of 3 seeds)");
    expect(claim("a beats b", [0, 0.2], [1, 1], 1)).toContain("does not hold here (-0.9");
    expect(claim("a beats b", [1.2, 1.01], [1, 1], 3)).toContain("undecided here (+0.105");
  });
  it("are Markdown", () => {
    expect(markdown(["a", "b"], [["1", "2"]])).toBe("| a | b |\n| --- | --- |\n| 1 | 2 |");
  });
});
