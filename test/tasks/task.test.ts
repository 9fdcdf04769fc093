import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PACKAGE_ROOT } from "../../src/base/paths.ts";
import { SILENT } from "../../src/base/progress.ts";
import type { Heads, ObjectPrediction } from "../../src/contract/predictions.ts";
import { buildServer } from "../../src/server/app.ts";
import { describeHeads } from "../../src/server/image-heads.ts";
import { listPredictions, objectRows, readPredictions, savePredictions } from "../../src/store/predictions.ts";
import { openSurvey } from "../../src/survey/folder.ts";
import { readCard } from "../../src/tasks/card.ts";
import { loadHead, saveHead } from "../../src/tasks/heads.ts";
import { TASKS } from "../../src/tasks/index.ts";
import type { AnyTask, TaskTable } from "../../src/tasks/task.ts";
import { evaluateTask, predictTask } from "../../src/tasks/use.ts";
import { setThreads } from "../../src/torch/index.ts";
import { trainTogether } from "../../src/train/multitask/together.ts";
import { trainTask } from "../../src/train/train-task.ts";
import { smallSurvey, temporaryFolder } from "../fixtures/surveys.ts";
import { MEAN_COLOUR } from "./mean-colour.ts";

const folder = temporaryFolder();
const tasks: TaskTable = { ...TASKS, "mean-colour": MEAN_COLOUR };
const run = { model: "lvm-nano", seed: 1, steps: 30, batchSize: 4, sizePx: 32, command: "test" };
const quiet = { reading: SILENT, progress: SILENT };
let survey = "";
beforeAll(async () => {
  setThreads(1);
  survey = await smallSurvey(folder.path, 40);
}, 60_000);
afterAll(() => folder.remove());

/** An old head, unpacked. */
function oldHead(name: string): string {
  const path = join(folder.path, `${name}.safetensors`);
  const packed = join(PACKAGE_ROOT, "test/fixtures/before/heads", `${name}.safetensors.gz`);
  writeFileSync(path, gunzipSync(readFileSync(packed)));
  return path;
}

