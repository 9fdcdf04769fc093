import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ONE_BAND } from "../../../test/fixtures/one-band.ts";
import { temporaryFolder } from "../../../test/fixtures/surveys.ts";
import { SILENT } from "../../base/progress.ts";
import { Random } from "../../base/random.ts";
import { writeFeatures } from "../../store/features.ts";
import { listPredictions, readPredictions } from "../../store/predictions.ts";
import { openSurvey, SurveyWriter } from "../../survey/folder.ts";
import { readTarget } from "../../tasks/parameters/targets.ts";
import { predictTask } from "../../tasks/use.ts";
import { liveTensors } from "../../torch/index.ts";
import { type TrainParametersOptions, trainParameters } from "./train-parameters.ts";

const [COUNT, DIM] = [400, 6];
const folder = temporaryFolder();
let survey = "";

/** A survey whose columns follow from its features, with noise that grows with the first of them. */
beforeAll(async () => {
  const random = new Random(1);
  const coin = new Random(2);
  const features = Float32Array.from({ length: COUNT * DIM }, () => random.normal());
  survey = join(folder.path, "s");
  const writer = new SurveyWriter(survey, {
    ...ONE_BAND,
    title: "Numbers",
    pixelScaleArcsec: 0.5,
  });
  for (let row = 0; row < COUNT; row++) {
    const own = features.subarray(row * DIM, (row + 1) * DIM);
    // The last one is like nothing else.
    if (row === COUNT - 1) own.fill(40);
    const size = 2 * own[0] + own[1] ** 2 + random.normal(0, own[2] > 0 ? 2.5 : 0.2);
    writer.add({
      id: `o${row}`,
      raDeg: null,
      decDeg: null,
      source: "",
      columns: {
        size: row % 10 === 0 || row === COUNT - 1 ? null : size,
        angle: ((((Math.atan2(own[3], own[4]) * 90) / Math.PI + random.normal(0, 3)) % 180) + 180) % 180,
        stand: row % 3 === 0 ? -99 : Math.abs(own[0]),
        rare: row === 7 ? 99 : Math.abs(own[0]),
        several: row % 3 === 0 ? -99 : row % 50 === 1 ? -999 : Math.round(4 * Math.abs(own[0])) / 4,
        types: row % 9 === 0 ? -1 : Math.round(3 * own[0]),
        constant: 4,
        few: row < 15 ? own[0] : null,
        some: row < 45 ? own[0] : null,
        absurd: row === 3 ? 1e9 : own[0],
        text: "spiral",
        noise: random.normal(),
        either: (coin.next() < 0.5 ? -2 : 2) + 0.3 * own[1] + coin.normal(0, 0.2),
        copy: row === COUNT - 1 ? null : 3 * own[0],
      },
      widthPx: 2,
      heightPx: 2,
      codec: "f32",
      data: new Float32Array(4),
    });
  }
  const { dataHash } = await writer.finish();
  const into = writeFeatures(survey, {
    model: "toy",
    weightsHash: "toy",
    dataHash,
    dim: DIM,
    count: COUNT,
    blockRows: COUNT,
  });
  into.write(0, features);
  into.close();
}, 60_000);
afterAll(() => folder.remove());

const options = (more: Partial<TrainParametersOptions>): TrainParametersOptions => ({
  columns: ["size"],
  missing: null,
  circular: [],
  features: { model: "toy", name: "toy" },
  table: null,
  out: join(folder.path, `head-${Math.random()}`),
  name: "parameters",
  command: "test",
  progress: SILENT,
  ...more,
});

describe("columns that cannot be learned", () => {
  it.each([
    ["text", "NOT_NUMBERS"],
    ["constant", "COLUMN_CONSTANT"],
    ["few", "COLUMN_TOO_EMPTY"],
    ["stand", "MISSING_UNCLEAR"],
    ["rare", "MISSING_UNCLEAR"],
    ["several", "MISSING_UNCLEAR"],
    ["absurd", "COLUMN_ABSURD"],
    ["none", "COLUMN_MISSING"],
  ])("%s", async (column, code) => {
    const opened = await openSurvey(survey);
    try {
      expect(() => readTarget(opened, column, { missing: null, circular: [] })).toThrow(
        expect.objectContaining({ code }),
      );
    } finally {
      opened.close();
    }
  });
  it("are learned once it is said what stands for no value", async () => {
    const opened = await openSurvey(survey);
    const target = readTarget(opened, "stand", { missing: [-99], circular: [] });
    expect(target.count).toBe(COUNT - Math.ceil(COUNT / 3));
    expect(Number.isNaN(target.values[0])).toBe(true);
    expect(readTarget(opened, "stand", { missing: [], circular: [] }).count).toBe(COUNT);
    expect(() => readTarget(opened, "several", { missing: null, circular: [] })).toThrow("--missing -999,-99 where");
    // -1 among -2 and 0 is a value.
    expect(readTarget(opened, "types", { missing: null, circular: [] }).count).toBe(COUNT);
    // Of one column, whatever is said of the others.
    const own = { missing: [5], missingOf: { stand: [-99] }, circular: [] };
    expect(readTarget(opened, "stand", own).count).toBe(target.count);
    opened.close();
  });
});

it("warns of what holds the answer itself, and of nothing else", async () => {
  const { parameters } = await trainParameters(survey, options({ columns: ["copy", "size"] }));
  const warned = parameters.map(({ name, warnings }) => [
    name,
    warnings.some((text) => text.includes("holds the answer")),
  ]);
  expect(warned).toEqual([
    ["copy", true],
    ["size", false],
  ]);
});

