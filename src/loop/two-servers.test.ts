import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { hasPostgres, testDatabase } from "../../test/fixtures/postgres.ts";
import { featuredSurvey, temporaryFolder } from "../../test/fixtures/surveys.ts";
import { buildProgram } from "../cli/main.ts";
import type { Page } from "../contract/api.ts";
import { replaySession } from "./replay.ts";
import { nextRound } from "./round.ts";
import { addLabels, createSession } from "./session.ts";
import { Workbench } from "./workbench.ts";

const COUNT = 40;
const truth = Array.from({ length: COUNT }, (_, i) => i % 4 === 0);
const folder = temporaryFolder();
let [survey, url] = ["", ""];

describe.skipIf(!hasPostgres)("two servers on one database", () => {
  beforeAll(async () => {
    survey = await featuredSurvey(folder.path, COUNT, (row) => truth[row]);
    url = await testDatabase();
    vi.stubEnv("DATABASE_URL", url);
  });
  afterAll(() => {
    vi.unstubAllEnvs();
    folder.remove();
  });

  async function begin(bench: Workbench): Promise<string> {
    const about = { name: "small", dataHash: bench.survey.header.dataHash, indexOf: bench.survey.indexOf };
    const ids = (wanted: boolean) => bench.ids.filter((_, i) => truth[i] === wanted).slice(0, 3);
    const wanted = { survey: "small", model: "toy", target: "t", alpha: 0.5, pageSize: 5, randomPicks: 1, seed: 1 };
    return createSession(bench.store, about, "toy", { ...wanted, who: "a", positive: ids(true), negative: ids(false) });
  }
  async function label(bench: Workbench, session: string, page: Page): Promise<void> {
    const about = { name: "small", dataHash: bench.survey.header.dataHash, indexOf: bench.survey.indexOf };
    const value = (object: string) =>
      truth[bench.ids.indexOf(object)] ? ("positive" as const) : ("negative" as const);
    const labels = page.picks.map(({ object }) => ({ object, value: value(object) }));
    await addLabels(bench.store, about, session, { who: "a", labels });
  }

  it("make a round once when asked at the same time, and both show its page", async () => {
    const [one, two] = [await Workbench.open(survey), await Workbench.open(survey)];
    const session = await begin(one);
    let learned = 0;
    const onProgress = (stage: string, done: number) => void (stage === "learn" && done === 1 && learned++);
    const pages = await Promise.all([one, two].map((bench) => bench.round(session, { onProgress }, 1)));
    expect(learned).toBe(1);
    expect(pages[1].page).toEqual(pages[0].page);
    expect(await one.store.rounds(session)).toHaveLength(1);
    await Promise.all([one.close(), two.close()]);
  });

  it("say that a round is running where no page of it comes, and make it when the other is gone", async () => {
    const bench = await Workbench.open(survey);
    const session = await begin(bench);
    const release = await bench.store.holdRound(session);
    const { store, artefacts } = bench;
    const { count, indexOf } = bench.survey;
    const idOf = (row: number) => bench.ids[row];
    const { space, weightsHash } = await bench.features("toy");
    const ask = (patienceMs: number) =>
      nextRound({ store, artefacts, session, count, idOf, indexOf, space, weightsHash, patienceMs });
    await expect(ask(0)).rejects.toMatchObject({ code: "ROUND_RUNNING" });
    const waiting = ask(20_000);
    await release();
    expect((await waiting).page.round).toBe(1);
    await bench.close();
  });

  it("hand a session to SQLite by `store copy`, which replays it bit for bit", async () => {
    const bench = await Workbench.open(survey);
    const session = await begin(bench);
    for (let round = 1; round <= 2; round++) await label(bench, session, (await bench.round(session)).page);
    const spy = vi.spyOn(process.stdout, "write").mockReturnValue(true);
    await buildProgram().parseAsync(["store", "copy", url, survey], { from: "user" });
    const said = spy.mock.calls.join("");
    spy.mockRestore();
    expect(said).toMatch(/t-3: 16 events, 2 rounds, copied and compared\n.*3 sessions are the same in both/s);
    vi.stubEnv("DATABASE_URL", "");
    const local = await Workbench.open(survey);
    vi.stubEnv("DATABASE_URL", url);
    expect(JSON.stringify(await local.store.events(session))).toBe(JSON.stringify(await bench.store.events(session)));
    const { space } = await bench.features("toy");
    const replayed = await Promise.all(
      [bench, local].map((one) => replaySession(one.store, one.survey, space, session)),
    );
    expect(replayed[1]).toEqual(replayed[0]);
    expect(replayed[1].map(({ same }) => same)).toEqual([true, true]);
    await Promise.all([bench.close(), local.close()]);
  });

  it("are told which places a copy needs", async () => {
    const copy = (...args: string[]) => buildProgram().parseAsync(["store", "copy", ...args], { from: "user" });
    await expect(copy(url, url)).rejects.toMatchObject({ code: "BAD_OPTION" });
    await expect(copy(folder.path, url)).rejects.toMatchObject({ code: "NOTHING_TO_COPY" });
  });
});
