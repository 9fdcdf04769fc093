import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { featuredSurvey, temporaryFolder } from "../../test/fixtures/surveys.ts";
import { PACKAGE_ROOT } from "../base/paths.ts";
import { openSurvey } from "../survey/folder.ts";
import { openStore } from "./sqlite.ts";
import { makeState } from "./state.ts";
import { SETTINGS } from "./suite.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());

it("keeps labels of a survey that may only be read elsewhere, beginning with those that it came with", async (context) => {
  const path = await featuredSurvey(folder.path, 12, (row) => row < 3);
  const { header, ...survey } = await openSurvey(path);
  survey.close();
  const store = await openStore(path);
  await store.addSession("there-already", SETTINGS);
  await store.close();
  const env = { ...process.env, SKYLOOP_STATE: join(folder.path, "state") };
  const inNamespace = (command: string[]) =>
    spawnSync("unshare", ["-r", "-m", ...command], { cwd: PACKAGE_ROOT, encoding: "utf8", env });
  // A mount of one's own needs a namespace, which not every container allows.
  if (inNamespace(["mount", "--bind", path, path]).status !== 0) return context.skip();
  const script = join(PACKAGE_ROOT, "test/fixtures/read-only.mts");
  const { stdout, stderr } = inNamespace([process.execPath, "--import", "tsx", script, path]);
  expect(stderr).toBe("");
  const state = join(folder.path, "state", `small-${header.dataHash.slice(0, 12)}`);
  expect(JSON.parse(stdout)).toEqual({ refused: "EROFS", before: 1, events: 7, scored: 1, state });
  expect([existsSync(join(state, "skyloop.db")), existsSync(join(path, "loop"))]).toEqual([true, false]);
}, 60_000);

it("takes over what the owner has labelled since, until somebody labels here", async () => {
  const [survey, state] = ["owned", "theirs"].map((name) => join(folder.path, name));
  mkdirSync(survey);
  const add = async (where: string, session: string) => {
    const store = await openStore(where);
    await store.addSession(session, SETTINGS);
    await store.close();
  };
  const seen = async () => {
    makeState(survey, state);
    const store = await openStore(state);
    const names = (await store.sessions()).map(({ session }) => session);
    await store.close();
    return names.sort();
  };
  expect(await seen()).toEqual([]);
  await add(survey, "first");
  expect(await seen()).toEqual(["first"]);
  await add(survey, "second");
  expect(await seen()).toEqual(["first", "second"]);
  await add(state, "mine");
  await add(survey, "third");
  expect(await seen()).toEqual(["first", "mine", "second"]);
});
