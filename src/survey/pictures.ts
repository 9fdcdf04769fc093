/** JPEG, PNG and WebP files as stamps: validated by decoding them whole in another process, stored as they came. */
import { join } from "node:path";
import { codeOf, messageOf } from "../base/errors.ts";
import type { Problem } from "../contract/survey.ts";
import { type DecodedPicture, decode } from "./decode/index.ts";

/** A picture that can be taken in. */
export type PictureFile = DecodedPicture & { quality: number };

/** Reads a picture, or says why it cannot be taken. */
export async function readPicture(folder: string, file: string): Promise<PictureFile | Problem> {
  const path = join(folder, file);
  try {
    return { ...(await decode("picture", [path], { path })), quality: 0 };
  } catch (cause) {
    return { source: file, code: codeOf(cause) ?? "IMAGE_BROKEN", message: messageOf(cause), kept: false };
  }
}
