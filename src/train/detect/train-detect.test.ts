import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PACKAGE_ROOT } from "../../base/paths.ts";
import { SILENT } from "../../base/progress.ts";
import { Random } from "../../base/random.ts";
import { detectClassical } from "../../detect/classical-run.ts";
import { writeFitsImage } from "../../survey/fits.ts";
import { loadDetector } from "../../tasks/detect/detector.ts";
import { checkApart, splitFields } from "./data.ts";
import { type TrainDetectOptions, trainDetect } from "./index.ts";

let folder = "";

/** A folder of 10 dark pictures with a bright square each. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "skyloop-train-detect-"));
  mkdirSync(join(folder, "fields"));
  const images: object[] = [];
  const annotations: object[] = [];
  const random = new Random(1);
  for (let id = 1; id <= 10; id++) {
    const [x, y, side] = [random.int(40), random.int(40), 16 + random.int(8)];
    const pixels = new Uint8Array(64 * 64 * 3).map(() => random.int(30));
    for (let row = y; row < y + side; row++) pixels.fill(220, (row * 64 + x) * 3, (row * 64 + x + side) * 3);
    const name = `${id}.png`;
    await sharp(pixels, { raw: { width: 64, height: 64, channels: 3 } })
      .png()
      .toFile(join(folder, "fields", name));
    images.push({ id, file_name: name, width: 64, height: 64 });
    const corners = [x, y, x + side, y, x + side, y + side, x, y + side];
    annotations.push({
      id,
      image_id: id,
      category_id: 1,
      bbox: [x, y, side, side],
      segmentation: [corners],
      iscrowd: 0,
    });
  }
  const coco = { images, annotations, categories: [{ id: 1, name: "square" }] };
  writeFileSync(join(folder, "fields", "annotations.json"), JSON.stringify(coco));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const options = (out: string): TrainDetectOptions => ({
  out: join(folder, out),
  backbone: "lvm-nano",
  scratch: false,
  channels: 8,
  windowsPx: 64,
  steps: 4,
  batchSize: 2,
  sizePx: 64,
  validateEvery: 2,
  checkpointEvery: 1,
  command: "test",
  reading: SILENT,
  progress: SILENT,
});

/** Trains in a process of its own, which is killed as soon as it has kept a checkpoint. */
async function killed(fields: string, options: TrainDetectOptions): Promise<void> {
  const module = JSON.stringify(new URL("./index.ts", import.meta.url).href);
  const silent = "{ update() {}, end() {} }";
  const script = `import { trainDetect } from ${module};
    await trainDetect([${JSON.stringify(fields)}], { ...${JSON.stringify(options)}, reading: ${silent}, progress: ${silent} });`;
  const args = ["--import", "tsx", "--input-type=module", "--eval", script];
  const child = spawn(process.execPath, args, { cwd: PACKAGE_ROOT, stdio: ["ignore", "ignore", "inherit"] });
  const ended = once(child, "exit");
  while (!existsSync(join(options.out, "checkpoint.safetensors")) && child.exitCode === null) await setTimeout(2);
  child.kill("SIGKILL");
  expect(await ended).toEqual([null, "SIGKILL"]);
}

