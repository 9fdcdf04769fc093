import { describe, expect, it } from "vitest";
import { Random } from "../base/random.ts";
import { ConeIndex, matchPositions } from "./cone-index.ts";
import { separationDeg } from "./sky-index.ts";

const random = new Random(4);
const points = Array.from({ length: 600 }, (_, i) => ({
  // Anywhere, at the poles, around RA 0, and exactly on them.
  ra:
    i < 4
      ? [0, 360, 180, 90][i]
      : [random.uniform(0, 360), random.uniform(0, 0.2), random.uniform(359.8, 360)][random.int(3)],
  dec:
    i < 4
      ? [90, -90, 0, 0][i]
      : [random.uniform(-90, 90), random.uniform(89.5, 90), random.uniform(-0.2, 0.2)][random.int(3)],
}));
const sky = {
  count: points.length + 1,
  ra: (row: number) => points[row]?.ra ?? null,
  dec: (row: number) => points[row]?.dec ?? null,
};
const index = new ConeIndex(sky);

describe("cones", () => {
  it("hold what a look at every object finds: at the poles, across RA 0, nothing at 0 and everything at 180", () => {
    for (const radius of [0, 1e-5, 0.01, 0.3, 5, 60, 179, 180])
      for (let i = 0; i < 60; i++) {
        const at =
          i < 20
            ? points[i]
            : { ra: random.uniform(0, 360), dec: [random.uniform(-90, 90), 90, -90, 0][random.int(4)] };
        const all = points.map(({ ra, dec }, row) => ({ row, separationDeg: separationDeg(at.ra, at.dec, ra, dec) }));
        const near = all
          .filter((one) => one.separationDeg <= radius)
          .sort((a, b) => a.separationDeg - b.separationDeg || a.row - b.row);
        expect(index.within(at.ra, at.dec, radius)).toEqual(near);
        expect(index.nearest(at.ra, at.dec, radius)).toEqual(near[0] ?? null);
      }
    expect(index.within(12, 34, 180)).toHaveLength(points.length);
  });

  it("match a table: nearest within the radius, and how many rows share an object", () => {
    const few = [
      { ra: 10, dec: 0 },
      { ra: 10.001, dec: 0 },
      { ra: 359.9999, dec: 45 },
    ];
    const cones = new ConeIndex({ count: 3, ra: (row) => few[row].ra, dec: (row) => few[row].dec });
    const at = (raDeg: number | null, decDeg: number | null) => ({ raDeg, decDeg });
    const matches = matchPositions(
      cones,
      [at(10.0001, 0), at(10.0002, 0), at(0.0001, 45), at(20, 0), at(null, null)],
      2 / 3600,
    );
    expect(matches.map(({ row, sharedBy }) => [row, sharedBy])).toEqual([
      [0, 2],
      [0, 2],
      [2, 1],
      [null, 0],
      [null, 0],
    ]);
    expect((matches[1].separationDeg as number) * 3600).toBeCloseTo(0.72, 9);
  });
});
