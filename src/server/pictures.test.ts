import { afterAll, describe, expect, it } from "vitest";
import { smallSurvey, temporaryFolder } from "../../test/fixtures/surveys.ts";
import { openSurvey } from "../survey/folder.ts";
import { Pictures } from "./pictures.ts";
import type { ServedSurvey } from "./workspace.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());

describe("pictures", () => {
  it("stay in memory up to a bound, however many ask for one at a time", async () => {
    const survey = await openSurvey(await smallSurvey(folder.path, 3));
    const served = { survey } as ServedSurvey;
    const length = (await new Pictures().get(served, 0, 64)).length;
    const pictures = new Pictures(4 * length);
    await Promise.all(Array.from({ length: 20 }, () => pictures.get(served, 0, 64)));
    const one = await pictures.get(served, 0, 64);
    expect(await pictures.get(served, 0, 64)).toBe(one);
    for (const row of [1, 2]) for (const size of [128, 192, 256]) await pictures.get(served, row, size);
    const again = await pictures.get(served, 0, 64);
    expect(again).not.toBe(one);
    expect(again).toEqual(one);
    survey.close();
  });
});
