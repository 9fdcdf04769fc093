import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { featuredSurvey, temporaryFolder } from "../../test/fixtures/surveys.ts";
import { addLabels, createSession } from "../loop/session.ts";
import { Workbench } from "../loop/workbench.ts";
import { buildProgram } from "./main.ts";

const COUNT = 40;
const folder = temporaryFolder();
let survey = "";
beforeAll(async () => {
  survey = await featuredSurvey(folder.path, COUNT, (row) => row % 4 === 0);
}, 60_000);
afterAll(() => folder.remove());

async function said(...args: string[]): Promise<string> {
  let text = "";
  const spy = vi.spyOn(process.stdout, "write").mockImplementation((part) => {
    text += part;
    return true;
  });
  try {
    await buildProgram().parseAsync(args, { from: "user" });
  } finally {
    spy.mockRestore();
  }
  return text;
}

it("sessions are listed and replayed; where nobody has labelled, nothing is written but for a survey named to list", async () => {
  await expect(said("session", "replay", "none", "--survey", survey)).rejects.toMatchObject({
    code: "SESSION_UNKNOWN",
  });
  await expect(said("loop", "list", folder.path)).rejects.toMatchObject({ code: "SURVEY_MISSING" });
  expect([existsSync(join(survey, "skyloop.db")), existsSync(join(folder.path, "skyloop.db"))]).toEqual([false, false]);
  expect(await said("loop", "list", survey)).toBe("");
  expect([existsSync(join(survey, "skyloop.db")), existsSync(join(folder.path, "skyloop.db"))]).toEqual([true, false]);

  const bench = await Workbench.open(survey);
  const about = { name: "small", dataHash: bench.survey.header.dataHash, indexOf: bench.survey.indexOf };
  const session = await createSession(bench.store, about, "toy", {
    survey: "small",
    model: "toy",
    target: "Rings",
    alpha: 0.5,
    pageSize: 5,
    randomPicks: 1,
    seed: 1,
    who: "ann",
    positive: [bench.ids[0]],
    negative: [bench.ids[1]],
  });
  for (let round = 0; round < 2; round++) {
    const { page } = await bench.round(session);
    await addLabels(bench.store, about, session, {
      who: "ann",
      labels: page.picks.map(({ object }) => ({ object, value: "negative" })),
    });
  }
  const [first] = await bench.store.rounds(session);
  expect(await said("loop", "list", survey)).toMatch(/^rings .*round 2, 1 positive, 11 negative/);
  expect(await said("session", "replay", session, "--survey", survey)).toBe(
    "round 1: the same page, bit for bit\nround 2: the same page, bit for bit\nrings: 2 of 2 finished rounds replayed as recorded\n",
  );
  await bench.store.saveRound(session, { ...first, round: 3, provisional: false });
  await expect(said("session", "replay", session, "--survey", survey)).rejects.toMatchObject({
    code: "REPLAY_DIFFERS",
  });
  await bench.close();
});

it("sessions begun from the command line keep what unlabelled objects stand for, and the list says so", async () => {
  const bench = await Workbench.open(survey);
  const [like] = bench.ids;
  await bench.close();
  const always = ["--unlabelled", "always"];
  await said("similar", survey, "--like", like, "--session", "Finds", ...always);
  await said("outliers", survey, "--count", "2", "--session", "Odd finds", ...always);
  await said("similar", survey, "--like", like, "--session", "Fades");
  const unread = { code: "BAD_OPTION", message: expect.stringContaining("goes with --session") };
  await expect(said("similar", survey, "--like", like, ...always)).rejects.toMatchObject(unread);
  await expect(said("outliers", survey, "--count", "2", ...always)).rejects.toMatchObject(unread);
  const lines = (await said("loop", "list", survey)).split("\n");
  const of = (session: string) => lines.find((line) => line.startsWith(`${session} `));
  expect(of("finds")).toMatch(/, unlabelled always$/);
  expect(of("odd-finds")).toMatch(/, unlabelled always$/);
  expect(of("fades")).not.toContain("unlabelled");
  const again = await Workbench.open(survey);
  expect((await again.store.session("fades"))?.unlabelled).toBe("fading");
  await again.close();
});
