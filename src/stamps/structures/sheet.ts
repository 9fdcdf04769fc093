/** A picture of what pre-training paints into the galaxies of a survey. */
import sharp from "sharp";
import { SkyloopError } from "../../base/errors.ts";
import { Random } from "../../base/random.ts";
import { openSurvey } from "../../survey/folder.ts";
import { modelInput } from "../model-input.ts";
import type { Picture } from "./disc.ts";
import { paintable, paintOne, STRUCTURES, strengthOf } from "./paint.ts";

/** Side of the pictures that are painted on, as in training, and of those that are shown. */
const [SIZE_PX, TILE_PX] = [80, 112];

async function tileOf({ sizePx, pixels }: Picture): Promise<Buffer> {
  const N = sizePx * sizePx;
  const rgb = Uint8Array.from({ length: 3 * N }, (_, i) => Math.round(255 * pixels[(i % 3) * N + Math.floor(i / 3)]));
  return sharp(rgb, { raw: { width: sizePx, height: sizePx, channels: 3 } })
    .resize(TILE_PX - 2, TILE_PX - 2)
    .png()
    .toBuffer();
}

/**
 * Writes up to `count` random galaxies of a survey that can be painted on as rows of a picture (PNG, JPEG or WebP by its
 * ending): the galaxy as it is, then with each of STRUCTURES. How many there are. Throws IMAGES_MISSING where none can be
 * painted on.
 */
export async function writeStructureSheet(folder: string, file: string, count: number, seed: number): Promise<number> {
  const survey = await openSurvey(folder);
  const { adaptiveCrop } = survey.header;
  const rows: Picture[][] = [];
  for (const index of new Random(seed).shuffle(Uint32Array.from({ length: survey.count }, (_, row) => row))) {
    if (rows.length === count) break;
    const stamp = await survey.readStamp(index).catch(() => null);
    if (stamp === null) continue;
    const picture = { sizePx: SIZE_PX, pixels: modelInput(stamp, { sizePx: SIZE_PX, adaptiveCrop }) };
    const disc = paintable(picture);
    if (disc === null) continue;
    const random = new Random(seed).fork(index);
    const painted = STRUCTURES.map((structure) =>
      paintOne(picture, disc, structure, random.fork(structure), { strength: strengthOf(structure) }),
    );
    rows.push([picture, ...painted]);
  }
  survey.close();
  if (rows.length === 0)
    throw new SkyloopError(
      "IMAGES_MISSING",
      `no galaxy of ${folder} is large and open enough to be painted on; take a survey of larger galaxies`,
    );
  const tiles = await Promise.all(
    rows.flatMap((row, y) =>
      row.map(async (picture, x) => ({ input: await tileOf(picture), left: x * TILE_PX, top: y * TILE_PX })),
    ),
  );
  await sharp({
    create: { width: rows[0].length * TILE_PX, height: rows.length * TILE_PX, channels: 3, background: "#222" },
  })
    .composite(tiles)
    .toFile(file);
  return rows.length;
}
