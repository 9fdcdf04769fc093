import { describe, expect, it } from "vitest";
import { Random } from "../base/random.ts";
import { cohenKappa, dawidSkene, type GivenAnswer, type Pair } from "./agreement.ts";
import { binomialTail } from "./binomial.ts";

const table = (yesYes: number, yesNo: number, noYes: number, noNo: number): Pair[] => [
  ...Array.from({ length: yesYes }, () => [true, true] as const),
  ...Array.from({ length: yesNo }, () => [true, false] as const),
  ...Array.from({ length: noYes }, () => [false, true] as const),
  ...Array.from({ length: noNo }, () => [false, false] as const),
];

describe("Cohen's kappa", () => {
  it("is scikit-learn's (cohen_kappa_score)", () => {
    // python -c "from sklearn.metrics import cohen_kappa_score as k; print(k([1]*25+[0]*25, [1]*20+[0]*5+[1]*10+[0]*15))"
    const { objects, agreement, kappa } = cohenKappa(table(20, 5, 10, 15));
    expect([objects, agreement]).toEqual([50, 0.7]);
    expect(kappa).toBeCloseTo(0.4, 12);
    expect(cohenKappa(table(45, 15, 25, 15)).kappa).toBeCloseTo(0.13043478260869568, 12);
    expect(cohenKappa(table(10, 0, 0, 10))).toMatchObject({ kappa: 1, low: 1, high: 1 });
    expect(cohenKappa(table(9, 0, 0, 0)).kappa).toBeNaN();
  });

  it("has an interval that holds the true value about 95 times in 100", () => {
    const random = new Random(11);
    // Both are right with 0.85 on half yes, half no: agreement 0.745, chance 0.5.
    const truth = (0.745 - 0.5) / 0.5;
    let held = 0;
    for (let trial = 0; trial < 1000; trial++) {
      const pairs = Array.from({ length: 100 }, (): Pair => {
        const yes = random.next() < 0.5;
        const say = () => (random.next() < 0.85 ? yes : !yes);
        return [say(), say()];
      });
      const { low, high } = cohenKappa(pairs);
      if (low <= truth && truth <= high) held++;
    }
    expect(held).toBeGreaterThan(920);
    expect(held).toBeLessThan(980);
  });
});

describe("Dawid and Skene's model", () => {
  it("finds out who is right how often, and that a person who always says yes tells nothing", () => {
    const random = new Random(3);
    const right = { a: 0.95, b: 0.9, c: 0.85, d: 0.7 };
    const answers: GivenAnswer[] = [];
    const truth = new Map<string, boolean>();
    for (let i = 0; i < 400; i++) {
      const yes = random.next() < 0.4;
      truth.set(`o${i}`, yes);
      for (const [who, accuracy] of Object.entries(right))
        answers.push({ object: `o${i}`, who, yes: random.next() < accuracy ? yes : !yes });
      answers.push({ object: `o${i}`, who: "yes", yes: true });
    }
    const { probability, people } = dawidSkene(answers);
    for (const [who, accuracy] of Object.entries(right)) {
      expect(Math.abs((people.get(who)?.sensitivity ?? 0) - accuracy)).toBeLessThan(0.06);
      expect(Math.abs((people.get(who)?.specificity ?? 0) - accuracy)).toBeLessThan(0.06);
    }
    expect(people.get("yes")?.specificity).toBeLessThan(0.03);
    const rightly = [...truth].filter(([object, yes]) => (probability.get(object) as number) > 0.5 === yes).length;
    const majority = [...truth].filter(([object, yes]) => {
      const said = answers.filter((answer) => answer.object === object && answer.yes).length;
      return said > 2.5 === yes;
    }).length;
    expect(rightly).toBeGreaterThan(majority);
  });

  it("keeps what a single person says of an object near how often people are right", () => {
    const { probability } = dawidSkene([{ object: "x", who: "a", yes: true }]);
    expect(probability.get("x")).toBeGreaterThan(0.6);
    expect(probability.get("x")).toBeLessThan(1);
  });
});

it("the binomial's tail is scipy's (binom.sf)", () => {
  // scipy.stats.binom.sf(3, 6, 0.3), sf(6, 7, 0.3), sf(-1, 5, 0.3)
  expect(binomialTail(4, 6, 0.3)).toBeCloseTo(0.07047, 5);
  expect(binomialTail(7, 7, 0.3)).toBeCloseTo(0.3 ** 7, 12);
  expect(binomialTail(0, 5, 0.3)).toBe(1);
});
