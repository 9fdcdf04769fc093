import { describe, expect, it } from "vitest";
import type { CatalogueRow } from "../contract/survey.ts";
import { positionOfText } from "../survey/position-text.ts";
import { lookUp, separationDeg } from "./lookup.ts";

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
const ids = (text: string, radius = 5) => {
  const { rows: found, missing } = lookUp(text, rows, indexOf, radius);
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
  it("takes tables with a header and says what it did not find", () => {
    expect(ids("id,label\na1,spiral\nzz,ring\n")).toEqual([["a1"], ["zz,ring"]]);
    expect(ids("ra,dec\n150,2\n10,10\n")).toEqual([["a1"], ["10,10"]]);
  });
  it("measures angles", () => {
    expect(separationDeg(10, 0, 11, 0)).toBeCloseTo(1, 12);
    expect(separationDeg(0, 60, 1, 60)).toBeCloseTo(0.5, 4);
    expect(separationDeg(359.5, 0, 0.5, 0)).toBeCloseTo(1, 10);
  });
});
