/** Many stamps of a survey in one picture. */
import sharp from "sharp";
import { Random } from "../base/random.ts";
import { openSurvey } from "../survey/folder.ts";
import { renderRgb8 } from "./render.ts";

/** Writes `count` random stamps of a survey as a square picture (PNG, JPEG or WebP by its ending). */
export async function writeContactSheet(
  folder: string,
  file: string,
  count: number,
  seed: number,
  tilePx = 128,
): Promise<number> {
  const survey = await openSurvey(folder);
  const rows = new Random(seed).sample(survey.count, Math.min(count, survey.count)).sort((a, b) => a - b);
  const side = Math.ceil(Math.sqrt(rows.length));
  const tiles = await Promise.all(
    rows.map(async (row, i) => {
      const stamp = await survey.readStamp(row);
      const picture = sharp(renderRgb8({ ...stamp }), {
        raw: { width: stamp.widthPx, height: stamp.heightPx, channels: 3 },
      });
      return {
        input: await picture
          .resize(tilePx - 2, tilePx - 2, { fit: "cover" })
          .png()
          .toBuffer(),
        left: (i % side) * tilePx,
        top: Math.floor(i / side) * tilePx,
      };
    }),
  );
  survey.close();
  const rowsUsed = Math.ceil(rows.length / side);
  await sharp({ create: { width: side * tilePx, height: rowsUsed * tilePx, channels: 3, background: "#222" } })
    .composite(tiles)
    .toFile(file);
  return rows.length;
}
