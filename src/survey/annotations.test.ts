import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/fixtures/surveys.ts";
import { fieldPixels } from "../stamps/field-pixels.ts";
import { readFieldFolders, readFields } from "./annotations.ts";
import { writeFitsImage } from "./fits.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());
const at = (name: string) => join(folder.path, name);
const BOX = { bbox: [2, 3, 10, 8], category_id: 1 };

/** A folder with a JPEG, a PNG and a FITS image of 40 x 24 px, and these annotations. */
async function coco(name: string, annotations: object[], images: object[] = [], text?: string): Promise<string> {
  mkdirSync(at(`${name}/images`), { recursive: true });
  const pixels = Buffer.from(Array.from({ length: 3 * 40 * 24 }, (_, i) => (i * 7) % 251));
  for (const file of ["a.jpg", "b.png"])
    await sharp(pixels, { raw: { width: 40, height: 24, channels: 3 } }).toFile(at(`${name}/images/${file}`));
  const data = Float32Array.from({ length: 3 * 40 * 24 }, (_, i) => Math.sin(i) * 0.1);
  writeFitsImage(at(`${name}/images/c.fits`), { widthPx: 40, heightPx: 24, planes: 3, data });
  const listed = ["a.jpg", "b.png", "c.fits"].map((file, i) => ({ id: i + 1, file_name: file, width: 40, height: 24 }));
  const whole = {
    images: [...listed, ...images],
    categories: [
      { id: 1, name: "lens" },
      { id: 4, name: "ring" },
    ],
    annotations,
  };
  writeFileSync(at(`${name}/annotations.json`), text ?? JSON.stringify(whole));
  return at(name);
}

