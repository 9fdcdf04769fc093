import { join } from "node:path";
import sharp from "sharp";
import { afterAll, expect, it } from "vitest";
import { smallSurvey, temporaryFolder } from "../../../test/fixtures/surveys.ts";
import { SILENT } from "../../base/progress.ts";
import { simulateSurvey } from "../../survey/simulate/index.ts";
import { writeStructureSheet } from "./sheet.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());

it("shows galaxies as they are and with each structure, and says where none can be painted on", async () => {
  const survey = await smallSurvey(folder.path, 40);
  const file = join(folder.path, "sheet.png");
  expect(await writeStructureSheet(survey, file, 3, 1)).toBe(3);
  const { data, info } = await sharp(file).raw().toBuffer({ resolveWithObject: true });
  expect([info.width, info.height]).toEqual([11 * 112, 3 * 112]);
  const tile = (x: number, y: number) =>
    Array.from({ length: 110 }, (_, row) => {
      const at = ((y * 112 + row) * info.width + x * 112) * info.channels;
      return data.subarray(at, at + 110 * info.channels).toString("latin1");
    }).join();
  for (const y of [0, 1, 2]) expect(new Set(Array.from({ length: 11 }, (_, x) => tile(x, y))).size).toBe(11);
  const flat = join(folder.path, "flat");
  const shares = { edge_on: 1 };
  await simulateSurvey(flat, { count: 6, seed: 1, sizePx: 96, shares, workers: 1, progress: SILENT, command: "test" });
  await expect(writeStructureSheet(flat, file, 3, 1)).rejects.toMatchObject({
    code: "IMAGES_MISSING",
    message: expect.stringContaining("larger galaxies"),
  });
});
