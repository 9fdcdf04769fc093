import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, expect, it } from "vitest";
import { temporaryFolder } from "../../test/fixtures/surveys.ts";
import { evaluateDetections } from "./detections.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());

/** Three images with ids as other programs give them, the first of them missing, and five objects of two classes in the others. */
async function fieldsOf(name: string): Promise<string> {
  const path = join(folder.path, name);
  mkdirSync(path);
  const raw = { width: 64, height: 48, channels: 3 } as const;
  const pixels = Uint8Array.from({ length: 64 * 48 * 3 }, (_, i) => i % 100);
  for (const file of ["b.png", "c.png"]) await sharp(pixels, { raw }).toFile(join(path, file));
  const images = [
    { id: 139, file_name: "a.png", width: 64, height: 48 },
    { id: 724, file_name: "b.png", width: 64, height: 48 },
    { id: "c", file_name: "c.png", width: 64, height: 48 },
  ];
  const annotations = [
    ["c", 90, 4],
    [724, 17, 2],
    [724, 17, 20],
    [724, 90, 38],
    ["c", 17, 30],
  ].map(([image_id, category_id, x], id) => ({ id, image_id, category_id, bbox: [x, 5, 12, 10] }));
  const categories = [
    { id: 90, name: "ring" },
    { id: 17, name: "lens" },
  ];
  writeFileSync(join(path, "annotations.json"), JSON.stringify({ images, annotations, categories }));
  return path;
}

it("takes other programs' results by the ids that annotations.json gives to images and categories", async () => {
  const path = await fieldsOf("fields");
  const results = [
    { image_id: 724, category_id: 17, bbox: [2, 5, 12, 10], score: 0.9 },
    { image_id: 724, category_id: 90, bbox: [38, 5, 12, 10], score: 0.8 },
    { image_id: "c", category_id: 17, bbox: [30, 5, 12, 10], score: 0.7 },
    { image_id: 139, category_id: 17, bbox: [30, 5, 12, 10], score: 0.95 },
    { image_id: "c", category_id: 17, bbox: [4, 30, 12, 10], score: 0.6 },
  ];
  const file = join(folder.path, "results.json");
  writeFileSync(file, JSON.stringify(results));
  const [ring, lens] = await evaluateDetections(file, path, { anyClass: false });
  expect([ring.class, ring.objects, ring.completeness.hits, ring.purity.tries]).toEqual(["ring", 2, 1, 1]);
  // Two of three; what was found in the missing image is not judged.
  expect([lens.class, lens.objects, lens.completeness.hits, lens.purity.tries]).toEqual(["lens", 3, 2, 3]);
  // Pictures do not say how large their pixels are.
  expect(lens.fieldSquareArcmin).toBeNull();
  const [only] = await evaluateDetections(file, path, { anyClass: false, classes: ["lens"] });
  expect(only).toEqual(lens);
  for (const wrong of [{ image_id: 1 }, { category_id: 1 }, { bbox: [1, 2, 3] }, { score: null }]) {
    writeFileSync(file, JSON.stringify([{ ...results[0], ...wrong }]));
    await expect(evaluateDetections(file, path, { anyClass: false })).rejects.toMatchObject({ code: "RESULTS_BROKEN" });
  }
});
