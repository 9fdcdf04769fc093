import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ONE_BAND } from "../../test/fixtures/one-band.ts";
import { SILENT } from "../base/progress.ts";
import { openArtefacts } from "../store/artefacts.ts";
import { savePredictions, sourceOf } from "../store/predictions.ts";
import { openStore } from "../store/sqlite.ts";
import { openSurvey, SurveyWriter } from "../survey/folder.ts";
import { measureSurvey } from "../tasks/measure/measure-survey.ts";
import { writePredicted } from "../tasks/use.ts";
import { rowsByColumn } from "./by-column.ts";
import { withComputed } from "./computed-columns.ts";
import { exportSession } from "./export.ts";
import { rankedRows, rankingRequest } from "./ranking.ts";
import { createSession } from "./session.ts";

let root: string;
let folder: string;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "skyloop-computed-"));
  folder = join(root, "s");
  const writer = new SurveyWriter(folder, {
    ...ONE_BAND,
    title: "Three",
    bands: ["g", "r"],
    pixelScaleArcsec: 0.5,
  });
  const SIZE = 40;
  for (const [id, width] of [
    ["small", 2],
    ["large", 4],
    ["blank", 0],
  ] as const) {
    const data = Float32Array.from({ length: 2 * SIZE ** 2 }, (_, at) => {
      const p = at % SIZE ** 2;
      const r = Math.hypot((p % SIZE) - 19.5, Math.floor(p / SIZE) - 19.5);
      return width === 0 ? 0 : 50 * Math.exp(-r / width) + Math.sin(12.9898 * at) * 0.5;
    });
    writer.add({
      id,
      raDeg: null,
      decDeg: null,
      source: id,
      columns: {},
      widthPx: SIZE,
      heightPx: SIZE,
      codec: "f32",
      data,
    });
  }
  await writer.finish();
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

test("measurements are columns of the catalogue: filters, searches and exports with units read them", async () => {
  const survey = withComputed(await openSurvey(folder));
  expect(survey.columns).toEqual([]);
  const summary = await measureSurvey(folder, { workers: 1, progress: SILENT });
  expect(summary.count).toBe(3);
  expect(summary.flags.BLANK).toBe(1);
  // Made after the survey was opened, and there all the same.
  expect(survey.columns.find(({ name }) => name === "measured.r50")).toMatchObject({ type: "number", unit: "arcsec" });
  const r50 = survey.column("measured.r50");
  expect(r50?.at(1)).toBeGreaterThan(1.5 * (r50?.at(0) as number));
  expect(r50?.at(2)).toBeNull();
  expect(survey.column("measured.flags")?.at(2)).toBe(256);
  expect(survey.row(0).id).toBe("small");
  const query = { column: "measured.r50", sort: "highest", limit: 5 } as const;
  expect(rowsByColumn(survey, query)).toEqual([1, 0]);

  const store = await openStore(folder);
  const source = { survey, artefacts: openArtefacts(folder) };
  const about = { name: "s", dataHash: survey.header.dataHash, indexOf: survey.indexOf };
  const wanted = { survey: "s", model: "m", target: "x", alpha: 0.5, pageSize: 5, randomPicks: 0, seed: 1, who: "w" };
  const session = await createSession(store, about, "h", { ...wanted, positive: ["small"], negative: [] });
  const filter = { order: "score", column: "measured.r50", least: r50?.at(1) as number } as const;
  const { rows } = await rankedRows(source, await rankingRequest(store, session, filter));
  expect(rows.map(({ object }) => object)).toEqual(["large"]);
  for (const [order, expected] of [
    ["highest", ["large", "small"]],
    ["smallest", ["small", "large"]],
  ] as const) {
    const sorted = await rankedRows(source, await rankingRequest(store, session, { order, column: "measured.r50" }));
    expect(sorted.rows.map(({ object }) => object)).toEqual(expected);
  }
  const path = join(root, "table.vot");
  await exportSession(source, await rankingRequest(store, session), "votable", path, ["measured.r50"]);
  expect(readFileSync(path, "utf8")).toMatch(/<FIELD[^>]*name="measured_r50"[^>]*unit="arcsec"/);
  await store.close();

  const csv = join(root, "measured.csv");
  await writePredicted(folder, "measured", { path: csv, format: "csv" });
  const [header, , , blank] = readFileSync(csv, "utf8").trim().split("\n");
  expect(header).toContain("kron_flux_g,kron_flux_err_g");
  expect(blank).not.toMatch(/nan/i);
  await expect(writePredicted(folder, "other", { path: csv, format: "csv" })).rejects.toThrow(/no table called other/);
  survey.close();
});

test("a table that is replaced shows its new numbers; lists are no columns", async () => {
  const survey = withComputed(await openSurvey(folder));
  const save = (value: number, madeAt: string) =>
    savePredictions(
      folder,
      "mine",
      { ...sourceOf(survey, { task: "t", head: "", model: "" }), madeAt },
      { columns: [{ name: "x" }], values: Float32Array.of(value, Number.NaN, 3), offsets: null },
    );
  save(1, "2026-01-01");
  expect(survey.column("mine.x")?.at(0)).toBe(1);
  expect(survey.column("mine.x")?.at(1)).toBeNull();
  save(2, "2026-01-02");
  expect(survey.column("mine.x")?.at(0)).toBe(2);
  savePredictions(folder, "mine", sourceOf(survey, { task: "t", head: "", model: "" }), {
    columns: [{ name: "x" }],
    values: new Float32Array(1),
    offsets: Uint32Array.of(0, 1, 1, 1),
  });
  expect(survey.column("mine.x")).toBeUndefined();
  survey.close();
});
