import { describe, expect, it } from "vitest";
import { Random } from "../base/random.ts";
import { averagePrecision } from "../measure/ranking.ts";
import { type Example, featureSpace } from "./learn.ts";
import { learnIn, logitsOf } from "./learn-prior.ts";

const [COUNT, DIM] = [400, 6];

/** Candidates: `trust` says how far the detector's scores follow the truth, `told` how far the features do. */
function candidates(seed: number, { trust, told }: { trust: number; told: number }) {
  const random = new Random(seed);
  const truth = Array.from({ length: COUNT }, () => random.next() < 0.3);
  const features = new Float32Array(COUNT * DIM);
  for (let i = 0; i < COUNT; i++)
    for (let d = 0; d < DIM; d++) features[i * DIM + d] = random.normal() + (truth[i] ? told : 0);
  const scores = truth.map((is) => 1 / (1 + Math.exp(1 - (is ? trust : 0) - random.normal())));
  return { space: { ...featureSpace(features, DIM), prior: logitsOf(scores) }, truth, scores, features };
}

const verdictsOn = (rows: number[], truth: boolean[]): Example[] => rows.map((row) => ({ row, positive: truth[row] }));
const all = Array.from({ length: COUNT }, (_, row) => row);
/** What the average precision gains by verdicts on each tenth candidate of the better half. */
function gain(seed: number, kind: { trust: number; told: number }): number {
  const { space, truth, scores } = candidates(seed, kind);
  const order = all.toSorted((a, b) => scores[b] - scores[a]);
  const looked = order.slice(0, COUNT / 2).filter((_, i) => i % 10 === 0);
  const rest = order.filter((row) => !looked.includes(row));
  const labels = rest.map((row) => Number(truth[row]));
  const after = learnIn(space, verdictsOn(looked, truth), 1).scoreRows(rest);
  const before = rest.map((row) => scores[row]);
  return averagePrecision(after, labels) - averagePrecision(before, labels);
}
/** The place of each row in the order of the scores. */
function placesOf(scores: ArrayLike<number>): number[] {
  const places: number[] = [];
  all
    .toSorted((a, b) => scores[b] - scores[a])
    .forEach((row, place) => {
      places[row] = place;
    });
  return places;
}
const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const SEEDS = [1, 2, 3, 4, 5];

describe("learning that begins with a detector's scores", () => {
  it("helps where features know what the scores miss", () => {
    const gains = SEEDS.map((seed) => gain(seed, { trust: 1, told: 1 }));
    expect(mean(gains)).toBeGreaterThan(0.1);
    expect(Math.min(...gains)).toBeGreaterThan(0);
  });

  it("hardly harms where the scores are right and the features know nothing", () => {
    expect(mean(SEEDS.map((seed) => gain(seed, { trust: 3, told: 0 })))).toBeGreaterThan(-0.02);
  });

  it("keeps the detector's order and scores while verdicts are of one kind", () => {
    const { space, truth, scores } = candidates(3, { trust: 1, told: 1 });
    const learner = learnIn(space, verdictsOn(all.filter((row) => truth[row]).slice(0, 20), truth), 1);
    Array.from(learner.score(0, COUNT)).forEach((score, row) => {
      expect(score).toBeCloseTo(scores[row], 3);
    });
  });

  it("changes the order less, the fewer verdicts of the rarer kind there are", () => {
    const { space, truth, scores } = candidates(4, { trust: 1, told: 1 });
    const [one] = all.filter((row) => truth[row]);
    const others = all.filter((row) => !truth[row]);
    const moved = (positives: number[]) => {
      const learner = learnIn(space, verdictsOn([...positives, ...others.slice(0, 19)], truth), 1);
      const [before, after] = [placesOf(scores), placesOf(learner.score(0, COUNT))];
      return mean(before.map((place, row) => Math.abs(place - after[row])));
    };
    expect(moved([one])).toBeLessThan(moved(all.filter((row) => truth[row]).slice(0, 10)));
  });

  it("scores rows alike however they are asked for, twice the same, and pictures that came with no score", () => {
    const { space, truth, features } = candidates(5, { trust: 1, told: 1 });
    const examples = verdictsOn(all.slice(0, 30), truth);
    const learner = learnIn(space, examples, 1);
    const whole = learner.score(0, COUNT);
    expect(learner.scoreRows([7, 3, 399])).toEqual(Float32Array.of(whole[7], whole[3], whole[399]));
    expect(learnIn(space, examples, 2).score(0, COUNT)).toEqual(whole);
    const rows = all.slice(30);
    const unscored = learner.scoreBlock(features.subarray(30 * DIM));
    const labels = rows.map((row) => Number(truth[row]));
    expect(averagePrecision(unscored, labels)).toBeGreaterThan(0.8);
  });
});
