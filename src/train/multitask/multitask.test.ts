import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { smallSurvey, temporaryFolder } from "../../../test/fixtures/surveys.ts";
import { PACKAGE_ROOT } from "../../base/paths.ts";
import { SILENT } from "../../base/progress.ts";
import { mostProbable } from "../../measure/classification.ts";
import { openFeatures } from "../../store/features.ts";
import { openSurvey } from "../../survey/folder.ts";
import { paperSplit } from "../../tasks/classify/data.ts";
import { classifyLogits, pickRows } from "../../tasks/classify/head.ts";
import { hardClasses, readClasses } from "../../tasks/classify/labels.ts";
import type { ClassModel } from "../../tasks/classify/predict.ts";
import { embedSurvey } from "../../tasks/embed/embed.ts";
import { loadHead } from "../../tasks/heads.ts";
import { loadImageModel } from "../../tasks/images/model.ts";
import { setThreads } from "../../torch/index.ts";
import { loadMultitaskData, type MultitaskOptions, trainMultitask } from "./multitask.ts";

const folder = temporaryFolder();
let survey = "";
beforeAll(async () => {
  setThreads(1);
  survey = await smallSurvey(folder.path, 60);
}, 60_000);
afterAll(() => folder.remove());

/** A column of the simulation with two values, each of many galaxies. */
const COLUMN = "faceOnSpiral";
const options = (name: string, changes: Partial<MultitaskOptions> = {}): MultitaskOptions => ({
  strategy: "active",
  classes: survey,
  column: COLUMN,
  images: survey,
  model: "lvm-nano",
  out: join(folder.path, name),
  seed: 1,
  splitSeed: 1,
  steps: 4,
  batchSize: 2,
  sizePx: 32,
  seeingKnown: true,
  active: { temperature: 0.25, floor: 0.15 },
  validateEvery: 2,
  command: "test",
  reading: SILENT,
  progress: SILENT,
  ...changes,
});

describe("multitask training", () => {
  it("splits the classes by their own seed where one is given, and the images as before", async () => {
    const [one, same, other] = await Promise.all(
      [undefined, 1, 2].map((classSplitSeed) => loadMultitaskData(options("split", { classSplitSeed }), 32)),
    );
    const objects = ({ classes: { rows, split } }: typeof one) => split.test.map((place) => rows[place]);
    expect(objects(same)).toEqual(objects(one));
    expect(other.classes.counts).toEqual(one.classes.counts);
    expect(objects(other)).not.toEqual(objects(one));
    expect(other.images.test).toEqual(one.images.test);
  });

  it("goes on after kill -9 and comes out the same, with its heads, measures and charts", async () => {
    const whole = await trainMultitask(options("whole"));
    const out = join(folder.path, "killed");
    const line = `train multitask ${survey} --images ${survey} --column ${COLUMN} --steps 4 --batch 2 --size 32 --known-seeing --share-every 2 --threads 1 --out ${out} --json`;
    const start = () =>
      spawn(process.execPath, [join(PACKAGE_ROOT, "bin/skyloop"), ...line.split(" ")], {
        stdio: ["ignore", "pipe", "inherit"],
      });
    const child = start();
    const ended = once(child, "exit");
    while (!existsSync(join(out, "checkpoint.safetensors"))) await setTimeout(20);
    child.kill("SIGKILL");
    await ended;
    expect(existsSync(join(out, "metrics.json"))).toBe(false);
    const second = start();
    let text = "";
    second.stdout.on("data", (part: Buffer) => {
      text += part;
    });
    expect(await once(second, "exit")).toEqual([0, null]);
    const found = JSON.parse(text) as NonNullable<typeof whole>;
    const same = ({ command: _, seconds: __, ...rest }: NonNullable<typeof whole>) => JSON.parse(JSON.stringify(rest));
    expect(same(found)).toEqual(same(whole as NonNullable<typeof whole>));
    for (const name of ["restore.safetensors", "reconstruct.safetensors", "encoder.safetensors"])
      expect(readFileSync(join(out, name)).equals(readFileSync(join(folder.path, "whole", name))), name).toBe(true);
    for (const name of ["shares.svg", "validation.svg"])
      expect(readFileSync(join(out, name), "utf8")).toContain("reconstruct");
    expect(loadImageModel(join(out, "restore.safetensors")).card.task).toBe("restore");
    expect((loadHead(join(out, "classify.safetensors")).model as ClassModel).card.classes).toEqual(["false", "true"]);
    const total = found.stepsOfTask.reduce((a, b) => a + b, 0);
    expect(total).toBe(4);
  }, 240_000);

  it("leaves an encoder whose features its class head reads: what is predicted with both is what was measured", async () => {
    const out = join(folder.path, "whole");
    const metrics = JSON.parse(readFileSync(join(out, "metrics.json"), "utf8")) as {
      features: string;
      classify: { accuracy: number };
    };
    await embedSurvey(survey, {
      model: "lvm-nano",
      weights: join(out, "encoder.safetensors"),
      name: metrics.features,
      progress: SILENT,
    });
    const loaded = loadHead(join(out, "classify.safetensors")).model as ClassModel;
    if ("network" in loaded) throw new Error("not a head on features");
    const { card, head } = loaded;
    const features = openFeatures(survey, metrics.features);
    expect(features.dim).toBe(card.dim);
    const { classes } = await loadMultitaskData(options("whole"), 64);
    const opened = await openSurvey(survey);
    const rows = readClasses(opened, COLUMN);
    opened.close();
    const truth = hardClasses(rows);
    const test = paperSplit(truth, rows.classes, 1).test;
    expect(test).toEqual(classes.split.test);
    const found = mostProbable(
      classifyLogits(
        head,
        pickRows(
          features.matrix(),
          card.dim,
          test.map((i) => rows.rows[i]),
        ),
        card.dim,
      ),
      2,
    );
    features.close();
    head.dispose();
    expect(test.filter((i, k) => found[k] === truth[i]).length / test.length).toBeCloseTo(metrics.classify.accuracy, 9);
  }, 60_000);

  it("refuses a finished folder, options and columns that cannot be", async () => {
    await expect(trainMultitask(options("whole"))).rejects.toThrow(/finished run already/);
    await expect(trainMultitask(options("a", { column: "nothing" }))).rejects.toThrow(/no column nothing/);
    await expect(trainMultitask(options("b", { steps: 0 }))).rejects.toThrow(/--steps/);
    await expect(trainMultitask(options("c", { active: { temperature: 0, floor: 0.1 } }))).rejects.toThrow(
      /temperature/,
    );
  }, 60_000);
});

describe("the paper's split", () => {
  it("takes its sizes where there are enough, else shares, and no object twice", () => {
    const truth = Int32Array.from({ length: 2000 }, (_, i) => (i < 1500 ? 0 : i < 1900 ? 1 : 2));
    const split = paperSplit(truth, ["many", "some", "few"], 3);
    const count = (part: number[], k: number) => part.filter((i) => truth[i] === k).length;
    expect([0, 1, 2].map((k) => count(split.test, k))).toEqual([250, 120, 30]);
    expect([0, 1, 2].map((k) => count(split.train, k))).toEqual([500, 240, 60]);
    const all = [...split.train, ...split.validation, ...split.test];
    expect(new Set(all).size).toBe(all.length);
    expect(() => paperSplit([0, 0, 0, 0, 0, 1], ["a", "b"], 1)).toThrow(/class b has 1/);
  });
});