describe("a fourth task, in one file", () => {
  it("is trained, and its head predicts and is measured", async () => {
    const out = join(folder.path, "colour");
    const result = await trainTask(MEAN_COLOUR as AnyTask, survey, { ...run, ...quiet, frozen: true, out });
    const [first, last] = [result?.history[0], result?.history.at(-1)];
    expect(last?.measures[0].error).toBeLessThan(first?.measures[0].error ?? 0);
    expect(JSON.parse(readFileSync(join(out, "metrics.json"), "utf8"))).toMatchObject({
      objects: { test: 10 },
      toy: 1,
    });
    const head = join(out, "mean-colour.safetensors");
    const measured = await evaluateTask(survey, head, { progress: SILENT, tasks });
    expect(measured).toMatchObject({ task: "mean-colour", objects: 10 });
    expect(measured.measures.error).toBeCloseTo((result as unknown as { error: number }).error, 6);
    expect(await predictTask(survey, head, { progress: SILENT, tasks })).toMatchObject({
      name: "mean-colour-lvm-nano",
      columns: [{ name: "colour" }],
    });
    await expect(predictTask(survey, head, { progress: SILENT })).rejects.toMatchObject({ code: "BAD_HEAD" });
  }, 120_000);

  it("says what it says of an object to the page, and is not taken for classes", async () => {
    const app = await buildServer({ surveys: [survey] });
    const get = async (url: string) =>
      (await app.inject({ method: "GET", url, headers: { host: "127.0.0.1" } })).json() as unknown;
    const { predictions } = (await get("/api/surveys/small/heads")) as Heads;
    expect(predictions).toMatchObject([{ task: "mean-colour", classes: [], columns: [{ about: "red less blue" }] }]);
    const said = (await get("/api/surveys/small/objects/sim-000001/predictions")) as ObjectPrediction[];
    expect(said[0]).toMatchObject({ name: "mean-colour-lvm-nano", columns: [{ name: "colour" }], probabilities: [] });
    expect(said[0].rows[0].every(Number.isFinite)).toBe(true);
    const asked = { method: "POST" as const, url: "/api/surveys/small/predictions/mean-colour-lvm-nano" };
    const answer = await app.inject({ ...asked, payload: { objects: [] }, headers: { host: "127.0.0.1" } });
    expect(answer.json()).toMatchObject({ code: "PREDICTIONS_UNKNOWN" });
    await app.close();
  }, 60_000);

  it.each(["restore", "reconstruct"] as const)(
    "%s refuses a network without stages, and leaves no folder",
    async (name) => {
      const out = join(folder.path, "lacks");
      const options = { ...run, ...quiet, model: "resnet18", frozen: true, out };
      await expect(trainTask(TASKS[name] as AnyTask, survey, options)).rejects.toMatchObject({
        code: "BACKBONE_LACKS",
        message: expect.stringMatching(
          /needs a backbone that gives skips; resnet18 gives features, maps; take one of lvm-/,
        ),
      });
      expect(existsSync(out)).toBe(false);
      const source = { task: TASKS[name] as AnyTask, survey, options: { seed: 1 } };
      const together = {
        strategy: "uniform",
        splits: {},
        active: { temperature: 1, floor: 0.1 },
        validateEvery: 4,
      } as const;
      await expect(trainTogether({ ...options, ...together, tasks: [source] })).rejects.toMatchObject({
        code: "BACKBONE_LACKS",
      });
    },
  );

  it("learns together with the other three", async () => {
    const images = { survey, options: { seed: 1 } };
    const out = join(folder.path, "together");
    const result = await trainTogether({
      ...run,
      ...quiet,
      steps: 8,
      batchSize: 1,
      out,
      strategy: "active",
      splits: { splitSeed: 1 },
      active: { temperature: 0.25, floor: 0.1 },
      validateEvery: 4,
      tasks: [
        { task: TASKS.classify, survey, options: { seed: 1, own: { column: "faceOnSpiral" } } },
        { task: TASKS.restore, ...images },
        { task: TASKS.reconstruct, ...images },
        { task: MEAN_COLOUR as AnyTask, ...images },
      ],
    });
    expect(result?.stepsOfTask.reduce((sum, steps) => sum + steps, 0)).toBe(8);
    expect(result?.["mean-colour"]).toMatchObject({ error: expect.any(Number) });
    for (const name of ["classify", "restore", "reconstruct", "mean-colour"])
      expect(readCard(join(out, `${name}.safetensors`)).card.task).toBe(name);
  }, 120_000);
});

describe("heads of the version before cards had a format", () => {
  it.each([
    ["classify", "classify", { classes: ["a", "b", "c"], temperature: 1.5 }],
    ["network", "classify", { classes: ["a", "b"], sizePx: 64 }],
    ["restore", "restore", { kind: "colour", sizePx: 64 }],
    ["reconstruct", "reconstruct", { degradation: "as a test" }],
  ])("%s opens as a head of %s, and saved again it is the same", (file, task, details) => {
    const loaded = loadHead(oldHead(file));
    expect(loaded.task.name).toBe(task);
    expect(loaded.card).toMatchObject({ format: 1, backbone: { name: "lvm-nano" }, details });
    const again = join(folder.path, `${file}-again.safetensors`);
    saveHead(again, loaded.task, loaded.model);
    const second = loadHead(again);
    const tensors = (head: typeof loaded) => head.task.pack(head.model).tensors as Record<string, { shape: number[] }>;
    expect(Object.keys(tensors(second))).toEqual(Object.keys(tensors(loaded)));
    expect(second.card).toEqual({ ...loaded.card, made: { ...loaded.card.made, skyloop: second.card.made.skyloop } });
    for (const { task: own, model } of [loaded, second]) own.dispose(model);
  });

  it("are known to the page by their cards, and a head without pictures is refused", () => {
    expect(describeHeads([oldHead("restore"), oldHead("reconstruct")])).toMatchObject([
      { name: "restore", task: "restore", model: "lvm-nano" },
      { name: "reconstruct", task: "reconstruct" },
    ]);
    expect(() => describeHeads([oldHead("classify")])).toThrow(/head of classify, which makes no pictures/);
  });

  it("of a newer format are refused", () => {
    const path = join(folder.path, "newer.safetensors");
    const old = readFileSync(oldHead("classify"));
    const length = Number(old.readBigUInt64LE());
    const header = JSON.parse(old.subarray(8, 8 + length).toString());
    header.__metadata__.card = JSON.stringify({ format: 9, task: "classify" });
    const text = Buffer.from(JSON.stringify(header));
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(BigInt(text.length));
    writeFileSync(path, Buffer.concat([size, text, old.subarray(8 + length)]));
    expect(() => loadHead(path)).toThrow(/format 9, this version reads up to 1/);
  });
});

