import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { smallSurvey, temporaryFolder } from "../../../test/fixtures/surveys.ts";
import { SILENT } from "../../base/progress.ts";
import { type ImageBank, loadImageBank } from "../../batches/image-bank.ts";
import { openSurvey } from "../../survey/folder.ts";
import { Catalogue, catalogueShares, TargetColumn, targetShares } from "./catalogue.ts";

const folder = temporaryFolder();
let [first, second] = ["", ""];
let bank: ImageBank;
beforeAll(async () => {
  first = await smallSurvey(folder.path, 3, "first");
  second = await smallSurvey(folder.path, 5, "second");
  bank = await loadImageBank([first, second], 32, SILENT);
}, 60_000);
afterAll(() => {
  bank.close();
  folder.remove();
});

const column = (given: object) => TargetColumn.parse({ column: "v", ...given });

describe("what a column says of a galaxy", () => {
  it("is a share of its range, and nothing where there is no number or one outside", () => {
    expect(targetShares({ v: 6 }, column({ range: [-6, 10] }))).toEqual([{ share: 0.75, weight: 1 }]);
    for (const v of [-1, 1.5, null, "", "unknown", undefined])
      expect(targetShares({ v }, column({}))).toEqual([{ share: 0, weight: 0 }]);
  });
  it("counts less the wider its limits lie", () => {
    const bar = column({ limits: ["lo", "hi"] });
    const weightOf = (lo: number, hi: number) => targetShares({ v: 0.5, lo, hi }, bar)[0].weight;
    expect(weightOf(0.5, 0.5)).toBe(1);
    expect(weightOf(0.25, 0.5)).toBeCloseTo(0.5, 12);
    expect(weightOf(0.25, 0.75)).toBeCloseTo(1 / 3, 12);
  });
  it("counts by how many people answered, twenty as much as one expert", () => {
    const votes = column({ answers: ["people", "disc"] });
    expect(targetShares({ v: 0.3, people: 40, disc: 0.25 }, votes)).toEqual([{ share: 0.3, weight: 0.5 }]);
    expect(targetShares({ v: 0.3, people: 40, disc: 0.9 }, votes)).toEqual([{ share: 0.3, weight: 1 }]);
    for (const disc of [0, null]) expect(targetShares({ v: 0.3, people: 40, disc }, votes)[0].weight).toBe(0);
  });
  it("is a yes or no for each class, and nothing where the class is none of them", () => {
    const kind = column({ classes: ["ring", "bar"] });
    expect(targetShares({ v: "bar" }, kind)).toEqual([
      { share: 0, weight: 1 },
      { share: 1, weight: 1 },
    ]);
    for (const v of ["odd", null]) expect(targetShares({ v }, kind).map(({ weight }) => weight)).toEqual([0, 0]);
  });
});

describe("a catalogue of several surveys", () => {
  it("speaks of each survey's own galaxies, by the rows of the bank", async () => {
    const catalogue = Catalogue.parse({
      second: [{ column: "axisRatio" }],
      first: [{ column: "axisRatio" }, { column: "label", classes: ["spiral", "merger"] }],
    });
    const { names, share, weight } = await catalogueShares(catalogue, [first, second], bank);
    expect(names).toEqual(["second axisRatio", "first axisRatio", "first label=spiral", "first label=merger"]);
    const K = names.length;
    for (const [s, path] of [first, second].entries()) {
      const survey = await openSurvey(path);
      for (const [i, { columns }] of survey.rows.entries()) {
        const row = (s === 0 ? 0 : 3) + i;
        const mine = s === 0 ? 1 : 0;
        expect(share[row * K + mine]).toBeCloseTo(Number(columns.axisRatio), 6);
        const counts = Array.from(weight.subarray(row * K, (row + 1) * K)).map((value) => value > 0);
        const isClass = ["spiral", "merger"].includes(String(columns.label));
        expect(counts).toEqual(s === 0 ? [false, true, isClass, isClass] : [true, false, false, false]);
      }
      survey.close();
    }
  });
  it("names the survey that a run lacks, and the column that a survey lacks", async () => {
    const of = (given: object) => catalogueShares(Catalogue.parse(given), [first, second], bank);
    await expect(of({ third: [{ column: "axisRatio" }] })).rejects.toMatchObject({ code: "BAD_RECIPE" });
    await expect(of({ first: [{ column: "nothing" }] })).rejects.toMatchObject({ code: "COLUMN_MISSING" });
    await expect(of({ first: [{ column: "axisRatio", limits: ["axisRatio", "no"] }] })).rejects.toMatchObject({
      code: "COLUMN_MISSING",
    });
  });
});
