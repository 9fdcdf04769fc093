import { spawnSync } from "node:child_process";
import { renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { smallSurvey, temporaryFolder } from "../../test/fixtures/surveys.ts";
import { openSurvey } from "./folder.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());

it("names a pack that is gone, cut, or no plain file, and waits for none", async () => {
  const path = await smallSurvey(folder.path, 4);
  const pack = join(path, "stamps", "0000.pack");
  const first = async () => {
    const survey = await openSurvey(path);
    try {
      return await survey.readStamp(3).then(
        ({ id }) => id,
        ({ code, message }) => `${code} ${message}`,
      );
    } finally {
      survey.close();
    }
  };
  expect(await first()).toBe("sim-000004");
  renameSync(pack, `${pack}.kept`);
  expect(await first()).toMatch(/^SURVEY_BROKEN .*0000\.pack.* put it back/);
  spawnSync("mkfifo", [pack]);
  expect(await first()).toMatch(/^SURVEY_BROKEN .*no plain file/);
  rmSync(pack);
  symlinkSync(`${pack}.kept`, pack);
  expect(await first()).toBe("sim-000004");
  truncateSync(`${pack}.kept`, 100);
  expect(await first()).toMatch(/^SURVEY_BROKEN .*ends before stamp sim-000004/);
});

it("serves with a damaged list of problems, and says so", async () => {
  const path = await smallSurvey(join(folder.path, "listed"), 4);
  for (const text of ["[null]", "{", "7", '[{"source": 1}]']) {
    writeFileSync(join(path, "problems.json"), text);
    const survey = await openSurvey(path);
    expect(survey.problems.map(({ code }) => code)).toEqual(["BAD_JSON"]);
    survey.close();
  }
});

it("names a catalogue that is a pipe", async () => {
  const path = await smallSurvey(join(folder.path, "piped"), 4);
  rmSync(join(path, "catalogue.parquet"));
  spawnSync("mkfifo", [join(path, "catalogue.parquet")]);
  await expect(openSurvey(path)).rejects.toMatchObject({ code: "FILE_UNREADABLE" });
});