describe("predictions", () => {
  it("of any shape come back: rows in columns, or a list an object", async () => {
    const { header } = await openSurvey(survey);
    const { dataHash, count } = header;
    const source = { task: "boxes", head: "h", model: "m", dataHash, count, madeAt: "2026-01-01T00:00:00Z" };
    const offsets = Uint32Array.from({ length: count + 1 }, (_, i) => Math.min(i, 3) * 2);
    const values = Float32Array.from({ length: 12 }, (_, i) => i);
    savePredictions(survey, "boxes", source, { columns: [{ name: "x", unit: "px" }, { name: "y" }], values, offsets });
    const [kept] = listPredictions(survey, dataHash).filter(({ name }) => name === "boxes");
    const found = readPredictions(survey, kept);
    expect([0, 2, 3].map((object) => objectRows(found, 2, object))).toEqual([
      [
        [0, 1],
        [2, 3],
      ],
      [
        [8, 9],
        [10, 11],
      ],
      [],
    ]);
    writeFileSync(join(survey, "predictions", "boxes.u32"), new Uint8Array(4));
    expect(() => readPredictions(survey, kept)).toThrow(/boxes of .* have 4 bytes of offsets/);
  });
});

it("a survey and its sessions of the version before open", async () => {
  const { openStore } = await import("../../src/store/sqlite.ts");
  const { cpSync } = await import("node:fs");
  const path = join(folder.path, "old-survey");
  mkdirSync(path);
  cpSync(join(PACKAGE_ROOT, "test/fixtures/before/survey"), path, { recursive: true });
  const old = await openSurvey(path);
  expect((await old.readStamp(4)).data.length).toBe(3 * 32 * 32);
  const [kept] = listPredictions(path, old.header.dataHash);
  expect(kept).toMatchObject({ task: "classify", shape: "row", column: "kind", classes: ["a", "b"] });
  expect(objectRows(readPredictions(path, kept), 2, 4)).toEqual([[0.5, 0.5]]);
  const store = await openStore(path);
  const [session] = await store.sessions();
  expect(session).toMatchObject({ session: "ring-galaxies", target: "Ring galaxies", alpha: 0.5, createdBy: "ana" });
  const events = await store.events(session.session);
  expect(events.map(({ who, value }) => [who, value])).toEqual([
    ["ana", "positive"],
    ["ana", "negative"],
    ["ben", "positive"],
  ]);
  expect(await store.rounds(session.session)).toMatchObject([{ round: 1, mode: "highest", picks: [{ score: 0.75 }] }]);
  await store.close();
  old.close();
});

it("no name of a task is compared outside of the tasks' own folder", () => {
  const names = Object.keys(TASKS).join("|");
  const compared = new RegExp(`[!=]==? "(${names})"|"(${names})" [!=]==?|case "(${names})"`);
  const files = ["src", "web", "bench", "recipes"].flatMap((top) =>
    (readdirSync(join(PACKAGE_ROOT, top), { recursive: true }) as string[])
      .filter((file) => /\.tsx?$/.test(file) && !file.includes(".test.") && !file.includes("dist/"))
      .map((file) => `${top}/${file}`),
  );
  const found = files
    .filter((file) => !file.startsWith("src/tasks/"))
    .filter((file) => compared.test(readFileSync(join(PACKAGE_ROOT, file), "utf8")));
  expect(found).toEqual([]);
});