describe("parameters", () => {
  it("are learned with intervals that hold, wide where the truth scatters; a table, a report and a head are left", async () => {
    const before = liveTensors();
    const out = join(folder.path, "head");
    const result = await trainParameters(
      survey,
      options({ columns: ["size", "angle", "noise"], circular: ["angle"], out }),
    );
    expect(liveTensors()).toBe(before);
    const [size, angle, noise] = result.parameters;
    expect(size.scores.rmse).toBeLessThan(0.8 * size.baselines.constant);
    expect(size.objects.train + size.objects.test).toBe(COUNT - COUNT / 10 - 1);
    const held = size.coverage?.find(({ level }) => level === 0.9);
    expect(held?.all).toBeGreaterThan(0.8);
    expect(angle.scores.rmse).toBeLessThan(15);
    expect(noise.warnings.join()).toMatch(/hardly better/);

    const opened = await openSurvey(survey);
    const [kept] = listPredictions(survey, opened.header.dataHash);
    expect(kept.columns.map(({ name }) => name).slice(0, 7)).toEqual([
      "size",
      "size_lo68",
      "size_hi68",
      "size_lo90",
      "size_hi90",
      "size_flag",
      "angle",
    ]);
    const { values } = readPredictions(survey, kept);
    const at = (row: number, name: string) =>
      values[row * kept.columns.length + kept.columns.findIndex((column) => column.name === name)];
    const width = (row: number) => at(row, "size_hi90") - at(row, "size_lo90");
    const features = Array.from({ length: COUNT - 1 }, (_, row) => row);
    const loud = features.filter((row) => (readNoise(row) ?? 0) > 0);
    const mean = (rows: number[]) => rows.reduce((sum, row) => sum + width(row), 0) / rows.length;
    expect(mean(loud)).toBeGreaterThan(1.2 * mean(features.filter((row) => !loud.includes(row))));
    expect(at(COUNT - 1, "size_flag") & 1).toBe(1);
    expect(features.filter((row) => (at(row, "size_flag") & 1) === 1).length).toBeLessThan(0.05 * COUNT);
    expect(existsSync(join(out, "report.html"))).toBe(true);
    expect(readFileSync(join(out, "report.html"), "utf8")).toContain("narrow third");
    await expect(trainParameters(survey, options({ out }))).rejects.toThrow(/holds a trained head/);

    // The head says the same of objects that it has not learned from.
    const { name } = await predictTask(survey, join(out, "head.safetensors"), { name: "again", progress: SILENT });
    const again = listPredictions(survey, opened.header.dataHash).find((set) => set.name === name);
    expect(again?.columns).toEqual(kept.columns);
    const said = readPredictions(survey, again as typeof kept).values;
    for (const { row } of size.test.slice(0, 5))
      expect(said[row * kept.columns.length]).toBeCloseTo(at(row, "size"), 4);
    opened.close();
  }, 60_000);

  it("are one thing or another with three components: said better, in the same columns, by a head that opens again", async () => {
    const trained = (components: number) =>
      trainParameters(survey, {
        ...options({ columns: ["either", "angle"], circular: ["angle"] }),
        name: `k${components}`,
        out: join(folder.path, `k${components}`),
        ensemble: { components },
      });
    const before = liveTensors();
    const [[one], [three, angle]] = [await trained(1), await trained(3)].map(({ parameters }) => parameters);
    expect(liveTensors()).toBe(before);
    // Known perfectly, two peaks at -2 and 2 have a CRPS of 1.0 and a normal distribution of their moments has 1.2.
    expect(three.scores.crps).toBeLessThan(0.93 * one.scores.crps);
    for (const { coverage } of [three, angle])
      expect(coverage?.find(({ level }) => level === 0.9)?.all).toBeGreaterThan(0.8);
    expect(angle.scores.rmse).toBeLessThan(15);

    const opened = await openSurvey(survey);
    const kept = (name: string) =>
      listPredictions(survey, opened.header.dataHash).find((set) => set.name === name) as ReturnType<
        typeof listPredictions
      >[number];
    expect(kept("k3").columns).toEqual(kept("k1").columns);
    await predictTask(survey, join(folder.path, "k3", "head.safetensors"), { name: "again", progress: SILENT });
    const [first, again] = ["k3", "again"].map((name) => readPredictions(survey, kept(name)).values);
    const width = kept("k3").columns.length;
    for (const { row } of three.test)
      for (let k = 0; k < width; k++) expect(again[row * width + k]).toBeCloseTo(first[row * width + k], 4);
    opened.close();
  }, 60_000);

  it("have no interval below 50 labels, and are refused without anything to learn from", async () => {
    const few = await trainParameters(survey, options({ columns: ["some"], name: "few", ensemble: { steps: 60 } }));
    expect(few.parameters[0].coverage).toBeNull();
    expect(few.parameters[0].warnings.join()).toMatch(/below 50 no interval/);
    await expect(trainParameters(survey, options({ features: null, table: null }))).rejects.toThrow(
      /nothing to learn from/,
    );
  }, 60_000);
});

/** The third feature of an object: above 0 its truth scatters. */
function readNoise(row: number): number {
  const random = new Random(1);
  const features = Float32Array.from({ length: COUNT * DIM }, () => random.normal());
  return features[row * DIM + 2];
}
