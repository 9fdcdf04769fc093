import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { featuredSurvey, temporaryFolder } from "../../test/fixtures/surveys.ts";
import type { Page } from "../contract/api.ts";
import { simulate } from "../evaluate/simulate.ts";
import { auroc } from "../measure/ranking.ts";
import { openArtefacts } from "../store/artefacts.ts";
import { openFeatures } from "../store/features.ts";
import { readScores } from "../store/scores.ts";
import { openStore } from "../store/sqlite.ts";
import type { Store } from "../store/store.ts";
import { openSurvey, type Survey } from "../survey/folder.ts";
import { liveTensors } from "../torch/index.ts";
import { withoutArtefacts } from "./artefacts.ts";
import { exportSession } from "./export.ts";
import { type FeatureSpace, featureSpace, learn } from "./learn.ts";
import { rankingRequest } from "./ranking.ts";
import { replaySession } from "./replay.ts";
import { nextRound, planOf } from "./round.ts";
import { addLabels, createSession, sessionState, stepBack } from "./session.ts";

const COUNT = 120;
const truth = Array.from({ length: COUNT }, (_, i) => i % 4 === 0);
const folder = temporaryFolder();
let survey: Survey;
let store: Store;
let space: FeatureSpace;
beforeAll(async () => {
  const path = await featuredSurvey(folder.path, COUNT, (row) => truth[row]);
  survey = await openSurvey(path);
  const features = openFeatures(path, "toy");
  space = featureSpace(features.matrix(), features.dim);
  store = await openStore(path);
}, 60_000);
afterAll(async () => {
  await store.close();
  survey.close();
  folder.remove();
});
const about = () => ({ name: survey.name, dataHash: survey.header.dataHash, indexOf: survey.indexOf });
const ids = (wanted: boolean, count: number) =>
  survey.rows
    .filter((_, i) => truth[i] === wanted)
    .slice(0, count)
    .map(({ id }) => id);
const start = (target: string, unlabelled?: "fading" | "always") =>
  createSession(store, about(), "toy", {
    survey: survey.name,
    model: "toy",
    target,
    alpha: 0.5,
    pageSize: 10,
    randomPicks: 2,
    seed: 1,
    who: "ann",
    unlabelled,
    positive: ids(true, 5),
    negative: ids(false, 5),
  });
const run = (session: string, onPage?: (page: Page) => void) =>
  nextRound({
    store,
    artefacts: openArtefacts(survey.folder),
    session,
    count: survey.count,
    idOf: (row) => survey.row(row).id,
    indexOf: survey.indexOf,
    space,
    weightsHash: "toy",
    onPage,
  });
const answer = (session: string, page: Page) =>
  addLabels(store, about(), session, {
    who: "ann",
    labels: page.picks.map(({ object }) => ({
      object,
      value: truth[survey.indexOf(object) as number] ? "positive" : "negative",
    })),
  });

describe("learning", () => {
  it("ranks what it was shown examples of, the same for the same seed, and frees everything", () => {
    const examples = truth.slice(0, 24).map((positive, row) => ({ row, positive }));
    const before = liveTensors();
    const scores = [1, 1, 2].map((seed) => {
      const learner = learn(space, examples, seed);
      const all = learner.score(0, COUNT);
      // Another number of rows may be multiplied in another order: equal to the last bits only.
      for (const [i, value] of learner.scoreRows([7, 3]).entries()) expect(value).toBeCloseTo(all[[7, 3][i]], 5);
      learner.dispose();
      return all;
    });
    expect(liveTensors()).toBe(before);
    expect(scores[0]).toEqual(scores[1]);
    expect(scores[0]).not.toEqual(scores[2]);
    expect(auroc(scores[0], truth.map(Number))).toBeGreaterThan(0.9);
    expect(Math.max(...scores[0])).toBeLessThan(1);
  });
  it("knows nothing without both classes", () => {
    const learner = learn(space, [{ row: 0, positive: true }], 1);
    expect(learner.score(0, 3)).toEqual(Float32Array.of(0.5, 0.5, 0.5));
  });
});

