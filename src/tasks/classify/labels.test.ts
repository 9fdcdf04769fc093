import { describe, expect, it } from "vitest";
import type { Survey } from "../../survey/folder.ts";
import { hardClasses, readClasses, readVotes } from "./labels.ts";

type Value = string | number | boolean | null;

/** As much of a survey as labels are read from. */
function surveyWith(columns: Record<string, Value[]>): Survey {
  const names = Object.keys(columns);
  const rows = columns[names[0]].map((_, i) => ({
    id: `o${i}`,
    columns: Object.fromEntries(names.map((name) => [name, columns[name][i]])),
  }));
  return { folder: "toy", rows, columns: names.map((name) => ({ name, type: "string" })) } as unknown as Survey;
}

describe("classes from a column", () => {
  it("leaves empty and NaN values out and sorts the others, numbers by size", () => {
    const read = readClasses(surveyWith({ kind: ["b", null, "a", "", "b", Number.NaN] }), "kind");
    expect(read).toEqual({
      classes: ["a", "b"],
      rows: [0, 2, 4],
      targets: Float32Array.of(0, 1, 1, 0, 0, 1),
      soft: false,
      unlabelled: 3,
    });
    expect(readClasses(surveyWith({ t: [10, 9, 10, 2] }), "t").classes).toEqual(["2", "9", "10"]);
    expect([...hardClasses(read)]).toEqual([1, 0, 1]);
  });

  it("takes only the classes that are named", () => {
    const read = readClasses(surveyWith({ kind: ["a", "b", "c", "c"] }), "kind", ["c", "a"]);
    expect([read.classes, read.rows, read.unlabelled]).toEqual([["c", "a"], [0, 2, 3], 1]);
  });

  it("says what is wrong", () => {
    expect(() => readClasses(surveyWith({ kind: ["a", "b"] }), "label")).toThrow(/no column label; it has kind/);
    expect(() => readClasses(surveyWith({ kind: ["a", "a", null] }), "kind")).toThrow(/only one class \(a\)/);
    expect(() => readClasses(surveyWith({ mag: [Number.NaN, null, Number.NaN] }), "mag")).toThrow(
      /empty or NaN in all 3 rows/,
    );
    expect(() => readClasses(surveyWith({ mag: Array.from({ length: 60 }, (_, i) => 17 + i / 7) }), "mag")).toThrow(
      /a measurement, not a class/,
    );
    expect(() => readClasses(surveyWith({ kind: ["a", "b"] }), "kind", ["a", "z"])).toThrow(/no value z/);
  });
});

describe("shares of votes", () => {
  it("are scaled to sum to one; objects without votes are left out", () => {
    const read = readVotes(surveyWith({ smooth: [3, 0, null, 0.2], disk: [1, 0, 0.5, 0.2] }), ["smooth", "disk"]);
    expect(read.rows).toEqual([0, 3]);
    expect([...read.targets]).toEqual([0.75, 0.25, 0.5, 0.5]);
    expect(read.soft).toBe(true);
  });

  it("say what is wrong", () => {
    const survey = surveyWith({ a: [0.5, -1], b: [0.5, 0.1], c: [null, null] });
    expect(() => readVotes(survey, ["a", "b"])).toThrow(/object o1 has -1, 0.1/);
    expect(() => readVotes(survey, ["b"])).toThrow(/two or more columns/);
    expect(() => readVotes(survey, ["b", "c"])).toThrow(/no object of toy has votes/);
    expect(() => readVotes(survey, ["b", "d"])).toThrow(/no column d/);
  });
});
