/** Fields with what is in them in one picture. */
import sharp from "sharp";
import { Random } from "../base/random.ts";
import type { Field, Truth } from "../contract/detection.ts";
import { readFields } from "../survey/annotations.ts";
import { fieldFlux, fieldPixels } from "./field-pixels.ts";

/** Colours of the classes' boxes, in their order; grey for what is not counted. */
const COLOURS = ["#ff3030", "#30ff30", "#30a0ff", "#ffff30", "#ff30ff", "#30ffff"];
const IGNORED = "#909090";

/** Writes `count` random fields of a folder with boxes and outlines as one picture (PNG, JPEG or WebP by its ending). */
export async function writeFieldSheet(folder: string, file: string, count: number, seed: number): Promise<number> {
  const { fields, classes } = await readFields(folder, { decodeImages: false });
  const chosen = new Random(seed).sample(fields.length, Math.min(count, fields.length)).sort((a, b) => a - b);
  const side = Math.ceil(Math.sqrt(chosen.length));
  const [tileX, tileY] = (["width", "height"] as const).map((axis) =>
    Math.max(...chosen.map((i) => 2 * fields[i][axis] + 4)),
  );
  const tiles = await Promise.all(
    chosen.map(async (index, i) => ({
      input: await draw(fields[index], classes),
      left: (i % side) * tileX,
      top: Math.floor(i / side) * tileY,
    })),
  );
  const height = Math.ceil(chosen.length / side) * tileY;
  await sharp({ create: { width: side * tileX, height, channels: 3, background: "#444" } })
    .composite(tiles)
    .toFile(file);
  return chosen.length;
}

/** A field at twice its size as PNG, the sky the right way up. */
async function draw(field: Field, classes: string[]): Promise<Buffer> {
  const { width: W, height: H } = field;
  const pixels = await fieldPixels(field);
  const upwards = fieldFlux(field) !== null;
  const rgb = Buffer.alloc(3 * W * H);
  for (let y = 0; y < H; y++)
    for (let x = 0; x < W; x++)
      for (let c = 0; c < 3; c++)
        rgb[3 * ((upwards ? H - 1 - y : y) * W + x) + c] = Math.round(255 * pixels[(c * H + y) * W + x]);
  const colourOf = (truth: Truth) => (truth.ignore ? IGNORED : COLOURS[classes.indexOf(truth.class) % COLOURS.length]);
  const boxes = field.truths.map((truth) => {
    const { x1, y1, x2, y2 } = truth;
    const top = upwards ? H - y2 : y1;
    const size = `width="${2 * (x2 - x1)}" height="${2 * (y2 - y1)}"`;
    return `<rect x="${2 * x1}" y="${2 * top}" ${size} fill="none" stroke="${colourOf(truth)}"/>`;
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${2 * W}" height="${2 * H}">${boxes.join("")}</svg>`;
  return sharp(rgb, { raw: { width: W, height: H, channels: 3 } })
    .resize(2 * W, 2 * H, { kernel: "nearest" })
    .composite([{ input: Buffer.from(svg) }])
    .png()
    .toBuffer();
}
