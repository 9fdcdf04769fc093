/** Rendered stamps as WebP, remembered in memory up to a bound. */
import sharp, { type Sharp } from "sharp";
import { hashBytes } from "../base/files.ts";
import { renderRgb8 } from "../stamps/render.ts";
import type { ServedSurvey } from "./workspace.ts";

/** Sides in px that pictures of stamps are made in. */
export const PICTURE_SIZES = [64, 96, 128, 192, 256, 512] as const;

const MEMORY_BYTES = 64 * 2 ** 20;

// Several pictures are made at once; each needs no more threads of its own.
sharp.concurrency(1);

/** Pictures of stamps as WebP, made when asked for and kept in memory up to a bound. */
export class Pictures {
  readonly #made = new Map<string, Buffer>();
  readonly #mostBytes: number;
  #bytes = 0;

  constructor(mostBytes = MEMORY_BYTES) {
    this.#mostBytes = mostBytes;
  }

  /** Names a picture's content: the data, the object and the size. */
  tag({ survey }: ServedSurvey, row: number, sizePx: number): string {
    return `"${hashBytes(`${survey.header.dataHash} ${row} ${sizePx}`).slice(0, 24)}"`;
  }

  async get(served: ServedSurvey, row: number, sizePx: number): Promise<Buffer> {
    const key = `${served.survey.name} ${row} ${sizePx}`;
    const known = this.#made.get(key);
    if (known !== undefined) {
      this.#made.delete(key);
      this.#made.set(key, known);
      return known;
    }
    const made = await render(served, row, sizePx);
    // Somebody else may have asked for it meanwhile.
    this.#bytes += made.length - (this.#made.get(key)?.length ?? 0);
    this.#made.set(key, made);
    for (const [oldest, picture] of this.#made) {
      if (this.#bytes <= this.#mostBytes) break;
      this.#made.delete(oldest);
      this.#bytes -= picture.length;
    }
    return made;
  }
}

async function render({ survey }: ServedSurvey, row: number, sizePx: number): Promise<Buffer> {
  let image: Sharp;
  if (survey.header.kind === "flux") {
    const stamp = await survey.readStamp(row);
    image = sharp(renderRgb8(stamp), { raw: { width: stamp.widthPx, height: stamp.heightPx, channels: 3 } });
  } else image = sharp(survey.readStampBytes(row).bytes).toColourspace("srgb");
  return image
    .resize(sizePx, sizePx, { fit: "contain", background: "#000", kernel: "mitchell" })
    .webp({ quality: 85, effort: 0 })
    .toBuffer();
}
