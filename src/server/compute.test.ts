import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { featuredSurvey, temporaryFolder } from "../../test/fixtures/surveys.ts";
import { createSession } from "../loop/session.ts";
import { Workbench } from "../loop/workbench.ts";
import { Compute } from "./compute.ts";
import type { RoundNews } from "./jobs.ts";

const COUNT = 60;
/** Long beside what passes between two tests: the process mostly goes from one to the next. */
const IDLE_MS = 300;
const folder = temporaryFolder();
let path = "";
let bench: Workbench;
let compute: Compute;
beforeAll(async () => {
  path = await featuredSurvey(folder.path, COUNT, (row) => row % 3 === 0);
  bench = await Workbench.open(path);
  compute = new Compute({ idleMs: IDLE_MS });
}, 60_000);
afterAll(async () => {
  await compute.close();
  await bench.close();
  folder.remove();
});
const start = (target: string) =>
  createSession(
    bench.store,
    { name: "small", dataHash: bench.survey.header.dataHash, indexOf: bench.survey.indexOf },
    "toy",
    {
      survey: "small",
      model: "toy",
      target,
      alpha: 0.5,
      pageSize: 8,
      randomPicks: 1,
      seed: 1,
      who: "ann",
      positive: bench.ids.filter((_, i) => i % 3 === 0).slice(0, 3),
      negative: bench.ids.filter((_, i) => i % 3 === 1).slice(0, 3),
    },
  );

describe("the computing process", () => {
  it("ends every job once: with its answer, or with its error", async () => {
    const session = await start("once");
    const news: RoundNews[] = [];
    const made = await compute.run("round", { folder: path, session, round: 1 }, (one) => news.push(one));
    expect(made).toEqual({ round: 1, assessed: true });
    expect(news.map(({ type }) => type)).toEqual(["progress", "progress", "progress", "page", "ranked"]);
    expect(await compute.run("neighbours", { folder: path, model: "toy", row: 0, k: 3 })).toHaveLength(3);
    await expect(compute.run("preview", { folder: path, session: "none" })).rejects.toMatchObject({
      code: "SESSION_UNKNOWN",
    });
    await expect(compute.run("warm", { folder: path, model: "none" })).rejects.toMatchObject({
      code: "FEATURES_MISSING",
    });
  });

  it("is started again when it is killed, and does what it was doing again", async () => {
    const session = await start("killed");
    const round = compute.run("round", { folder: path, session, round: 1 });
    const first = compute.pid as number;
    const near = compute.run("neighbours", { folder: path, model: "toy", row: 0, k: 3 });
    process.kill(first, "SIGKILL");
    expect(await round).toEqual({ round: 1, assessed: true });
    expect(await near).toHaveLength(3);
    expect(compute.pid).not.toBe(first);
    expect((await bench.store.rounds(session)).map(({ round: number, provisional }) => [number, provisional])).toEqual([
      [1, false],
    ]);
  });

  it("fails a job that it died over twice, and does the next", async () => {
    const doomed = compute.run("diverse", { folder: path, model: "toy", count: 5, seed: 1 });
    const outcome = doomed.catch((error: unknown) => error);
    const first = compute.pid as number;
    process.kill(first, "SIGKILL");
    while (compute.pid === first || compute.pid === undefined) await new Promise((resolve) => setTimeout(resolve, 2));
    process.kill(compute.pid, "SIGKILL");
    expect(await outcome).toMatchObject({ code: "WORKER_DIED" });
    expect(await compute.run("diverse", { folder: path, model: "toy", count: 5, seed: 1 })).toHaveLength(5);
  });

  it("ends when it has had nothing to do, and comes again with the next job", async () => {
    const near = () => compute.run("neighbours", { folder: path, model: "toy", row: 0, k: 3 });
    const first = await near();
    await expect.poll(() => compute.pid, { timeout: 5000 }).toBeUndefined();
    expect(await near()).toEqual(first);
  });
});
