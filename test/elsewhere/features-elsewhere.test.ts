/** The pieces of Python in docs/guides/features-elsewhere.md do what they say, where Python has what they import. */
import { execFile, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PACKAGE_ROOT } from "../../src/base/paths.ts";
import { SILENT } from "../../src/base/progress.ts";
import { Random } from "../../src/base/random.ts";
import { loadModel, releasedWeights } from "../../src/models/index.ts";
import { toOnnx } from "../../src/models/onnx/index.ts";
import { openFeatures } from "../../src/store/features.ts";
import { readTable } from "../../src/survey/catalogue.ts";
import { createSurvey } from "../../src/survey/create.ts";
import { embedSurvey } from "../../src/tasks/embed/embed.ts";
import { exportFeatures } from "../../src/tasks/embed/export-features.ts";
import { readBlocks } from "../docs/pages.ts";
import { temporaryFolder } from "../fixtures/surveys.ts";

const MODEL = "lvm-nano-structures-morphology";
/** Debian's Python first, then whichever is called so. */
const withModules = (modules: string) =>
  ["/usr/bin/python3", "python3"].find((python) => spawnSync(python, ["-c", `import ${modules}`]).status === 0);
const [numpy, runtime] = ["numpy", "numpy, PIL, onnxruntime"].map(withModules);
const guide = readFileSync(join(PACKAGE_ROOT, "docs/guides/features-elsewhere.md"), "utf8");
const [neighbours, encoder] = readBlocks(guide)
  .blocks.filter(({ info }) => info === "python")
  .map(({ text }) => text);

const folder = temporaryFolder();
const survey = join(folder.path, "survey");
const run = async (python: string | undefined, script: string) =>
  (await promisify(execFile)(python ?? "", ["-c", script], { cwd: folder.path })).stdout;

/** Pictures of an ellipse of light each: of the encoder's own size, and larger and no square. */
async function writePicture(name: string, width: number, height: number, seed: number): Promise<void> {
  const random = new Random(seed);
  const pixels = Buffer.alloc(width * height * 3);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const radius = Math.hypot((x - width / 2) / 9, (y - height / 2) / (3 + seed));
      for (let c = 0; c < 3; c++)
        pixels[3 * (y * width + x) + c] = (200 - 30 * c) / (1 + radius ** 2) + 9 * random.next();
    }
  const image = sharp(pixels, { raw: { width, height, channels: 3 } });
  await image.png().toFile(join(folder.path, "pictures", name));
}

beforeAll(async () => {
  mkdirSync(join(folder.path, "pictures"));
  await writePicture("own size é.png", 64, 64, 1);
  await writePicture("larger.png", 150, 110, 4);
  await writePicture("third.png", 64, 64, 7);
  const images = join(folder.path, "pictures");
  await createSurvey({ images, out: survey, adaptiveCrop: false, progress: SILENT, command: "test" });
  await embedSurvey(survey, { model: MODEL, progress: SILENT });
  await exportFeatures(survey, MODEL, join(folder.path, "features.npy"));
});
afterAll(() => folder.remove());

it("a Parquet file has id, position and every feature, exactly", async () => {
  const path = join(folder.path, "features.parquet");
  const features = openFeatures(survey, MODEL);
  expect(await exportFeatures(survey, MODEL, path)).toEqual({ files: [path], count: 3, dim: features.dim });
  const { columns, rows } = await readTable(path);
  expect(columns.slice(0, 4)).toEqual(["id", "ra", "dec", "feature_0"]);
  expect(rows.map(({ id }) => id)).toEqual(["larger", "own size é", "third"]);
  for (const [i, row] of rows.entries())
    expect(columns.slice(3).map((name) => row[name])).toEqual([...features.row(i)]);
  features.close();
});

it("another ending, and a survey that is none, are refused before anything is written", async () => {
  const write = (from: string, name: string) => exportFeatures(from, MODEL, join(folder.path, name));
  await expect(write(survey, "a.txt")).rejects.toMatchObject({ code: "BAD_OPTION" });
  await expect(write(folder.path, "a.npy")).rejects.toMatchObject({ code: "SURVEY_MISSING" });
  expect(readdirSync(folder.path).filter((name) => name.startsWith("a."))).toEqual([]);
});

describe("the guide's Python", () => {
  it.skipIf(numpy === undefined)("finds neighbours with NumPy alone", async () => {
    const lines = (await run(numpy, neighbours)).trim().split("\n");
    expect(lines).toHaveLength(3);
    expect(lines[0]).toBe("larger 1.0");
    expect(
      lines
        .slice(1)
        .map((line) => line.replace(/ -?[\d.]+$/, ""))
        .sort(),
    ).toEqual(["own size é", "third"]);
  });

  it.skipIf(runtime === undefined)("gives a picture the features of `skyloop embed`", async () => {
    const { model, reader } = await loadModel(MODEL, releasedWeights(MODEL));
    const names = { input: "images", output: "features", version: "test", notes: {} };
    writeFileSync(join(folder.path, "encoder.onnx"), toOnnx(reader.of, { sizePx: reader.sizePx, ...names }));
    reader.dispose();
    model.dispose();
    const compare = `
ids, kept = list(np.load("features.ids.npy")), np.load("features.npy")
own = kept[ids.index("PICTURE")]
print(abs(features[0] - own).max() / abs(own).max())`;
    const difference = async (id: string) => {
      const script = (encoder + compare.replace("PICTURE", id)).replace("galaxy.png", `pictures/${id}.png`);
      return Number(await run(runtime, script));
    };
    const [same, resized] = [await difference("own size é"), await difference("larger")];
    console.log(`ONNX Runtime in Python: ${same.toExponential(1)}, resized by Pillow ${resized.toExponential(1)}`);
    expect(same).toBeLessThan(1e-4);
    // Pillow rounds to whole grey levels after each direction: 1/255 of a pixel's range.
    expect(resized).toBeLessThan(0.02);
  });
});
