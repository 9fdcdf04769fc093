import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/fixtures/surveys.ts";
import { Random } from "../base/random.ts";
import { openArtefacts } from "../store/artefacts.ts";
import { featureSpace } from "./learn.ts";
import { layOut, principalComponents, umapLayout } from "./map.ts";

/** Three clouds in eight dimensions. */
function clouds(count: number) {
  const random = new Random(1);
  const matrix = Float32Array.from({ length: count * 8 }, (_, i) =>
    random.normal(Math.floor(i / 8) % 3 === i % 8 ? 6 : 0),
  );
  return featureSpace(matrix, 8);
}
/** Mean distance within a cloud over mean distance between clouds. */
function mixing(points: Float32Array, count: number, dims: number): number {
  const sums = [0, 0];
  const pairs = [0, 0];
  for (let a = 0; a < count; a++)
    for (let b = a + 1; b < Math.min(count, a + 40); b++) {
      const other = a % 3 === b % 3 ? 0 : 1;
      sums[other] += Math.hypot(points[a * dims] - points[b * dims], points[a * dims + 1] - points[b * dims + 1]);
      pairs[other]++;
    }
  return sums[0] / pairs[0] / (sums[1] / pairs[1]);
}

describe("maps", () => {
  it("principal components are uncorrelated, largest variance first", async () => {
    const count = 900;
    const points = await principalComponents(clouds(count), 3);
    const column = (c: number) => Array.from({ length: count }, (_, i) => points[i * 3 + c]);
    const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i], 0) / count;
    const variances = [0, 1, 2].map((c) => dot(column(c), column(c)));
    expect(variances[0]).toBeGreaterThanOrEqual(variances[1]);
    expect(variances[1]).toBeGreaterThanOrEqual(variances[2]);
    expect(Math.abs(dot(column(0), column(1))) / variances[0]).toBeLessThan(1e-3);
    expect(mixing(points, count, 3)).toBeLessThan(0.5);
  });
  it("UMAP keeps clouds together, also of rows that it did not lay out, the same each time", async () => {
    const count = 720;
    const points = await umapLayout(clouds(count), undefined, 600);
    expect(points.every(Number.isFinite)).toBe(true);
    expect(mixing(points, count, 2)).toBeLessThan(0.4);
  }, 180_000);
  it("are kept beside the features, for those weights and that number of objects", async () => {
    const folder = temporaryFolder();
    const space = clouds(30);
    const artefacts = openArtefacts(folder.path);
    const key = { model: "toy", method: "pca" as const, weightsHash: "abc" };
    expect(await artefacts.map(key, 30)).toBeNull();
    await artefacts.saveMap(key, await layOut(space, "pca"));
    expect(await artefacts.map(key, 30)).toHaveLength(240);
    expect(await artefacts.map({ ...key, weightsHash: "other" }, 30)).toBeNull();
    expect(await artefacts.map(key, 31)).toBeNull();
    await expect(layOut(clouds(3), "pca")).rejects.toThrow(/at least four/);
    folder.remove();
  });
});