describe("a session", () => {
  it("finds more and more, can be replayed bit for bit, and is exported whole", async () => {
    const session = await start("spiral");
    for (let round = 1; round <= 3; round++) {
      const { page } = await run(session);
      expect(page.round).toBe(round);
      const known = Object.keys((await sessionState(store, session, "ann", true)).labels);
      for (const { object } of page.picks) expect(known).not.toContain(object);
      await answer(session, page);
    }
    const state = await sessionState(store, session, "ann", true);
    expect(state.positives + state.negatives).toBe(40);
    expect(state.rounds.map(({ shown }) => shown)).toEqual([0, 10, 10, 10]);
    expect(state.rounds.at(-1)?.randomShown).toBe(2);
    const replayed = await replaySession(store, survey, space, session);
    expect(replayed.map(({ round, same }) => [round, same])).toEqual([
      [1, true],
      [2, true],
      [3, true],
    ]);
    expect(replayed[2].scores).toEqual(readScores(survey.folder, session, COUNT));

    const path = join(folder.path, "out.csv");
    expect(
      await exportSession(
        { survey, artefacts: openArtefacts(survey.folder) },
        await rankingRequest(store, session),
        "csv",
        path,
      ),
    ).toBe(COUNT);
    const lines = readFileSync(path, "utf8").trim().split("\n");
    expect(lines[0]).toBe("id,ra,dec,score,label,tags,round,who");
    expect(lines).toHaveLength(COUNT + 1);
    const exported = lines.slice(1).map((line) => line.split(","));
    expect(exported.filter(([, , , , label]) => label === "positive")).toHaveLength(state.positives);
    const column = exported.map((cells) => Number(cells[3]));
    expect([...column].sort((a, b) => b - a)).toEqual(column);
  });

  it("undoes, never learns from unsure ones, and refuses what makes no sense", async () => {
    const session = await start("undo");
    const { page } = await run(session);
    await addLabels(store, about(), session, {
      who: "ann",
      labels: [{ object: page.picks[0].object, value: "unsure" }],
    });
    await answer(session, { ...page, picks: page.picks.slice(1) });
    await stepBack(store, session, "ann", "undo");
    const state = await sessionState(store, session, "ann", true);
    expect(state.unsure).toBe(1);
    expect(state.positives + state.negatives).toBe(18);
    await expect(stepBack(store, session, "bob", "undo")).rejects.toThrow(/nothing left to undo/);
    await expect(
      addLabels(store, about(), session, { who: "ann", labels: [{ object: "none", value: "positive" }] }),
    ).rejects.toThrow(/has no object none/);
    const lonely = (target: string, examples: { positive: string[]; negative: string[] }) =>
      createSession(store, about(), "toy", {
        survey: survey.name,
        model: "toy",
        target,
        alpha: 0.5,
        pageSize: 10,
        randomPicks: 0,
        seed: 1,
        who: "ann",
        ...examples,
      });
    const onlyNo = await lonely("no", { positive: [], negative: ids(false, 2) });
    // Without a positive there is nothing to learn: the unusual come first, and not what is answered.
    const { page: odd } = await run(onlyNo);
    expect(odd.picks).toHaveLength(10);
    expect(odd.picks.some(({ object }) => ids(false, 2).includes(object))).toBe(false);
    // Five positives are enough: unlabelled objects stand for the rest, and are shown, too.
    const onlyYes = await lonely("yes", { positive: ids(true, 5), negative: [] });
    const { page: found } = await run(onlyYes);
    expect(found.picks.filter(({ object }) => truth[survey.indexOf(object) as number]).length).toBeGreaterThan(5);
    expect((await store.events(onlyYes)).length).toBe(5);
    const [both] = ids(true, 1);
    await expect(
      createSession(store, about(), "toy", {
        survey: survey.name,
        model: "toy",
        target: "x",
        alpha: 0.5,
        pageSize: 10,
        randomPicks: 0,
        seed: 1,
        who: "ann",
        positive: [both],
        negative: [both],
      }),
    ).rejects.toThrow(/cannot be positive and negative/);
  });

  it("learns from unlabelled objects as negatives besides, where few of the answers are positive", async () => {
    const planned = async (target: string, positives: number, negatives: number) => {
      const session = await createSession(store, about(), "toy", {
        survey: survey.name,
        model: "toy",
        target,
        alpha: 0.5,
        pageSize: 10,
        randomPicks: 0,
        seed: 1,
        who: "ann",
        positive: ids(true, positives),
        negative: ids(false, negatives),
      });
      await run(session);
      return (await planOf(store, survey, session, 1)).plan;
    };
    expect((await planned("as many", 5, 5)).background).toEqual([]);
    const { background, examples } = await planned("few", 2, 18);
    const answered = new Set(examples.map(({ row }) => row));
    expect(background).toHaveLength(100);
    expect(background.some(({ row, positive }) => positive || answered.has(row))).toBe(false);
    const { background: fewer } = await planned("some", 6, 14);
    expect(fewer).toHaveLength(50);
  });

  it("learns from as many to the end where a session says always, and replays so", async () => {
    const [fading, always] = [await start("fades", "fading"), await start("stays", "always")];
    expect(await store.session(always)).toMatchObject({ unlabelled: "always" });
    const ranked: Float32Array[] = [];
    for (const session of [fading, always]) {
      for (let round = 0; round < 2; round++) {
        const { page } = await run(session);
        if (round === 0) await answer(session, page);
      }
      const replayed = await replaySession(store, survey, space, session);
      expect(replayed.map(({ same }) => same)).toEqual([true, true]);
      expect(replayed[1].scores).toEqual(await openArtefacts(survey.folder).scores(session, COUNT));
      ranked.push(replayed[1].scores);
    }
    expect(ranked[0]).not.toEqual(ranked[1]);
    const share = ({ examples }: { examples: { positive: boolean }[] }) =>
      examples.filter(({ positive }) => positive).length / examples.length;
    const plans = [fading, always].map(async (session) => (await planOf(store, survey, session, 2)).plan);
    const [faded, stayed] = await Promise.all(plans);
    expect(Math.min(share(faded), share(stayed))).toBeGreaterThan(0.4);
    expect(faded.background).toEqual([]);
    // 20 of the 120 have answers: what stands for negatives is all the others.
    expect(new Set(stayed.background.map(({ row }) => row)).size).toBe(100);
    expect(stayed.background.some(({ row }) => stayed.examples.some((one) => one.row === row))).toBe(false);
  });

  it("goes to the end of the pool and then shows what was passed over", async () => {
    const session = await start("all");
    const shown = new Set<string>();
    for (let round = 0; round < 12; round++) {
      const { page } = await run(session);
      for (const { object } of page.picks) shown.add(object);
      if (page.exhausted && page.picks.length < 10) break;
      await answer(session, { ...page, picks: page.picks.slice(1) });
    }
    expect(shown.size).toBe(COUNT - 10);
    // No round of nothing is begun when every object has an answer.
    const all = survey.rows.map(({ id }, i) => ({
      object: id,
      value: truth[i] ? ("positive" as const) : ("negative" as const),
    }));
    await addLabels(store, about(), session, { who: "ann", labels: all });
    const rounds = await store.rounds(session);
    await expect(run(session)).rejects.toMatchObject({ code: "NOTHING_LEFT" });
    expect(await store.rounds(session)).toEqual(rounds);
  });
});

