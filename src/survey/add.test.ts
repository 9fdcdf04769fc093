import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/fixtures/surveys.ts";
import { SILENT } from "../base/progress.ts";
import { Random } from "../base/random.ts";
import { keepWhatFits } from "../loop/keep.ts";
import { openFeatures, writeFeatures } from "../store/features.ts";
import { addImages, isSurveyOf } from "./add.ts";
import { createSurvey } from "./create.ts";
import { writeFitsImage } from "./fits.ts";
import { openSurvey } from "./folder.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());
const at = (...parts: string[]) => join(folder.path, ...parts);

async function picture(path: string, seed: number): Promise<void> {
  const random = new Random(seed);
  const pixels = Uint8Array.from({ length: 20 * 20 * 3 }, () => random.int(256));
  await sharp(pixels, { raw: { width: 20, height: 20, channels: 3 } }).toFile(path);
}
const make = (out: string, images: string) =>
  createSurvey({ out, images, adaptiveCrop: true, command: "test", progress: SILENT });
const add = (to: string, images: string, labels?: string) =>
  addImages({ to, images, labels, keeping: keepWhatFits(), command: "test", progress: SILENT });

beforeAll(async () => {
  for (const name of ["A", "B"]) mkdirSync(at(name, "images"), { recursive: true });
  await picture(at("A/images/1.png"), 1);
  await picture(at("A/images/2.png"), 2);
  await picture(at("B/images/1.png"), 3);
  writeFileSync(at("A/images/labels.csv"), "id,label\n1,ring\n2,bar\n");
  writeFileSync(at("A/images/broken.png"), "no picture");
  await make(at("s"), at("A/images"));
  writeFileSync(at("s/notes.txt"), "mine");
});

describe("images added to a survey", () => {
  it("come after its rows; rows, labels, files and features stay", async () => {
    const { dataHash } = (await openSurvey(at("s"))).header;
    const set = { model: "toy", weightsHash: "w", dim: 2, blockRows: 1 };
    const writer = writeFeatures(at("s"), { ...set, dataHash, count: 2 });
    for (const row of [0, 1]) writer.write(row, Float32Array.of(row, 10));
    writer.close();
    writeFileSync(at("s/skyloop.db"), "labels");

    await picture(at("A/images/3.png"), 4);
    writeFileSync(at("A/images/labels.csv"), "id,label,z\n1,other,1\n2,bar,2\n3,lens,0.5\n9,lost,1\n");
    expect(await add(at("s"), at("A/images"))).toEqual({ added: 1, known: 2, refused: 2 });
    const survey = await openSurvey(at("s"));
    expect(survey.rows.map(({ id, columns }) => [id, columns.label, columns.z])).toEqual([
      ["1", "ring", null],
      ["2", "bar", null],
      ["3", "lens", 0.5],
    ]);
    expect(survey.problems.map(({ source, code }) => `${source} ${code}`).sort()).toEqual([
      "broken.png IMAGE_BROKEN",
      "labels.csv line 5 ROW_WITHOUT_IMAGE",
    ]);
    for (const [row, file] of ["1.png", "2.png", "3.png"].entries())
      expect(Buffer.compare(survey.readStampBytes(row).bytes, readFileSync(at("A/images", file)))).toBe(0);
    expect([survey.header.adaptiveCrop, readFileSync(at("s/notes.txt"), "utf8")]).toEqual([true, "mine"]);
    expect(readFileSync(at("s/skyloop.db"), "utf8")).toBe("labels");
    const rest = writeFeatures(at("s"), { ...set, dataHash: survey.header.dataHash, count: 3 });
    expect([0, 1, 2].map((block) => rest.finished(block))).toEqual([true, true, false]);
    rest.write(2, Float32Array.of(5, 5));
    rest.close();
    const features = openFeatures(at("s"), "toy");
    expect([...features.rows(0, 3)]).toEqual([0, 10, 1, 10, 5, 5]);
    features.close();
    survey.close();
  });

  it("are passed over where it has them, and nothing is written then", async () => {
    const before = readFileSync(at("s/survey.json"), "utf8");
    expect(await add(at("s"), at("A/images"))).toMatchObject({ added: 0, known: 3 });
    cpSync(at("A/images"), at("copy"), { recursive: true });
    expect(await add(at("s"), at("copy"))).toMatchObject({ added: 0, known: 3 });
    expect(readFileSync(at("s/survey.json"), "utf8")).toBe(before);
    expect(existsSync(at("s.partial"))).toBe(false);
  });

  it("of another folder with the same names get names of their own", async () => {
    expect(await add(at("s"), at("B/images"))).toMatchObject({ added: 1, known: 0 });
    expect(await add(at("s"), at("B/images"))).toMatchObject({ added: 0, known: 1 });
    const survey = await openSurvey(at("s"));
    expect(survey.rows.map(({ id }) => id)).toEqual(["1", "2", "3", "1.png"]);
    expect(survey.problems.map(({ code }) => code)).toContain("ID_CHANGED");
    survey.close();
  });

  it("must be of the survey's kind", async () => {
    mkdirSync(at("flux"));
    const data = Float32Array.from({ length: 400 }, (_, i) => i);
    writeFitsImage(at("flux/a.fits"), { widthPx: 20, heightPx: 20, planes: 1, data });
    await expect(add(at("s"), at("flux"))).rejects.toMatchObject({ code: "KIND_DIFFERS" });
    await expect(add(at("none"), at("flux"))).rejects.toMatchObject({ code: "SURVEY_MISSING" });
  });
});

describe("whose images a survey is of", () => {
  it("is in its header, or seen in the files", async () => {
    await make(at("b"), at("B/images"));
    expect([await isSurveyOf(at("b"), at("B/images")), await isSurveyOf(at("b"), at("A/images"))]).toEqual([
      true,
      false,
    ]);
    // As an older version wrote it.
    const header = JSON.parse(readFileSync(at("b/survey.json"), "utf8"));
    writeFileSync(at("b/survey.json"), JSON.stringify({ ...header, imagesFolder: undefined }));
    expect([await isSurveyOf(at("b"), at("B/images")), await isSurveyOf(at("b"), at("A/images"))]).toEqual([
      true,
      false,
    ]);
    writeFileSync(at("b/survey.json"), JSON.stringify(header));
    renameSync(at("B"), at("C"));
    expect(await isSurveyOf(at("b"), at("C/images"))).toBe(true);
    rmSync(at("C"), { recursive: true });
  });
});
