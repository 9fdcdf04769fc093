import { describe, expect, it } from "vitest";
import { Random } from "../base/random.ts";
import { featureSpace } from "../loop/learn.ts";
import { type HuntOptions, hunt, huntGround, loopRanker, rankingFrom } from "./hunt.ts";

const [COUNT, DIM] = [400, 8];
const random = new Random(4);
const objects = Array.from({ length: COUNT }, (_, row) => ({ row, positive: row % 10 === 0 }));
const matrix = new Float32Array(COUNT * DIM);
for (const { row, positive } of objects)
  for (let d = 0; d < DIM; d++) matrix[row * DIM + d] = random.normal(positive && d < 3 ? 2.5 : 0);
const space = featureSpace(matrix, DIM);
const ground = huntGround(space, objects, { heldOutShare: 0.5, share: null, seed: 1 });
const OPTIONS: HuntOptions = { strategy: "loop", start: 3, show: 10, rounds: 3, alpha: 0.9, errors: 0, seed: 1 };

describe("the ground of a hunt", () => {
  it("has either kind's share in both halves, no object twice, and a pool as rare as asked for", () => {
    const positives = (list: typeof objects) => list.filter(({ positive }) => positive).length;
    expect([ground.pool.length, ground.heldOut.length]).toEqual([200, 200]);
    expect([positives(ground.pool), positives(ground.heldOut)]).toEqual([20, 20]);
    expect(new Set([...ground.pool, ...ground.heldOut].map(({ row }) => row)).size).toBe(COUNT);
    const rare = huntGround(space, objects, { heldOutShare: 0.25, share: 0.05, seed: 1 });
    expect(rare.pool.filter(({ positive }) => !positive)).toHaveLength(270);
    expect(positives(rare.pool) / rare.pool.length).toBeCloseTo(0.05, 2);
    expect(positives(rare.heldOut)).toBe(10);
  });
});

describe("a hunt", () => {
  it("finds from three positives most of what lies apart, and more than random picks and with better rankings", () => {
    const [loop, blind] = [hunt(ground, OPTIONS), hunt(ground, { ...OPTIONS, strategy: "random" })];
    expect(loop.toFind).toBe(17);
    expect(loop.rounds.map(({ round, shown }) => [round, shown])).toEqual([
      [0, 0],
      [1, 10],
      [2, 10],
      [3, 10],
    ]);
    expect(loop.rounds[1].mode).toBe("mixed");
    expect(loop.rounds[3].found).toBe(loop.rounds.reduce((sum, { positives }) => sum + positives, 0));
    expect(loop.rounds[3].found).toBeGreaterThan(blind.rounds[3].found + 5);
    expect(loop.rounds[3].aupr).toBeGreaterThan(0.8);
    expect(hunt(ground, OPTIONS)).toEqual(loop);
  });

  it("shows by cosine and by highest scores what they say, and a person who errs finds fewer", () => {
    const found = (options: Partial<HuntOptions>) => hunt(ground, { ...OPTIONS, ...options }).rounds;
    expect(found({ strategy: "cosine" })[3].found).toBeGreaterThan(8);
    expect(
      new Set(
        found({ strategy: "highest" })
          .slice(1)
          .map(({ mode }) => mode),
      ),
    ).toEqual(new Set(["highest"]));
    const erring = found({ errors: 0.5 });
    expect(erring[3].found).toBeLessThan(erring.reduce((sum, { positives }) => sum + positives, 0));
  });

  it("has unlabelled objects among the negatives until many answers are positive, as a session has", () => {
    const counts: number[] = [];
    hunt(ground, OPTIONS, undefined, (given) => {
      counts.push(given.background.length);
      return loopRanker(given);
    });
    expect([counts[0], counts.at(-1)]).toEqual([100, 0]);
  });

  it("ends where nothing is left to show", () => {
    const few = { ...ground, pool: ground.pool.filter((_, i) => i < 4 || i > 190) };
    expect(hunt(few, OPTIONS).rounds.reduce((sum, { shown }) => sum + shown, 0)).toBe(few.pool.length - 3);
  });
});

it("the first ranking needs no negatives", () => {
  const rest = objects.slice(50).map(({ row }) => row);
  const of = (way: "learn" | "cosine") =>
    rankingFrom(space, { positive: [0, 10, 20], negative: [], rest, way, seed: 1 });
  for (const scores of [of("learn"), of("cosine")]) {
    const best = rest.map((row, i) => ({ row, score: scores[i] })).sort((a, b) => b.score - a.score);
    expect(best.slice(0, 10).filter(({ row }) => row % 10 === 0).length).toBeGreaterThan(6);
  }
});
