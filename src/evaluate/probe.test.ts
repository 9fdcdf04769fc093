import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { featuredSurvey, temporaryFolder } from "../../test/fixtures/surveys.ts";
import { SILENT } from "../base/progress.ts";
import { measureClasses } from "../measure/classes.ts";
import { openSurvey } from "../survey/folder.ts";
import { type ProbeOptions, probe } from "./probe.ts";
import { labelledObjects, SURVEY_COLUMN, splitGroups } from "./probe-data.ts";
import { readSuites, runSuites, suitesTable } from "./suites.ts";

const folder = temporaryFolder();
let survey = "";
beforeAll(async () => {
  survey = await featuredSurvey(folder.path, 120, (_, { label }) => label === "spiral");
}, 60_000);
afterAll(() => folder.remove());

const options = (changes: Partial<ProbeOptions> = {}): ProbeOptions => ({
  surveys: [survey],
  model: "toy",
  columns: ["label"],
  positive: ["spiral"],
  negative: [],
  sizes: [5, 15],
  heads: ["nearest", "linear", "loop"],
  seeds: 2,
  splitSeed: 1,
  progress: SILENT,
  ...changes,
});

describe("probe", () => {
  it("finds what the features know, better with more examples, the same each time", async () => {
    const result = await probe(options());
    expect(result.classes).toEqual(["rest", "spiral"]);
    for (const head of ["nearest", "linear", "loop"]) {
      const [few, many] = result.results.filter((row) => row.head === head);
      expect(many.auroc.mean).toBeGreaterThan(0.93);
      expect(many.auroc.mean).toBeGreaterThan(few.auroc.mean - 0.02);
    }
    expect(result.loop?.labels).toBe(20);
    expect(await probe(options())).toEqual(result);
  });
  it("lets networks learn the pixels of the same examples", async () => {
    const networks = { names: ["lvm-nano" as const], seeds: 2, steps: 30 };
    const { results } = await probe(options({ sizes: [12], heads: ["linear"], networks }));
    expect(results.map(({ head }) => head)).toEqual(["linear", "lvm-nano"]);
    // Face-on spirals of the simulation are easy to see.
    expect(results[1].auroc.mean).toBeGreaterThan(0.8);
    expect(results[1].auroc.sd).toBeGreaterThan(0);
  });
  it("measures many classes one against the others and says what is missing", async () => {
    const result = await probe(options({ positive: [], sizes: [0], heads: ["linear"] }));
    expect(result.classes).toContain("merger");
    expect(result.loop).toBeNull();
    expect(result.results[0].perClass).toBe("all");
    await expect(probe(options({ sizes: [400] }))).rejects.toThrow(/400 examples a class/);
    await expect(probe(options({ columns: ["kind"] }))).rejects.toThrow(/no column kind/);
    await expect(probe(options({ positive: ["comet"] }))).rejects.toThrow(/two classes/);
  });
  it("leaves out what is neither positive nor negative", async () => {
    const one = await openSurvey(survey);
    const count = (value: string) => one.rows.filter(({ columns }) => columns.label === value).length;
    const { objects, classes } = await labelledObjects([one], ["label"], ["spiral"], ["elliptical"]);
    one.close();
    expect(classes).toEqual(["elliptical", "spiral"]);
    expect(objects.length).toBe(count("spiral") + count("elliptical"));
    expect(objects.filter(({ label }) => label === 1).length).toBe(count("spiral"));
  });
  it("answers a file of suites in one table, also which survey an object is from", async () => {
    const path = join(folder.path, "suites.json");
    const face = {
      name: "face-on",
      surveys: [survey],
      columns: ["label"],
      positive: ["spiral"],
      sizes: [5],
      heads: ["loop"],
    };
    writeFileSync(path, JSON.stringify([face]));
    const results = await runSuites(readSuites(path), { model: "toy", seeds: 2, splitSeed: 1, progress: SILENT });
    const { results: direct } = await probe(options({ sizes: [5], heads: ["loop"] }));
    expect(results[0].result.results).toEqual(direct);
    expect(suitesTable(results)).toContain(`| face-on | 5 a class | loop | ${direct[0].aupr.mean.toFixed(3)} `);
    writeFileSync(path, JSON.stringify([{ ...face, heads: ["none"] }]));
    expect(() => readSuites(path)).toThrow(/suites.json: .*heads/);
    const surveys = [await openSurvey(survey), await openSurvey(survey)];
    const { classes } = await labelledObjects(surveys, [SURVEY_COLUMN], []).catch((error) => ({
      classes: String(error),
    }));
    for (const open of surveys) open.close();
    expect(classes).toMatch(/two classes or more/);
  });
  it("keeps the same galaxy of two surveys on one side of the split", async () => {
    const surveys = [await openSurvey(survey), await openSurvey(survey)];
    const { objects, duplicates } = await labelledObjects(surveys, ["label"], []);
    for (const one of surveys) one.close();
    expect(objects.length).toBe(240);
    expect(duplicates).toBeGreaterThanOrEqual(120);
    const { train, validation } = splitGroups(objects, 1);
    expect(train.length + validation.length).toBe(240);
    const held = new Set(validation.map(({ row }) => row % 120));
    expect(train.some(({ row }) => held.has(row % 120))).toBe(false);
  });
});

describe("class measures", () => {
  it("follow their definitions on a small example", () => {
    // Given: 0 0 1 1 2 2; true: 0 1 1 1 2 0.
    const scores = Float32Array.from([3, 1, 1, 2, 1, 0, 0, 2, 1, 0, 3, 1, 0, 0, 2, 1, 0, 2]);
    const { accuracy, macroF1 } = measureClasses(scores, [0, 1, 1, 1, 2, 0], 3);
    expect(accuracy).toBeCloseTo(4 / 6, 9);
    expect(macroF1).toBeCloseTo((0.5 + 0.8 + 2 / 3) / 3, 9);
    const perfect = measureClasses(Float32Array.from([0.9, 0.1, 0.2, 0.8]), [0, 1], 2);
    expect(perfect).toEqual({ accuracy: 1, macroF1: 1, auroc: 1, aupr: 1 });
  });
});
