import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, expect, it } from "vitest";
import { featuredSurvey, temporaryFolder } from "../../test/fixtures/surveys.ts";
import type { SessionState } from "../contract/api.ts";
import { openSurvey } from "../survey/folder.ts";
import { buildServer } from "./app.ts";

const [COUNT, ANSWERED] = [400, 100];
const folder = temporaryFolder();
let app: Awaited<ReturnType<typeof buildServer>>;
let ids: string[] = [];
beforeAll(async () => {
  const survey = await featuredSurvey(folder.path, COUNT, (row) => row % 4 === 0);
  const { rows, close } = await openSurvey(survey);
  ids = rows.map(({ id }) => id);
  close();
  app = await buildServer({ surveys: [survey] });
}, 60_000);
afterAll(async () => {
  await app.close();
  folder.remove();
});

async function ask(url: string, payload?: object) {
  const method = payload === undefined ? "GET" : "POST";
  const answer = await app.inject({ url: `/api${url}`, method, payload, headers: { host: "127.0.0.1" } });
  expect(answer.statusCode < 300, answer.body.slice(0, 300)).toBe(true);
  return answer;
}

/** Megabytes of the heap that are in use once what nobody holds is gone. */
function usedMb(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

// An hour of it is `npx tsx bench/team.ts --mixed --seconds 3600`.
it("a team's mixed use leaves memory as it was", async () => {
  const search = { survey: "small", model: "toy", target: "t", who: "ann", team: { mode: "shared" } };
  const made = await ask("/sessions", { ...search, positive: [ids[0]], negative: [ids[1]] });
  const own = `/sessions/${(made.json() as SessionState).session}`;
  const use = async (turns: number) => {
    for (let turn = 0; turn < turns; turn++) {
      for (const who of ["ann", "bob"]) {
        const value = turn % 2 === 0 ? "positive" : "negative";
        await ask(`${own}/labels`, { who, labels: [{ object: ids[2 + (turn % ANSWERED)], value }] });
      }
      await Promise.all([
        ask(`${own}/ranking?limit=100&offset=0`),
        ask(`${own}/agreement`),
        ask("/surveys/small/objects?random=24"),
      ]);
      if (turn % 10 !== 0) continue;
      await ask(`${own}/rounds`, { who: "ann", seen: ((await ask(own)).json() as SessionState).round ?? 0 });
      await ask(`${own}/export?format=csv&answers=true`);
    }
  };
  await use(20);
  const before = usedMb();
  await use(50);
  // What stays are the events themselves, some hundred bytes each.
  expect(usedMb() - before).toBeLessThan(3);
}, 60_000);
