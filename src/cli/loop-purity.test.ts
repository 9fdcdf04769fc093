import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { detectionFolder } from "../../test/fixtures/detections.ts";
import { temporaryFolder } from "../../test/fixtures/surveys.ts";
import { closeOpened, openWithSessions } from "../loop/opened.ts";
import { addLabels, createSession } from "../loop/session.ts";
import { plattProbability } from "../measure/platt.ts";
import { readTable } from "../survey/catalogue.ts";
import { readDetections } from "../survey/detections.ts";
import { readCurve } from "../survey/purity-curve.ts";
import { buildProgram } from "./main.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());
let found = "";
beforeAll(async () => {
  found = await detectionFolder(folder.path, ["field"]);
}, 60_000);

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

it("verdicts give a curve, and the next search by the same detector a probability", async () => {
  const opened = await openWithSessions(found);
  const { survey, store } = opened;
  const about = { name: "found", dataHash: survey.header.dataHash, indexOf: survey.indexOf };
  const session = await createSession(store, about, "toy", {
    survey: "found",
    model: "toy",
    target: "Sources",
    alpha: 0.5,
    pageSize: 5,
    randomPicks: 0,
    seed: 1,
    who: "ann",
    prior: "detector",
    positive: [],
    negative: [],
  });
  const ids = readDetections(found).map(({ id }) => id);
  const spirals = await createSession(store, about, "toy", {
    ...{
      survey: "found",
      model: "toy",
      target: "Spirals",
      alpha: 0.5,
      pageSize: 5,
      randomPicks: 0,
      seed: 1,
      who: "ann",
    },
    positive: ids.slice(0, 6),
    negative: ids.slice(6, 12),
  });
  const file = join(folder.path, "curve.json");
  await expect(said("loop", "purity", spirals, "--survey", found, "--curve", file)).rejects.toMatchObject({
    code: "NO_CURVE",
    message: expect.stringMatching(/looks for something else/),
  });
  const label = (some: string[], value: "positive" | "negative") =>
    addLabels(store, about, session, { who: "ann", labels: some.map((object) => ({ object, value })) });
  const ask = ["loop", "purity", session, "--survey", found, "--curve", file];
  await label(ids.slice(0, 7), "positive");
  await expect(said(...ask)).rejects.toMatchObject({
    code: "NO_CURVE",
    message: expect.stringMatching(/so far 7\. Look through more candidates/),
  });
  expect(existsSync(file)).toBe(false);
  await label(ids.slice(7, 12), "negative");
  await closeOpened(opened);
  expect(await said(...ask)).toContain(`${session}: 12 of ${ids.length} candidates were looked at`);
  const curve = readCurve(file);
  expect(curve).toMatchObject({ detector: { name: "classical" }, session, verdicts: { looked: 12, positives: 7 } });

  const out = join(folder.path, "again");
  await said("detect", join(folder.path, "field.fits"), "--classical", "--curve", file, "--out", out);
  const { rows } = await readTable(join(out, "catalogue.csv"));
  expect(rows).toHaveLength(ids.length);
  for (const { score, probability } of rows) expect(probability).toBeCloseTo(plattProbability(curve, Number(score)), 9);
  expect(Number(rows[0].probability)).toBeGreaterThan(Number(rows.at(-1)?.probability));
  expect(readFileSync(join(out, "catalogue.vot"), "utf8")).toContain("by 12 verdicts of");
});
