import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { CLASSICAL_OPTIONS, detectionFolder } from "../../test/fixtures/detections.ts";
import { temporaryFolder } from "../../test/fixtures/surveys.ts";
import { plattProbability } from "../measure/platt.ts";
import { readTable } from "../survey/catalogue.ts";
import { openSurvey } from "../survey/folder.ts";
import { type PurityCurve, readCurve, readDetector, writeCurve } from "../survey/purity-curve.ts";
import { detectClassical } from "./classical-run.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());
const at = (name: string) => join(folder.path, name);
const curve: Omit<PurityCurve, "format" | "version"> = {
  detector: { name: "classical", hash: "classical" },
  session: "sources",
  detections: "found",
  verdicts: { looked: 40, positives: 25 },
  leastLooked: 0.3,
  slope: 0.8,
  offset: -1.1,
};
const probabilityOf = (score: number) => plattProbability(curve, score);
let found = "";
beforeAll(async () => {
  found = await detectionFolder(folder.path, ["field"]);
});

it("comes into every table with what it was made of", async () => {
  expect(readDetector(found)).toEqual(curve.detector);
  writeCurve(at("curve.json"), curve);
  const calibration = { curve: readCurve(at("curve.json")), probabilityOf };
  const out = at("calibrated");
  await detectClassical([at("field.fits")], { ...CLASSICAL_OPTIONS, out, calibration });
  const tables = await Promise.all(["csv", "fits"].map((ending) => readTable(join(out, `catalogue.${ending}`))));
  const survey = await openSurvey(out);
  for (const [i, row] of tables[0].rows.entries()) {
    const wanted = probabilityOf(Number(row.score));
    for (const { rows } of tables) expect(rows[i].probability).toBeCloseTo(wanted, 9);
    expect(survey.row(i).columns.probability).toBeCloseTo(wanted, 9);
  }
  expect(survey.count).toBeGreaterThan(5);
  survey.close();
  const xml = readFileSync(join(out, "catalogue.vot"), "utf8");
  expect(xml).toMatch(
    /<FIELD name="probability" [^>]*ucd="stat\.probability"[\s\S]{0,80}from the score of classical by 40 verdicts of sources \(25 positive\)/,
  );
  // Without a curve there is no such column.
  expect(readFileSync(join(found, "catalogue.csv"), "utf8").split("\n")[0]).not.toContain("probability");
});

it("is refused where it is of other scores, before anything is searched, or broken", async () => {
  const other = {
    ...curve,
    format: "skyloop-purity-curve",
    version: 1,
    detector: { name: "lens-nano", hash: "53c20778d355" },
  };
  const calibration = { curve: other as PurityCurve, probabilityOf };
  await expect(
    detectClassical([at("missing.fits")], { ...CLASSICAL_OPTIONS, out: at("other"), calibration }),
  ).rejects.toMatchObject({ code: "CURVE_OF_ANOTHER", message: expect.stringMatching(/lens-nano .*classical/) });
  writeFileSync(at("broken.json"), JSON.stringify({ ...other, slope: "steep" }));
  expect(() => readCurve(at("broken.json"))).toThrow(/slope.*write it again/);
  writeFileSync(at("broken.json"), "{");
  expect(() => readCurve(at("broken.json"))).toThrow(expect.objectContaining({ code: "CURVE_BROKEN" }));
  expect(() => readCurve(at("none.json"))).toThrow(expect.objectContaining({ code: "FILE_UNREADABLE" }));
  expect(() => readDetector(folder.path)).toThrow(expect.objectContaining({ code: "DETECTOR_UNKNOWN" }));
});
