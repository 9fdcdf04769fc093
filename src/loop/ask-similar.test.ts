import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { featuredSurvey, temporaryFolder } from "../../test/fixtures/surveys.ts";
import { openSurvey } from "../survey/folder.ts";
import { similarObjects, unusualObjects } from "./ask-similar.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());

it("questions without a feature set go to the one that the survey has, and name one to compute where there is none", async () => {
  const path = await featuredSurvey(folder.path, 12, (row) => row % 3 === 0);
  const survey = await openSurvey(path);
  const [first, second] = [0, 1].map((row) => survey.row(row).id);
  survey.close();
  const question = { like: [first], unlike: [], position: [], picture: [], radius: 5, count: 3 };
  const found = await similarObjects(path, question);
  expect(found).toEqual(await similarObjects(path, { ...question, model: "toy" }));
  expect(found.map(({ object }) => object)).not.toContain(first);
  await expect(similarObjects(path, { ...question, model: "other" })).rejects.toMatchObject({
    code: "FEATURES_MISSING",
  });
  const { objects, session } = await unusualObjects(path, { count: 2, seed: 1, name: "unusual", who: "me" });
  expect([objects.length, session]).toEqual([2, null]);
  rmSync(join(path, "features"), { recursive: true });
  await expect(similarObjects(path, { ...question, like: [second] })).rejects.toMatchObject({
    code: "FEATURES_MISSING",
  });
});
