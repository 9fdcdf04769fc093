import { describe, expect, it } from "vitest";
import { Random } from "../base/random.ts";
import { floatRows } from "../base/row-matrix.ts";
import { auroc } from "../measure/ranking.ts";
import { liveTensors } from "../torch/index.ts";
import { withoutArtefacts } from "./artefacts.ts";
import { featureSpace } from "./learn.ts";
import { unusualLearner, unusualTable } from "./outliers.ts";

const [COUNT, DIM] = [400, 8];
/** Two dense kinds, and every 40th object somewhere far away, each in its own direction. */
function withOutliers() {
  const random = new Random(1);
  const odd = (row: number) => row % 40 === 7;
  const matrix = new Float32Array(COUNT * DIM);
  for (let row = 0; row < COUNT; row++)
    for (let d = 0; d < DIM; d++)
      matrix[row * DIM + d] = random.normal(odd(row) ? 0 : (row % 2) * 3, odd(row) ? 5 : 0.5);
  return { space: featureSpace(matrix, DIM), truth: Array.from({ length: COUNT }, (_, row) => Number(odd(row))) };
}

describe("the unusual", () => {
  const { space, truth } = withOutliers();
  it("is what lies alone: by isolation, by distance, and by both", () => {
    const before = liveTensors();
    const { columns, values } = unusualTable(space, 1);
    expect(liveTensors()).toBe(before);
    expect(columns).toEqual(["score", "isolation", "distance"]);
    for (const k of columns.keys()) {
      const scores = Array.from({ length: COUNT }, (_, row) => values[row * columns.length + k]);
      expect(auroc(scores, truth), columns[k]).toBeGreaterThan(0.95);
      expect(scores.every(Number.isFinite)).toBe(true);
    }
  });
  it("has the distance to the 10th neighbour, the object itself not counted", () => {
    const { values } = unusualTable(space, 1);
    const point = (row: number) =>
      Array.from(space.matrix.gather([row]), (value, d) => (value - space.mean[d]) / space.sd[d]);
    const own = point(3);
    const distances = Array.from({ length: COUNT }, (_, row) => Math.hypot(...point(row).map((x, d) => x - own[d])));
    distances.sort((a, b) => a - b);
    expect(values[3 * 3 + 2]).toBeCloseTo(distances[10], 3);
  });
  it("is the same for the same seed, and the ranker of rounds without a positive", () => {
    const again = unusualTable(featureSpace(space.matrix, DIM), 1);
    expect(again.values).toEqual(unusualTable(space, 1).values);
    expect(unusualTable(space, 2).values).not.toEqual(again.values);
    const learner = unusualLearner(space, 1);
    expect(learner.score(5, 9)).toEqual(learner.scoreRows([5, 6, 7, 8]));
    learner.dispose();
  });
  it("is nothing in a survey of one object, or of equal ones", () => {
    expect(unusualTable(featureSpace(Float32Array.of(1, 2), 2), 1).values.every(Number.isFinite)).toBe(true);
    expect(unusualTable(featureSpace(new Float32Array(20), 2), 1).values.every(Number.isFinite)).toBe(true);
  });
});

describe("artefacts", () => {
  it("remove what is like them, but not what is liker to another answered object", () => {
    // Directions in a plane, by angle.
    const angles = [0, 10, 20, 80, 90, 180, 270, 50];
    const matrix = Float32Array.from(
      angles.flatMap((a) => [Math.cos((a * Math.PI) / 180), Math.sin((a * Math.PI) / 180)]),
    );
    const space = {
      matrix: floatRows(matrix, 2),
      count: angles.length,
      dim: 2,
      mean: new Float32Array(2),
      sd: Float32Array.of(1, 1),
    };
    const candidates = Uint32Array.of(1, 2, 3, 5, 7);
    expect([...withoutArtefacts(space, candidates, [], [4])]).toEqual([...candidates]);
    expect([...withoutArtefacts(space, candidates, [0], [], 0.6)]).toEqual([3, 5]);
    expect([...withoutArtefacts(space, candidates, [0], [4], 0.6)]).toEqual([3, 5, 7]);
    // Where nothing would be left, everything is.
    expect([...withoutArtefacts(space, Uint32Array.of(1, 2), [0], [])]).toEqual([1, 2]);
  });
});
