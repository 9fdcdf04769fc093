import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { featuredSurvey, temporaryFolder } from "../../test/fixtures/surveys.ts";
import { openSurvey } from "../survey/folder.ts";
import { sessionFrom, similarObjects, unusualObjects } from "./ask-similar.ts";
import { Workbench } from "./workbench.ts";

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

it("a session begins from one example, by id or position, with counterexamples or none", async () => {
  const path = await featuredSurvey(folder.path, 24, (row) => row % 4 === 0, "begun");
  const survey = await openSurvey(path);
  const [wanted, other] = [0, 1].map((row) => survey.row(row));
  survey.close();
  const question = { like: [], unlike: [], position: [], picture: [], radius: 1, count: 3 };
  const wish = { target: "Rings", who: "ann", seed: 1 };
  const alone = await sessionFrom(path, { ...question, position: [`${wanted.raDeg} ${wanted.decDeg}`] }, wish);
  const both = await sessionFrom(path, { ...question, like: [wanted.id], unlike: [other.id] }, wish);
  const finds = await sessionFrom(path, { ...question, like: [wanted.id] }, { ...wish, unlabelled: "always" });
  const bench = await Workbench.open(path);
  try {
    const begun = async (session: string) =>
      (await bench.store.events(session)).map(({ who, object, value }) => [who, object, value]);
    expect(await begun(alone)).toEqual([["ann", wanted.id, "positive"]]);
    expect(await begun(both)).toEqual([
      ["ann", wanted.id, "positive"],
      ["ann", other.id, "negative"],
    ]);
    const { page } = await bench.round(alone);
    expect(page.picks).toHaveLength(20);
    expect(page.picks.map(({ object }) => object)).not.toContain(wanted.id);
    expect(await bench.store.session(alone)).not.toHaveProperty("unlabelled");
    expect(await bench.store.session(finds)).toMatchObject({ unlabelled: "always", target: "Rings", seed: 1 });
  } finally {
    await bench.close();
  }
  for (const wrong of [{ unlike: [other.id] }, { like: [wanted.id], picture: ["arc.png"] }])
    await expect(sessionFrom(path, { ...question, ...wrong }, wish)).rejects.toMatchObject({ code: "BAD_OPTION" });
  await expect(sessionFrom(path, { ...question, like: ["none"] }, wish)).rejects.toMatchObject({
    code: "OBJECT_UNKNOWN",
  });
});
