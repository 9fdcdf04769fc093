import { describe, expect, it } from "vitest";
import { Random } from "../base/random.ts";
import type { CatalogueRow } from "../contract/survey.ts";
import { positionOfText } from "../survey/position-text.ts";
import { lookUp } from "./lookup.ts";
import { SkyIndex, separationDeg } from "./sky-index.ts";

const rows = [
  { id: "a1", raDeg: 150, decDeg: 2 },
  { id: "b 2", raDeg: 150.001, decDeg: 2 },
  { id: "c3", raDeg: 359.9999, decDeg: -45 },
  { id: "d4", raDeg: null, decDeg: null },
] as CatalogueRow[];
const indexOf = (id: string) => {
  const at = rows.findIndex((row) => row.id === id);
  return at < 0 ? undefined : at;
};
const sky = { count: rows.length, ra: (row: number) => rows[row].raDeg, dec: (row: number) => rows[row].decDeg };
const ids = (text: string, radius = 5) => {
  const { rows: found, missing } = lookUp(text, sky, indexOf, radius);
  return [found.map((row) => rows[row].id), missing];
};

describe("positions as text", () => {
  it("reads degrees and sexagesimal", () => {
    expect(positionOfText("150.1 2.2")).toEqual({ raDeg: 150.1, decDeg: 2.2 });
    expect(positionOfText("150.1,-2.2")).toEqual({ raDeg: 150.1, decDeg: -2.2 });
    for (const text of ["10:00:24 -02:12:36", "10h00m24s -2d12m36s", "10 00 24.0 -02 12 36.0"]) {
      const position = positionOfText(text);
      expect(position?.raDeg).toBeCloseTo(150.1, 9);
      expect(position?.decDeg).toBeCloseTo(-2.21, 9);
    }
    for (const text of ["", "galaxy", "400 2", "10 95", "25:00:00 +02:00:00", "1 2 3"])
      expect(positionOfText(text)).toBeNull();
  });
});

describe("looking up", () => {
  it("takes ids, also with spaces, and lists of them", () => {
    expect(ids("a1")).toEqual([["a1"], []]);
    expect(ids("b 2")).toEqual([["b 2"], []]);
    expect(ids("a1, c3 nothing")).toEqual([["a1", "c3"], ["nothing"]]);
  });
  it("takes the nearest object within the radius, across RA 0 too", () => {
    expect(ids("150.0002 2.0")).toEqual([["a1"], []]);
    expect(ids("150.0006 2.0")).toEqual([["b 2"], []]);
    expect(ids("0.0001 -45")).toEqual([["c3"], []]);
    expect(ids("150.01 2.0")).toEqual([[], ["150.01 2.0"]]);
    expect(ids("150.01 2.0", 60)).toEqual([["b 2"], []]);
  });
  it("takes all objects within a radius that stands behind a position", () => {
    expect(ids("150.0002 2.0 60")).toEqual([["a1", "b 2"], []]);
    expect(ids("10:00:00.048 +02:00:00, 60")).toEqual([["a1", "b 2"], []]);
    expect(ids("150.0002 2.0 0.1")).toEqual([[], ["150.0002 2.0 0.1"]]);
    expect(ids("ra,dec,radius\n150,2,10\n150,2,\n0.0001,-45,2")).toEqual([["a1", "b 2", "c3"], []]);
  });
  it("takes tables with a header and says what it did not find", () => {
    expect(ids("id,label\na1,spiral\nzz,ring\n")).toEqual([["a1"], ["zz,ring"]]);
    expect(ids("ra,dec\n150,2\n10,10\n")).toEqual([["a1"], ["10,10"]]);
  });
  it("takes the column of ids of a table, whatever else looks like one", () => {
    expect(ids("mag,name,note\na1,c3,b 2\n")).toEqual([["c3"], []]);
    expect(ids("NUMBER,ALPHA_J2000,DELTA_J2000\n1,150,2\n2,10:00:00.24,+02:00:00\n")).toEqual([["a1", "b 2"], []]);
    expect(ids("id;ra;dec\nzz;150;2\n;;\n")).toEqual([["a1"], []]);
    expect(ids("a1 spiral 20.5\nc3 ring 20.1")).toEqual([["a1", "c3"], []]);
  });
  it("takes time in proportion to lines and rows", () => {
    const count = 50_000;
    const many = {
      count,
      ra: (row: number) => (row * 0.7919) % 360,
      dec: (row: number) => ((row * 0.0131) % 170) - 85,
    };
    const lines = Array.from({ length: 12_000 }, (_, i) => `x${i} word,${many.ra(i * 3)},${many.dec(i * 3)},20.5`);
    const start = performance.now();
    const { rows: found } = lookUp(`id,ra,dec,mag\n${lines.join("\n")}`, many, () => undefined, 5);
    lookUp(lines.map(() => "a1 word").join("\n"), many, indexOf, 5);
    const seconds = (performance.now() - start) / 1000;
    console.log(`24,000 lines against 50,000 objects: ${seconds.toFixed(2)} s`);
    expect(found.length).toBe(12_000);
    expect(seconds).toBeLessThan(5);
  });
  it("finds the nearest as a search of every row does, at the poles and across RA 0 too", () => {
    const random = new Random(1);
    const points = Array.from({ length: 400 }, () => ({
      ra: random.uniform(0, 360),
      dec: [random.uniform(-90, 90), random.uniform(89, 90), random.uniform(-0.5, 0.5)][random.int(3)],
    }));
    const all = { count: points.length, ra: (row: number) => points[row].ra, dec: (row: number) => points[row].dec };
    for (const radius of [0.05, 1, 10]) {
      const index = new SkyIndex(all, radius);
      for (let i = 0; i < 300; i++) {
        const [ra, dec] = [random.uniform(0, 360), [random.uniform(-90, 90), random.uniform(89.5, 90)][random.int(2)]];
        const near = points.map((point) => separationDeg(ra, dec, point.ra, point.dec));
        const least = Math.min(...near);
        expect(index.nearest(ra, dec)).toBe(least <= radius ? near.indexOf(least) : null);
      }
    }
  });
  it("measures angles", () => {
    expect(separationDeg(10, 0, 11, 0)).toBeCloseTo(1, 12);
    expect(separationDeg(0, 60, 1, 60)).toBeCloseTo(0.5, 4);
    expect(separationDeg(359.5, 0, 0.5, 0)).toBeCloseTo(1, 10);
  });
});