describe("COCO folders", () => {
  let path = "";
  beforeAll(async () => {
    path = await coco("good", [
      { id: 0, image_id: 1, ...BOX },
      { id: 1, image_id: 1, category_id: 4, iscrowd: 1, bbox: [-3, 0, 10, 50] },
      { id: 2, image_id: 2, category_id: 1, segmentation: [[4, 4, 9, 4, 9, 8, 4, 8]] },
      { id: 3, image_id: 3, category_id: 1, segmentation: { size: [24, 40], counts: [24 * 5 + 2, 3, 24 * 35 - 5] } },
    ]);
  });

  it("of JPEG, PNG and FITS: boxes, polygons, run lengths, ignored objects", async () => {
    const { fields, classes, problems } = await readFields(path);
    expect(problems).toEqual([]);
    expect(classes).toEqual(["lens", "ring"]);
    expect(fields.map(({ id }) => id)).toEqual(["a", "b", "c"]);
    expect(fields[0].truths[0]).toEqual({ x1: 2, y1: 3, x2: 12, y2: 11, class: "lens", ignore: false });
    expect(fields[0].truths[1]).toMatchObject({ x1: 0, y1: 0, x2: 7, y2: 24, class: "ring", ignore: true });
    expect(fields[1].truths[0]).toMatchObject({ x1: 4, y1: 4, x2: 9, y2: 8 });
    expect(fields[1].truths[0].mask?.bits.reduce((sum, bit) => sum + bit, 0)).toBe(20);
    expect(fields[2].truths[0].mask).toMatchObject({ x: 5, y: 2, width: 1, height: 3 });
    const rings = await readFields(path, { classes: ["ring"] });
    expect(rings.fields.map(({ truths }) => truths.length)).toEqual([1, 0, 0]);
    await expect(readFields(path, { classes: ["spiral"] })).rejects.toMatchObject({ code: "CLASS_MISSING" });
  });

  it("of several folders together: ids of their own, and the backgrounds that they name in common", async () => {
    expect(await readFields(path)).toMatchObject(await readFieldFolders([path]));
    const { fields, classes } = await readFieldFolders([path, path], { decodeImages: false });
    const name = basename(path);
    expect(fields.map(({ id }) => id)).toEqual(
      [1, 2].flatMap((i) => ["a", "b", "c"].map((id) => `${i}-${name}/${id}`)),
    );
    expect(fields.slice(3).map(({ truths }) => truths)).toEqual(fields.slice(0, 3).map(({ truths }) => truths));
    expect(classes).toEqual(["lens", "ring"]);
    expect(new Set(fields.map(({ background }) => background)).size).toBe(6);
    const shared = JSON.parse(readFileSync(join(path, "annotations.json"), "utf8"));
    for (const image of shared.images) image.background = "sky";
    const beside = join(path, "shared.json");
    writeFileSync(beside, JSON.stringify(shared));
    const both = await readFieldFolders([beside, beside], { decodeImages: false });
    expect(both.fields.map(({ background }) => background)).toEqual(Array(6).fill("sky"));
  });

  it("give pixels in the file's order, in [0, 1]", async () => {
    const { fields } = await readFields(path, { decodeImages: false });
    const picture = await fieldPixels(fields[1]);
    expect(picture.length).toBe(3 * 40 * 24);
    expect(picture[0]).toBe(0);
    expect(picture[40 * 24]).toBeCloseTo(7 / 255, 6);
    const flux = await fieldPixels(fields[2]);
    expect(flux.every((value) => value >= 0 && value <= 1)).toBe(true);
    // Red is the third plane, z; the first pixel of the file comes first.
    const brightest = flux
      .subarray(0, 960)
      .indexOf(flux.subarray(0, 960).reduce((most, value) => Math.max(most, value)));
    const z = Array.from({ length: 960 }, (_, p) => Math.sin(1920 + p));
    expect(z[brightest]).toBeGreaterThan(0.9);
  });

  it("name whatever is broken, with a code each, and take the rest", async () => {
    const broken = await coco(
      "broken",
      [
        { id: 1, image_id: 1, ...BOX },
        { id: 2, image_id: 1, category_id: 9, bbox: [0, 0, 5, 5] },
        { id: 3, image_id: 1, category_id: 1, bbox: [50, 0, 5, 5] },
        { id: 4, image_id: 1, category_id: 1, bbox: [5, 5, 0, 5] },
        { id: 5, image_id: 1, category_id: 1, segmentation: [[1, 1, 5, 5]], bbox: [1, 1, 4, 4] },
        { id: 6, image_id: 99, ...BOX },
        { id: 7, image_id: 1, category_id: 1 },
        { id: 8, image_id: 1, category_id: 1, segmentation: { counts: [5, 5] } },
        { id: 9, image_id: 1, category_id: 1, bbox: [1, null, 4, 4] },
      ],
      [
        { id: 4, file_name: "gone.png", width: 40, height: 24 },
        { id: 1, file_name: "b.png" },
        { id: 6, file_name: "cut.fits", width: 40, height: 24 },
        { id: 7, file_name: "cut.jpg", width: 40, height: 24 },
        { id: 8, file_name: "large.png", width: 41, height: 24 },
      ],
    );
    writeFileSync(join(broken, "images/cut.fits"), readFileSync(join(broken, "images/c.fits")).subarray(0, 5000));
    writeFileSync(join(broken, "images/cut.jpg"), readFileSync(join(broken, "images/a.jpg")).subarray(0, 700));
    await sharp(join(broken, "images/b.png")).toFile(join(broken, "images/large.png"));
    await expect(readFields(broken)).rejects.toMatchObject({ code: "TOO_FEW_FIELDS" });
    const text = readFileSync(join(broken, "annotations.json"), "utf8");
    const listed = JSON.parse(text);
    for (let i = 0; i < 4; i++) {
      await sharp(join(broken, "images/b.png")).toFile(join(broken, `images/more-${i}.png`));
      listed.images.push({ id: 20 + i, file_name: `more-${i}.png`, width: 40, height: 24 });
    }
    // As Python writes what is not finite.
    writeFileSync(join(broken, "annotations.json"), JSON.stringify(listed).replace("[1,null,4,4]", "[1,NaN,4,4]"));
    const { fields, problems, imageIds } = await readFields(broken);
    expect(fields.length).toBe(7);
    expect([1, 2, 8, 20].map((id) => imageIds.get(id)?.id ?? null)).toEqual(["a", "b", null, "more-0"]);
    expect(fields[0].truths.length).toBe(1);
    const codes = Object.fromEntries(problems.map(({ source, code }) => [source, code]));
    expect(codes).toMatchObject({
      "gone.png": "FIELD_MISSING",
      "b.png": "DUPLICATE_ID",
      "cut.fits": "FITS_UNREADABLE",
      "cut.jpg": "IMAGE_BROKEN",
      "large.png": "FIELD_SIZE",
      "annotation 2": "CLASS_UNKNOWN",
      "annotation 3": "BOX_OUTSIDE",
      "annotation 4": "BOX_EMPTY",
      "annotation 5": "POLYGON_SHORT",
      "annotation 6": "FIELD_MISSING",
      "annotation 7": "ANNOTATION_BROKEN",
      "annotation 8": "RUNS_BROKEN",
      "annotation 9": "COORDINATE_NOT_FINITE",
    });
  });

  it("that are none are refused", async () => {
    await expect(readFields(folder.path)).rejects.toMatchObject({ code: "ANNOTATIONS_MISSING" });
    await expect(readFields(await coco("text", [], [], "{"))).rejects.toMatchObject({ code: "ANNOTATIONS_BROKEN" });
    await expect(readFields(await coco("list", [], [], "[]"))).rejects.toMatchObject({ code: "ANNOTATIONS_BROKEN" });
  });
});