describe("the simulated person", () => {
  const options = {
    model: "toy",
    column: "label",
    positive: ["spiral"],
    negative: [],
    start: [5, 5] as [number, number],
    show: 5,
    rounds: 2,
    alpha: 0.5,
    seeds: 3,
    progress: { update() {}, end() {} },
  };
  it("gives the same figures each time, with the random budget beside the loop", async () => {
    const [one, two] = [
      await simulate({ ...options, survey: survey.folder }),
      await simulate({ ...options, survey: survey.folder }),
    ];
    expect(one).toEqual(two);
    expect(one.rounds.map(({ labels }) => labels)).toEqual([10, 15, 20]);
    expect(one.rounds[0].aupr).toEqual(one.rounds[0].random.aupr);
    expect(one.pool.objects + one.evaluated.objects).toBe(COUNT);
  });
  it("learns from unlabelled objects to the end where it is asked for", async () => {
    const of = (unlabelled?: "fading" | "always") =>
      simulate({ ...options, survey: survey.folder, rounds: 1, seeds: 2, unlabelled });
    const [unsaid, fading, always] = [await of(), await of("fading"), await of("always")];
    expect(unsaid).toEqual(fading);
    expect([fading.unlabelled, always.unlabelled]).toEqual(["fading", "always"]);
    expect(always.rounds.map(({ labels }) => labels)).toEqual(fading.rounds.map(({ labels }) => labels));
    expect(always.rounds[0].aupr).not.toEqual(fading.rounds[0].aupr);
  });
  it("begins with positives alone: what stands for the rest is no label", async () => {
    const from = (positives: number) =>
      simulate({ ...options, survey: survey.folder, start: [positives, 0], rounds: 1, seeds: 1 });
    const [five, one] = [await from(5), await from(1)];
    expect([five, one].map(({ rounds }) => rounds.map(({ labels }) => labels))).toEqual([
      [5, 10],
      [1, 6],
    ]);
    expect(five.rounds[0].aupr).not.toEqual(one.rounds[0].aupr);
    await expect(from(0)).rejects.toMatchObject({ code: "BAD_OPTION" });
  });
  it("names what is missing", async () => {
    await expect(simulate({ ...options, survey: survey.folder, column: "kind" })).rejects.toThrow(/no column kind/);
    await expect(simulate({ ...options, survey: survey.folder, positive: ["nothing"] })).rejects.toThrow(
      /ONE_CLASS|must name some/,
    );
    await expect(simulate({ ...options, survey: survey.folder, model: "none" })).rejects.toThrow(/no features of none/);
    await expect(simulate({ ...options, survey: survey.folder, start: [500, 5] })).rejects.toThrow(/needs so many/);
  });
});

