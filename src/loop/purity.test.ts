import { describe, expect, it } from "vitest";
import { Random } from "../base/random.ts";
import { type JudgedCandidate, purityByScore } from "./purity.ts";

const candidate = (score: number, real: boolean | null, i: number): JudgedCandidate => ({ id: String(i), score, real });

describe("purity by score", () => {
  it("counts what was looked at, with Wilson's intervals", () => {
    const scores = [0.95, 0.95, 0.91, 1, 0.55, 0.55, 0.12];
    const said = [true, true, false, true, false, null, null];
    const { bins, looked, leastLooked, cuts, candidates } = purityByScore(
      scores.map((score, i) => candidate(score, said[i], i)),
      [0.5],
    );
    expect([looked, leastLooked, cuts]).toEqual([5, 0.55, null]);
    expect(candidates.map(({ score }) => score)).toEqual([1, 0.95, 0.95, 0.91, 0.55, 0.55, 0.12]);
    expect(candidates.every(({ probability }) => probability === null)).toBe(true);
    const [middle, top] = [bins[5], bins[9]];
    expect([top.candidates, top.tries, top.hits]).toEqual([4, 4, 3]);
    // Wilson for 3 of 4: 0.30 to 0.95.
    expect(top.interval.map((end) => Number(end.toFixed(2)))).toEqual([0.3, 0.95]);
    expect([middle.candidates, middle.tries, middle.hits]).toEqual([2, 1, 0]);
    expect(bins.reduce((sum, bin) => sum + bin.candidates, 0)).toBe(scores.length);
  });

  it("learns what a score stands for from some verdicts, and where candidates are as pure as is wanted", () => {
    const random = new Random(3);
    // A detector that is too sure: a score of 0.8 stands for a half.
    const truth = Array.from({ length: 3000 }, () => {
      const score = random.next();
      const odds = score / (1 - score) / 4;
      return { score, real: random.next() < odds / (1 + odds) };
    });
    const given = truth.map(({ score, real }, i) => candidate(score, i < 600 ? real : null, i));
    const { candidates, cuts } = purityByScore(given, [0.5, 0.8, 1.01]);
    const near = (score: number) =>
      candidates.reduce((best, one) => (Math.abs(one.score - score) < Math.abs(best.score - score) ? one : best));
    expect(near(0.8).probability).toBeCloseTo(0.5, 1);
    expect(near(0.5).probability).toBeCloseTo(0.2, 1);
    for (const { purity, score, candidates: count } of cuts?.slice(0, 2) ?? []) {
      const taken = truth.filter((one) => one.score >= (score as number));
      expect(taken).toHaveLength(count);
      expect(Math.abs(taken.filter(({ real }) => real).length / count - purity)).toBeLessThan(0.06);
    }
    expect(cuts?.[2]).toEqual({ purity: 1.01, score: null, candidates: 0 });
  });

  it("says which verdicts a curve lacks", () => {
    const lacking = (positives: number, negatives: number) =>
      purityByScore(
        Array.from({ length: positives + negatives }, (_, i) => candidate(0.5 + i / 100, i < positives, i)),
        [0.5],
      );
    expect(lacking(5, 4).lacks).toMatch(/takes 10 verdicts.*so far 9/);
    expect(lacking(11, 1).lacks).toMatch(/2 verdicts of each kind; of 12 11 are positive and 1 negative/);
    expect([lacking(11, 1).curve, lacking(11, 1).cuts]).toEqual([null, null]);
    const enough = lacking(8, 2);
    expect([enough.lacks, enough.positives]).toEqual([null, 8]);
    expect(enough.curve?.slope).toBeGreaterThanOrEqual(0);
  });

  it("takes candidates of one score together", () => {
    const said = [true, true, true, false, true, false, false, false, false, false];
    const given = said.map((real, i) => candidate(i < 3 ? 0.9 : i < 5 ? 0.6 : 0.2, real, i));
    expect(purityByScore(given, [0.9, 0.75]).cuts).toEqual([
      { purity: 0.9, score: 0.9, candidates: 3 },
      { purity: 0.75, score: 0.6, candidates: 5 },
    ]);
  });
});
