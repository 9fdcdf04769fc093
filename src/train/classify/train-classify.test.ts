import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { smallSurvey, temporaryFolder, writeToyFeatures } from "../../../test/fixtures/surveys.ts";
import { SILENT } from "../../base/progress.ts";
import { listPredictions, readPredictions } from "../../store/predictions.ts";
import { readTable } from "../../survey/catalogue.ts";
import { openSurvey } from "../../survey/folder.ts";
import { evaluateTask, predictTask } from "../../tasks/use.ts";
import { setThreads } from "../../torch/index.ts";
import { certainMistakes } from "./report.ts";
import { trainClassify } from "./train-classify.ts";

const folder = temporaryFolder();
const base = { model: "toy", command: "test", progress: SILENT, head: { epochs: 25 } };
let survey = "";
let column = "";
beforeAll(async () => {
  setThreads(1);
  survey = await smallSurvey(folder.path, 60);
  const { rows, header, columns, close } = await openSurvey(survey);
  column =
    columns.find(({ name, type }) => type === "boolean" && rows.filter((row) => row.columns[name] === true).length > 5)
      ?.name ?? "";
  writeToyFeatures(
    survey,
    header.dataHash,
    rows.map((row) => row.columns[column] === true),
  );
  close();
});
afterAll(() => folder.remove());

/** A page without the bytes of its pictures: base64 spells NaN by chance, once in 64^3 = 262,144 characters. */
const textOf = (page: string) => page.replaceAll(/(data:image\/jpeg;base64,)[A-Za-z0-9+/=]+/g, "$1");

async function learned(options: Parameters<typeof trainClassify>[1]) {
  const result = await trainClassify(survey, options);
  if (result === null) throw new Error("stopped by nobody");
  return result;
}

describe("training a classifier on a survey", () => {
  it("writes a head, measures and a report with pictures, which predict and evaluate can use", async () => {
    const out = join(folder.path, "head");
    const result = await learned({ ...base, column, out });
    console.log(`column ${column}: accuracy ${result.scores.accuracy.toFixed(3)} on ${result.objects.test}`);
    expect(result.classes).toEqual(["false", "true"]);
    expect(result.scores.accuracy).toBeGreaterThan(0.7);
    expect(result.objects.train + result.objects.validation + result.objects.test).toBe(60);
    expect(JSON.parse(readFileSync(join(out, "metrics.json"), "utf8")).scores).toEqual(result.scores);
    const report = readFileSync(join(out, "report.html"), "utf8");
    const mistakes = result.objects.test - Math.round(result.scores.accuracy * result.objects.test);
    expect(report.match(/data:image\/jpeg;base64,/g)?.length ?? 0).toBe(mistakes);
    expect(textOf(report)).not.toMatch(/NaN|undefined/);

    const head = join(out, "head.safetensors");
    for (const format of ["csv", "parquet", "fits"] as const) {
      const path = join(folder.path, `predicted.${format}`);
      const counts = (await predictTask(survey, head, { out: { path, format }, progress: SILENT })).counts ?? {};
      expect((counts?.true ?? 0) + (counts?.false ?? 0)).toBe(60);
      const { rows } = await readTable(path);
      expect(rows.length).toBe(60);
      for (const row of rows) {
        expect(Number(row.p_false) + Number(row.p_true)).toBeCloseTo(1, 5);
        expect(Number(row.confidence)).toBeCloseTo(Number(row[`p_${row.predicted}`]), 9);
      }
    }
    // All objects of the survey, and the ones that the training left, which give its own numbers again.
    const whole = await evaluateTask(survey, head, { which: "everything", progress: SILENT });
    expect(whole).toMatchObject({ task: "classify", objects: 60, record: { column, classes: ["false", "true"] } });
    expect(whole.measures.accuracy).toBeGreaterThanOrEqual(result.scores.accuracy - 0.1);
    const left = await evaluateTask(survey, head, { scores: true, progress: SILENT });
    expect(left.scores).toEqual(result.scores);
  });

  it("trains the whole network, whose head predict can use too, with predictions kept with the survey", async () => {
    const out = join(folder.path, "whole");
    const result = await learned({
      ...base,
      model: "lvm-nano",
      fineTune: true,
      head: { epochs: 1 },
      column,
      out,
    });
    expect([result.encoder, result.history.length > 0, result.scores.count]).toEqual([
      "trained",
      true,
      result.objects.test,
    ]);
    expect(textOf(readFileSync(join(out, "report.html"), "utf8"))).not.toMatch(/NaN|undefined/);
    const head = join(out, "head.safetensors");
    const { name, counts } = await predictTask(survey, head, { progress: SILENT });
    expect((counts?.true ?? 0) + (counts?.false ?? 0)).toBe(60);
    const { header, close } = await openSurvey(survey);
    close();
    const [kept] = listPredictions(survey, header.dataHash).filter((set) => set.name === name);
    expect(kept.classes).toEqual(["false", "true"]);
    expect(readPredictions(survey, kept).values.length).toBe(120);
    expect(listPredictions(survey, "other data")).toEqual([]);
  }, 180_000);

  it("says what is wrong and writes nothing then", async () => {
    const out = join(folder.path, "none");
    await expect(trainClassify(survey, { ...base, column: "labell", out })).rejects.toThrow(/no column labell; it has/);
    const tiny = await smallSurvey(folder.path, 3, "tiny");
    const { columns, rows, close } = await openSurvey(tiny);
    const other =
      columns.find(({ name }) => name !== column && new Set(rows.map((row) => row.columns[name])).size > 1)?.name ?? "";
    close();
    await expect(trainClassify(tiny, { ...base, column: other, out })).rejects.toThrow(
      /has 3 labelled objects; a classifier needs 12/,
    );
    await expect(trainClassify(survey, { ...base, column, out: join(folder.path, "head") })).rejects.toThrow(
      /trained model already/,
    );
    const asked = { which: "everything", own: { column: other }, progress: SILENT } as const;
    await expect(evaluateTask(survey, join(folder.path, "head/head.safetensors"), asked)).rejects.toThrow(
      /a measurement, not a class|none of the head's classes/,
    );
    expect(existsSync(out)).toBe(false);
  });
});

describe("the most certain mistakes", () => {
  it("are ordered by confidence and leave out what is right", () => {
    const objects = [0, 1, 1].map((truth, row) => ({ row, truth }));
    const found = certainMistakes(objects, Float32Array.of(0.4, 0.6, 0.2, 0.8, 0.9, 0.1), 2);
    expect(found.map(({ at, predicted }) => [at, predicted])).toEqual([
      [2, 0],
      [0, 1],
    ]);
  });
});
