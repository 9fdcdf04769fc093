/** JPEG, PNG and WebP files as stamps: validated by decoding them whole, stored as they came. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { messageOf } from "../base/errors.ts";
import type { Problem } from "../contract/survey.ts";
import { decodePicture } from "./folder.ts";

const CODECS = { jpeg: "jpeg", png: "png", webp: "webp" } as const;

/** A picture file as it came, with its size and quality bits. */
export type Picture = {
  codec: "jpeg" | "png" | "webp";
  bytes: Uint8Array;
  widthPx: number;
  heightPx: number;
  quality: number;
};

/** Reads a picture, or says why it cannot be taken. */
export async function readPicture(folder: string, file: string): Promise<Picture | Problem> {
  const refuse = (code: string, message: string): Problem => ({ source: file, code, message, kept: false });
  let bytes: Uint8Array;
  try {
    bytes = await readFile(join(folder, file));
  } catch (cause) {
    return refuse("FILE_UNREADABLE", messageOf(cause));
  }
  if (bytes.length === 0) return refuse("FILE_EMPTY", "the file has no bytes");
  try {
    const { format, width, height } = await sharp(bytes).metadata();
    if (!(format in CODECS)) return refuse("NOT_AN_IMAGE", `the content is ${format}, not JPEG, PNG or WebP`);
    if (Math.min(width, height) < 16) return refuse("TOO_SMALL", `${width} x ${height} px; a stamp needs 16 or more`);
    const pixels = await decodePicture(bytes);
    const N = pixels.length / 3;
    const flat = pixels.every((value, i) => value === pixels[Math.floor(i / N) * N]);
    return flat
      ? refuse("NO_SIGNAL", "every pixel has the same value")
      : { codec: CODECS[format as keyof typeof CODECS], bytes, widthPx: width, heightPx: height, quality: 0 };
  } catch (cause) {
    return refuse("IMAGE_BROKEN", `cannot be decoded: ${messageOf(cause).split("\n")[0]}`);
  }
}
