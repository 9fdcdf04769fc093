import { describe, expect, it } from "vitest";
import { markdown, middle, spread } from "../../recipes/common/tables.ts";
import { goalsTable, paperTable, roundsCsv, roundsTable, summaryTable } from "../../recipes/hunt/report.ts";
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
    expect(goals).toMatch(/bar, base 0\.20: all pages \| at least 0\.7 \| 0\.35 \(0\.25-0\.45\) \| \*\*missed\*\*/);
    expect(goals).toMatch(/bar, base 0\.20: best page \| at least 0\.7 \| 0\.60 \(0\.46-0\.74\) \| \*\*missed\*\*/);
    expect(goals).toMatch(/ring, lift of all pages.* \| at least 3 \| 3\.3 \(3\.3-3\.3\) \| met/);
    expect(goals).toMatch(/face-on spiral.*not measured/);
  });

  it("put the paper's figure beside those of its target, each with its base rate", () => {
    expect(paperTable([bars])).toMatch(
      /^\| \*\*bar\*\* \| 0\.75, base rate not given \| some, base 0\.200 \| 0\.35 \(0\.25-0\.45\) \| 0\.60 .*\| 0\.35 .*\| 0\.40 \(0\.40-0\.40\) \|$/m,
    );
  });

  it("give every round of every way as CSV; a hunt that has ended shows no more", () => {
    const short = { ...hunt([9]), toFind: 10 };
    const rare = [{ share: 0.1, arms: [{ name: "random", hunts: [short, hunt([1, 2])] }] }];
    const [header, ...rows] = roundsCsv([{ ...bars, rare }])
      .trim()
      .split("\n");
    const read = rows.map((row) =>
      Object.fromEntries(row.split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/).map((cell, i) => [header.split(",")[i], cell])),
    );
    expect(read.map(({ pages_by, round }) => [pages_by, round])).toEqual([
      ...[0, 1, 2, 3].map((round) => ['"loop, alpha 0.9"', String(round)]),
      ...[0, 1, 2].map((round) => ['"random"', String(round)]),
    ]);
    expect(read[0]).toMatchObject({ share: "", shown: "0", precision_shown: "", lift: "", clicks_a_find: "" });
    expect(read[2]).toMatchObject({
      base_rate: "0.2",
      draws: "2",
      shown: "20",
      true_shown: "12",
      precision_shown: "0.6",
      lift: "3",
    });
    expect(read[6]).toMatchObject({
      share: "0.1",
      base_rate: "0.1",
      shown: "10",
      true_shown: "2",
      lift: "2",
      found: "6",
    });
    expect(Number(read[2].wilson_low)).toBeCloseTo(0.387, 2);
  });
});
