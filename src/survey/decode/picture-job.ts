/** Trying a picture: JPEG, PNG, WebP; runs in a process of its own. */
import { readFileSync } from "node:fs";
import sharp from "sharp";
import { messageOf, SkyloopError } from "../../base/errors.ts";
import { MOST_PIXELS, rawPicture } from "../picture-pixels.ts";

const CODECS = { jpeg: "jpeg", png: "png", webp: "webp" } as const;

// One picture after another in each of several processes.
sharp.concurrency(1);

/** A picture that can be decoded, as it came. */
export interface DecodedPicture {
  codec: "jpeg" | "png" | "webp";
  bytes: Uint8Array;
  widthPx: number;
  heightPx: number;
}

/** Decodes the whole picture once and returns its bytes. Throws the codes that stand in a survey's problems. */
export async function tryPicture({ path }: { path: string }): Promise<DecodedPicture> {
  const bytes = readFileSync(path);
  if (bytes.length === 0) throw new SkyloopError("FILE_EMPTY", "the file has no bytes");
  try {
    const { format, width, height, depth } = await sharp(bytes, { limitInputPixels: false }).metadata();
    if (!(format in CODECS)) throw new SkyloopError("NOT_AN_IMAGE", `the content is ${format}, not JPEG, PNG or WebP`);
    if (Math.min(width, height) < 16)
      throw new SkyloopError("TOO_SMALL", `${width} x ${height} px; a stamp needs 16 or more`);
    if (width * height > MOST_PIXELS)
      throw new SkyloopError(
        "FILE_TOO_LARGE",
        `${width} x ${height} px are more than a stamp's ${MOST_PIXELS}; cut it into stamps`,
      );
    const { values, channels } = await rawPicture(bytes, depth);
    if (isFlat(values, channels)) throw new SkyloopError("NO_SIGNAL", "every pixel has the same value");
    return { codec: CODECS[format as keyof typeof CODECS], bytes, widthPx: width, heightPx: height };
  } catch (cause) {
    if (cause instanceof SkyloopError) throw cause;
    throw new SkyloopError("IMAGE_BROKEN", `cannot be decoded: ${messageOf(cause).split("\n")[0]}`);
  }
}

function isFlat(values: ArrayLike<number>, channels: number): boolean {
  for (let i = channels; i < values.length; i++) if (values[i] !== values[i % channels]) return false;
  return true;
}