describe("a session without examples", () => {
  it("shows the unusual first, learns from the first positive on, and keeps from what is like an artefact", async () => {
    const session = await createSession(store, about(), "toy", {
      survey: survey.name,
      model: "toy",
      target: "anything odd",
      alpha: 0.5,
      pageSize: 10,
      randomPicks: 0,
      seed: 3,
      who: "ann",
      positive: [],
      negative: [],
    });
    const answer = (objects: string[], value: "positive" | "negative", addTag?: string) =>
      addLabels(store, about(), session, { who: "ann", labels: objects.map((object) => ({ object, value, addTag })) });
    const { page: first } = await run(session);
    const scores = first.picks.map(({ score }) => score as number);
    expect(scores).toEqual(scores.slice().sort((a, b) => b - a));
    expect(scores[0]).toBeGreaterThan(0.9);
    // Only negatives: the next most unusual come.
    await answer([first.picks[0].object], "negative");
    const { page: second } = await run(session);
    const seen = new Set(first.picks.map(({ object }) => object));
    expect(second.picks.every(({ object }) => !seen.has(object))).toBe(true);
    expect(Math.max(...second.picks.map(({ score }) => score as number))).toBeLessThanOrEqual(scores[9]);
    await answer(ids(true, 3), "positive");
    await answer([ids(false, 1)[0]], "negative", "artefact");
    const { page: third } = await run(session);
    const rowOf = (object: string) => survey.indexOf(object) as number;
    const answered = [first.picks[0].object, ...ids(true, 3)].map(rowOf);
    const all = Uint32Array.from({ length: COUNT }, (_, row) => row);
    const left = withoutArtefacts(space, all, [rowOf(ids(false, 1)[0])], answered);
    expect(left.length).toBeLessThan(COUNT);
    expect(third.picks.every(({ object }) => left.includes(rowOf(object)))).toBe(true);
    const replayed = await replaySession(store, survey, space, session);
    expect(replayed.map(({ same }) => same)).toEqual([true, true, true]);
  });
});
