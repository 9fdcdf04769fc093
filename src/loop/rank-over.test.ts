import { cpSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { featuredSurvey, temporaryFolder } from "../../test/fixtures/surveys.ts";
import { descendingOrder } from "../base/order.ts";
import { SILENT } from "../base/progress.ts";
import { Random } from "../base/random.ts";
import { joinShards } from "../store/feature-shards.ts";
import { openFeatures, writeFeatures } from "../store/features.ts";
import { rankOver, topRows } from "./rank-over.ts";
import { createSession } from "./session.ts";
import { Workbench } from "./workbench.ts";

const [COUNT, ROWS, TOP] = [64, 16, 14];
const truth = Array.from({ length: COUNT }, (_, i) => i % 4 === 0);
const folder = temporaryFolder();
let survey = "";
let bench: Workbench;
let session = "";
/** The same survey with its features in two parts. */
let parted = "";
beforeAll(async () => {
  survey = await featuredSurvey(folder.path, COUNT, (row) => truth[row]);
  parted = join(folder.path, "parted");
  cpSync(survey, parted, { recursive: true });
  rmSync(join(parted, "features"), { recursive: true });
  bench = await Workbench.open(survey);
  const { dataHash } = bench.survey.header;
  const whole = openFeatures(survey, "toy");
  for (const [part, from, to] of [
    [1, 0, 2 * ROWS],
    [2, 2 * ROWS, COUNT],
  ]) {
    const set = { model: "toy", weightsHash: "toy", dataHash, dim: whole.dim, blockRows: ROWS };
    const writer = writeFeatures(parted, { ...set, count: to - from, shard: { part, of: 2, from } });
    for (let block = 0; block < writer.blocks; block++)
      writer.write(block, whole.rows(from + block * ROWS, Math.min(to, from + (block + 1) * ROWS)).slice());
    writer.close();
  }
  whole.close();
  const some = (wanted: boolean) => bench.ids.filter((_, row) => truth[row] === wanted).slice(0, 4);
  const about = { name: "small", dataHash, indexOf: bench.survey.indexOf };
  const asked = { survey: "small", model: "toy", target: "odd", alpha: 0.5, pageSize: 8, randomPicks: 2, seed: 1 };
  session = await createSession(bench.store, about, "toy", {
    ...asked,
    who: "ann",
    positive: some(true),
    negative: some(false),
  });
}, 60_000);
afterAll(async () => {
  await bench.close();
  folder.remove();
});

const out = join(folder.path, "best.csv");
const rank = (over: string, top = TOP) => rankOver(bench, session, { over, top, out, format: "csv", progress: SILENT });
const rowsWritten = () =>
  readFileSync(out, "utf8")
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split(","));

it("the best of many scores are those of the whole order, with ties by row, whatever the blocks", () => {
  const random = new Random(4);
  const scores = Float32Array.from({ length: 9000 }, () => Math.floor(random.next() * 700) / 700);
  for (const [most, block] of [
    [1, 9000],
    [40, 37],
    [2000, 4096],
    [9000, 5000],
  ]) {
    const best = topRows(most);
    for (let from = 0; from < scores.length; from += block) best.add(scores.subarray(from, from + block), from);
    const { rows, scores: kept } = best.best();
    expect(rows).toEqual(descendingOrder(scores).slice(0, most));
    expect(kept).toEqual(Float32Array.from(rows, (row) => scores[row]));
  }
});

it("a survey's best are written with names and places, the same from the whole set as from its parts", async () => {
  const found = await rank(survey);
  const [text, written] = [readFileSync(out, "utf8"), rowsWritten()];
  expect(await rank(parted)).toEqual({ ...found, parts: 2 });
  expect(readFileSync(out, "utf8")).toBe(text);

  // The session's next round learns from the same labels with the same seed.
  await bench.round(session);
  const scores = (await bench.artefacts.scores(session, COUNT)) as Float32Array;
  const order = descendingOrder(scores).slice(0, TOP);
  expect(written.map(([place, id]) => [Number(place), id])).toEqual(
    [...order].map((row, i) => [i + 1, bench.ids[row]]),
  );
  const { raDeg, decDeg } = bench.survey.row(order[0]);
  expect(written[0].slice(2).map(Number)).toEqual([raDeg, decDeg, scores[order[0]]]);
  expect(found).toMatchObject({ objects: COUNT, parts: 1, written: TOP, least: scores[order[TOP - 1]] });
  expect(found.above[0]).toEqual([0.5, scores.filter((score) => score >= 0.5).length]);
  // A learner of nothing would have a quarter of what is looked for.
  expect(written.filter(([, id]) => truth[bench.survey.indexOf(id) as number]).length).toBeGreaterThan(TOP / 2);
});

it("a part that is missing is named, and features in eight bits keep the order of what they can tell apart", async () => {
  await rank(survey, COUNT);
  const before = new Map(rowsWritten().map(([, id, , , score]) => [id, Number(score)]));
  const second = join(parted, "features/toy/shards/00002-of-2");
  renameSync(second, join(folder.path, "away"));
  await expect(rank(parted)).rejects.toThrow(/1 of 2 parts are not finished: 2 \(missing\)/);
  renameSync(join(folder.path, "away"), second);
  joinShards(parted, "toy", { int8: true });
  expect(await rank(parted, COUNT)).toMatchObject({ objects: COUNT, parts: 1, written: COUNT });
  const after = rowsWritten().map(([, id, , , score]) => ({ old: before.get(id) as number, score: Number(score) }));
  const moved = Math.max(...after.map(({ old, score }) => Math.abs(old - score)));
  expect(moved).toBeLessThan(0.01);
  for (const [i, { old }] of after.entries())
    for (const later of after.slice(i + 1)) expect(later.old - old).toBeLessThanOrEqual(2 * moved);
});
