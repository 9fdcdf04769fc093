import { afterAll, beforeAll, expect, it } from "vitest";
import { featuredSurvey, temporaryFolder } from "../../test/fixtures/surveys.ts";
import type { Page } from "../contract/api.ts";
import { openSurvey } from "../survey/folder.ts";
import { learningOf, scoresAndLabels } from "./learning.ts";
import { rankedRows, rankingRequest } from "./ranking.ts";
import { replaySession } from "./replay.ts";
import { addLabels, createSession, sessionState } from "./session.ts";
import { Workbench } from "./workbench.ts";

const COUNT = 120;
const truth = Array.from({ length: COUNT }, (_, i) => i % 4 === 0);
const folder = temporaryFolder();
let bench: Workbench;
beforeAll(async () => {
  bench = await Workbench.open(await featuredSurvey(folder.path, COUNT, (row) => truth[row]));
}, 60_000);
afterAll(async () => {
  await bench.close();
  folder.remove();
});

const about = () => ({ name: "small", dataHash: bench.survey.header.dataHash, indexOf: bench.survey.indexOf });
const some = (wanted: boolean, count: number) => bench.ids.filter((_, row) => truth[row] === wanted).slice(0, count);
const isPositive = (id: string) => truth[bench.survey.indexOf(id) as number];
const start = (target: string, weightsHash = "toy") =>
  createSession(bench.store, about(), weightsHash, {
    survey: "small",
    model: "toy",
    target,
    alpha: 0.5,
    pageSize: 8,
    randomPicks: 2,
    seed: 1,
    who: "ann",
    positive: some(true, 3),
    negative: some(false, 3),
  });
const answer = (session: string, { picks }: Page) =>
  addLabels(bench.store, about(), session, {
    who: "ann",
    labels: picks.map(({ object }) => ({ object, value: isPositive(object) ? "positive" : "negative" })),
  });

it("reasons name what people answered, not the unlabelled objects that stood for negatives", async () => {
  const session = await createSession(bench.store, about(), "toy", {
    survey: "small",
    model: "toy",
    target: "few",
    alpha: 0.5,
    pageSize: 8,
    randomPicks: 0,
    seed: 1,
    who: "ann",
    positive: some(true, 5),
    negative: [],
  });
  await bench.round(session);
  const why = await bench.why(session, 4);
  expect(why.examples.map(({ object }) => object).sort()).toEqual(some(true, 5).sort());
  expect(why.examples.every(({ label }) => label === "positive")).toBe(true);
});

it("a whole session needs no server: rounds, reasons, preview, neighbours, map, ranking, replay", async () => {
  const session = await start("spirals");
  await expect(bench.preview(session)).rejects.toMatchObject({ code: "NOT_RANKED" });
  await expect(bench.why(session, 0)).rejects.toMatchObject({ code: "NOT_RANKED" });
  for (let round = 1; round <= 3; round++) {
    const shown: Page[] = [];
    const { page } = await bench.round(session, { onPage: (one) => shown.push(one) });
    expect([page.round, shown]).toEqual([round, [page]]);
    expect(await bench.assess(session, round)).toBe(true);
    await answer(session, page);
  }
  const { positives } = await sessionState(bench.store, session, "ann", true);
  expect(positives).toBeGreaterThan(10);

  const preview = await bench.preview(session);
  expect([preview.round, preview.highest.length, preview.lower.length]).toEqual([3, 8, 8]);
  const why = await bench.why(session, 4);
  expect(why.score).toBeCloseTo((await bench.artefacts.scores(session, COUNT))?.[4] as number, 5);
  expect([why.examples.length, why.heat]).toEqual([12, null]);
  expect((await bench.neighbours("toy", 0, 5)).filter(({ row }) => truth[row])).toHaveLength(5);
  expect(new Set((await bench.diverse("toy", 6, 1)).map(({ row }) => row)).size).toBe(6);
  await bench.map("toy", "pca");
  expect(await bench.artefacts.map({ model: "toy", method: "pca", weightsHash: "toy" }, COUNT)).toHaveLength(8 * COUNT);

  const learning = await learningOf(bench, session);
  expect(learning.assessments.map(({ round }) => round)).toEqual([1, 2, 3]);
  expect(learning.histogram?.all.reduce((a, b) => a + b)).toBe(COUNT);
  const { scores, labels } = await scoresAndLabels(bench, session);
  expect([scores.length, labels.filter((code) => code === 1).length]).toEqual([COUNT, positives]);
  expect(
    (await rankedRows(bench, await rankingRequest(bench.store, session, { order: "score", label: "positive" }))).total,
  ).toBe(positives);
  const { space } = await bench.features("toy");
  const replayed = await replaySession(bench.store, bench.survey, space, session);
  expect(replayed.map(({ same }) => same)).toEqual([true, true, true]);
});

it("a round is made once, and one that a stop cut short is finished as it was begun", async () => {
  const session = await start("cut short");
  const { page } = await bench.round(session, {}, 1);
  expect((await bench.round(session, {}, 1)).page).toEqual(page);
  await answer(session, page);
  const second = (await bench.round(session, {}, 2)).page;
  const [, whole] = await bench.store.rounds(session);

  // The same session elsewhere, stopped after the first page of its second round; somebody labels on.
  const again = await start("cut short");
  await bench.store.saveRound(again, (await bench.store.rounds(session))[0]);
  await answer(again, page);
  const lastSeq = (await bench.store.events(again)).at(-1)?.seq as number;
  const begun = { ...whole, lastSeq, provisional: true, picks: whole.picks.slice(0, 3) };
  await bench.store.saveRound(again, begun);
  await addLabels(bench.store, about(), again, {
    who: "ann",
    labels: [{ object: second.picks[0].object, value: "unsure" }],
  });
  expect((await bench.round(again, {}, 2)).page).toEqual(second);
  expect((await bench.store.rounds(again)).map(({ provisional }) => provisional)).toEqual([false, false]);
});

it("features of other weights than the session's are refused", async () => {
  const session = await start("other", "older");
  await expect(bench.round(session)).rejects.toMatchObject({ code: "OTHER_WEIGHTS" });
});

it("has the columns that the user brought only where it is opened with them", async () => {
  expect(bench.survey.column("axisRatio")).toBeUndefined();
  const whole = await Workbench.open(bench.survey.folder, openSurvey);
  expect(whole.survey.column("axisRatio")?.at(0)).toBeGreaterThan(0);
  await whole.close();
});