describe("train detect", () => {
  it("goes on bit for bit after it was stopped or killed, and writes a detector with its card", async () => {
    const fields = join(folder, "fields");
    const whole = await trainDetect([fields], options("whole"));
    const stop = new AbortController();
    let steps = 0;
    const progress = { update: () => ++steps === 3 && stop.abort(), end() {} };
    expect(await trainDetect([fields], { ...options("parts"), progress, signal: stop.signal })).toBeNull();
    await expect(trainDetect([fields], { ...options("parts"), steps: 5 })).rejects.toMatchObject({
      code: "OTHER_RECIPE",
    });
    const parts = await trainDetect([fields], options("parts"));
    const bytes = (out: string) => readFileSync(join(folder, out, "detector.safetensors"));
    expect(bytes("parts").equals(bytes("whole"))).toBe(true);
    expect(parts?.history).toEqual(whole?.history);
    await killed(fields, options("killed"));
    expect(existsSync(join(folder, "killed", "detector.safetensors"))).toBe(false);
    expect((await trainDetect([fields], options("killed")))?.history).toEqual(whole?.history);
    expect(bytes("killed").equals(bytes("whole"))).toBe(true);
    expect(whole?.history.map(({ step }) => step)).toEqual([2, 4]);
    expect(whole?.fields).toEqual({ train: 8, validation: 1 });
    // What was measured last is what the file holds.
    const { model, details, backbone } = loadDetector(join(folder, "whole", "detector.safetensors"));
    expect(backbone).toBe("lvm-nano");
    expect(details).toMatchObject({ classes: ["square"], channels: 8, bands: [], unit: "picture" });
    expect(Object.keys(details.validation)).toContain("box AP50");
    model.dispose();
    await expect(trainDetect([fields], options("whole"))).rejects.toMatchObject({ code: "RUN_EXISTS" });
  });

  it("goes on from a detector, and learns from what people said of detections", async () => {
    const out = join(folder, "found");
    const images = [join(folder, "fields", "1.png"), join(folder, "fields", "2.png")];
    const classical = { tilePx: 1280, overlapPx: 256, stampPx: 32, overlaps: false, bands: null };
    await detectClassical(images, { ...classical, out, command: "test", progress: () => SILENT });
    const boxes = { drawn: { field: "1", box: [10, 20, 30, 40] as [number, number, number, number] } };
    const also = [{ folder: out, labels: { drawn: "positive" as const }, boxes }];
    const from = join(folder, "whole", "detector.safetensors");
    const more = { ...options("further"), from, steps: 2, windowsPx: 32, channels: 16 };
    const taught = await trainDetect([join(folder, "fields")], { ...more, also, alsoShare: 1 });
    // The detector's own width and windows, at the rate of what has learned already.
    expect(taught?.details).toMatchObject({ channels: 8, windowsPx: 64, classes: ["square"] });
    expect(taught?.settings.learningRate).toBe(2e-4);
    const plain = await trainDetect([join(folder, "fields")], { ...more, out: join(folder, "further-plain") });
    expect(taught?.history).not.toEqual(plain?.history);
    for (const [labels, code] of [
      [{}, "NOTHING_TAUGHT"],
      [{ drawn: "unsure" as const }, "NOTHING_TAUGHT"],
    ] as const)
      await expect(
        trainDetect([join(folder, "fields")], {
          ...more,
          out: join(folder, "none"),
          also: [{ folder: out, labels, boxes }],
        }),
      ).rejects.toMatchObject({ code });
  });

  it.each([
    [{ steps: 0 }, "BAD_OPTION"],
    [{ sizePx: 100 }, "BAD_OPTION"],
    [{ channels: 9 }, "BAD_OPTION"],
    [{ learningRate: 2 }, "BAD_OPTION"],
    [{ backbone: "lvm-huge" }, "UNKNOWN_MODEL"],
    [{ classes: ["circle"] }, "CLASS_MISSING"],
  ])("refuses %j", async (wrong, code) => {
    await expect(trainDetect([join(folder, "fields")], { ...options("wrong"), ...wrong })).rejects.toMatchObject({
      code,
    });
  });

  it("refuses folders whose images are of different bands or units", async () => {
    const folders = ["nanomaggy", "adu"].map((unit) => {
      const path = join(folder, unit);
      mkdirSync(path);
      const image = { widthPx: 64, heightPx: 64, planes: 3, data: new Float32Array(3 * 64 * 64).fill(0.1) };
      writeFitsImage(join(path, "a.fits"), image, [`BUNIT   = '${unit}'`.padEnd(80), "BANDS   = 'grz'".padEnd(80)]);
      const images = [{ id: 1, file_name: "a.fits", width: 64, height: 64 }];
      const annotations = [{ id: 1, image_id: 1, category_id: 1, bbox: [5, 5, 20, 20], iscrowd: 0 }];
      const coco = { images, annotations, categories: [{ id: 1, name: "square" }] };
      writeFileSync(join(path, "annotations.json"), JSON.stringify(coco));
      return path;
    });
    const given = [...folders, join(folder, "fields")];
    await expect(trainDetect(given, options("mixed"))).rejects.toThrow(/g, r, z in nanomaggy.*g, r, z in adu/);
  });

  it("parts fields by their backgrounds, and says where there are too few", () => {
    const fields = Array.from({ length: 60 }, (_, i) => ({ background: `background ${i % 20}` }));
    const { train, validation, test } = splitFields(fields, 1);
    expect([...train, ...validation, ...test].sort((a, b) => a - b)).toEqual(fields.map((_, i) => i));
    const of = (part: number[]) => new Set(part.map((i) => fields[i].background));
    expect([of(train).size, of(validation).size, of(test).size]).toEqual([16, 2, 2]);
    for (const name of of(train)) expect(of(validation).has(name) || of(test).has(name)).toBe(false);
    expect(() => splitFields(fields.slice(0, 2), 1)).toThrow(/2 backgrounds/);
    const sets = { train: train.map((i) => fields[i]), test: test.map((i) => fields[i]) };
    expect(() => checkApart(sets)).not.toThrow();
    expect(() => checkApart({ ...sets, more: [fields[train[0]]] })).toThrow(/train and more both hold fields of/);
  });
});
