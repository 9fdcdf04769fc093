import { describe, expect, it } from "vitest";
import { markdown, middle, spread } from "../../recipes/common/tables.ts";
import { goalsTable, roundsTable, summaryTable } from "../../recipes/hunt/report.ts";
import { claim } from "../../recipes/multitask/tables.ts";

describe("tables of the recipes", () => {
  it("give mean and sample deviation over seeds", () => {
    const { mean, sd } = spread([1, 2, 6]);
    expect(mean).toBe(3);
    expect(sd).toBeCloseTo(Math.sqrt(7), 12);
    expect(spread([5]).sd).toBe(0);
  });
  it("give the median and the middle 68 %", () => {
    const { median, low, high } = middle([5, 1, 2, 4, 3]);
    expect([median, low, high]).toEqual([3, expect.closeTo(1.64, 12), expect.closeTo(4.36, 12)]);
    expect(middle([]).median).toBeNaN();
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

describe("tables of hunts", () => {
  /** A hunt of three pages of ten with so many true ones on each. */
  const hunt = (pages: number[]) => {
    let found = 0;
    return {
      toFind: 40,
      rounds: [0, ...pages].map((positives, round) => {
        found += positives;
        const shown = round === 0 ? 0 : 10;
        return { round, mode: "highest" as const, shown, positives, found, aupr: 0.5, atN: 0.4 };
      }),
    };
  };
  const target = (name: string, base: number, hunts: ReturnType<typeof hunt>[]) => ({
    name,
    set: "some",
    means: "so",
    base,
    objects: 400,
    arms: [{ name: "loop, alpha 0.9", hunts }],
    rare: [],
  });
  const bars = target("bar", 0.2, [hunt([2, 8, 5]), hunt([0, 4, 2])]);

  it("never show a precision without its base rate, and name the worst draw", () => {
    const summary = summaryTable([bars]);
    expect(summary).toContain("**bar**, base 0.200");
    // 21 of 60, 1.75 times the base rate, at worst 6 found.
    expect(summary).toMatch(/\| 0\.35 \[0\.24, 0\.48\] \| 1\.\d \| 11 \(7-14\) of 40 \|.*\| 6 \|$/m);
    const rounds = roundsTable(bars);
    expect(rounds).toContain("base rate 0.200");
    expect(rounds).toContain("Worst draw: 0, 4, 2 true ones");
    expect(rounds).toMatch(/^\| 2 \| highest \| 0\.60 \[/m);
  });

  it("name the goals that were missed, with their figures", () => {
    const goals = goalsTable([bars, target("ring", 0.1, [hunt([4, 3, 3])])]);
    expect(goals).toMatch(/bar, best page, base 0\.20 \| at least 0\.7 \| 0\.60 \(0\.46-0\.74\) \| \*\*missed\*\*/);
    expect(goals).toMatch(/ring, lift of all pages.* \| at least 3 \| 3\.3 \(3\.3-3\.3\) \| met/);
    expect(goals).toMatch(/face-on spiral.*not measured/);
  });
});
