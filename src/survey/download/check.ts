/** What a service sent, checked against what was asked for. */

import { gunzipSync } from "node:zlib";
import type { PixelKind } from "../../contract/survey.ts";
import { bandOfHeader, namedCubeBands } from "../bands.ts";
import { chooseImages, type ImageHdu } from "../decode/planes.ts";
import { cardValue, type FitsHdu } from "../fits.ts";
import { serverError } from "../votable-status.ts";
import { parseWcs } from "../wcs.ts";
import { fitsOutline } from "./fits-bytes.ts";

/** Why an answer cannot be used; `again`: another try, now or later, may bring a better one. */
export interface AnswerFault {
  code: string;
  message: string;
  again: boolean;
}

/** What one file is to show. */
export interface Wanted {
  kind: PixelKind;
  raDeg: number;
  decDeg: number;
  sizePx: number;
  scaleArcsec: number;
  bands: string[];
}

const fault = (code: string, message: string, again = false): AnswerFault => ({ code, message, again });
/** How far a pixel scale may be from what was asked for. */
const SCALE_TOLERANCE = 0.01;
/** How far, in pixels along either axis, the position may be from the middle of the image. */
const CENTRE_TOLERANCE_PX = 1.01;

/** The bytes of an answer, unpacked where they are gzipped, or why they cannot be used. */
export function checkAnswer(bytes: Uint8Array, contentType: string, wanted: Wanted): Uint8Array | AnswerFault {
  if (bytes.length === 0) return fault("NOT_FITS", "the answer is empty", true);
  const isPacked = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const plain = isPacked ? unpacked(bytes, mostBytes(wanted)) : bytes;
  if (plain === null) return fault("TRUNCATED", "the answer is gzipped and cannot be unpacked", true);
  if (wanted.kind === "colour") {
    const whole = isWholePicture(plain);
    if (whole === null) return strange("a picture (JPEG, PNG, WebP)", plain, contentType);
    return whole ? plain : fault("TRUNCATED", `${plain.length} bytes of a picture came, without its end`, true);
  }
  const outline = fitsOutline(plain);
  if (outline === null) return strange("FITS", plain, contentType);
  const { hdus, truncated, needed } = outline;
  if (truncated) return fault("TRUNCATED", `${plain.length} bytes came, its headers promise ${needed}`, true);
  return checkImage(hdus, wanted) ?? plain;
}

/** The most bytes that an answer to this may have: anything larger is not what was asked for. */
export const mostBytes = ({ sizePx, bands }: Pick<Wanted, "sizePx" | "bands">): number =>
  2 ** 22 + 64 * sizePx ** 2 * bands.length;

function unpacked(bytes: Uint8Array, most: number): Uint8Array | null {
  try {
    return gunzipSync(bytes, { maxOutputLength: most });
  } catch {
    return null;
  }
}

/** What may stand behind the end of a picture. */
const TAIL_BYTES = 1024;

/** Whether a JPEG, PNG or WebP file has its end; null where the bytes are none of these. */
function isWholePicture(bytes: Uint8Array): boolean | null {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = file.toString("latin1", 0, 12);
  const tail = file.subarray(-TAIL_BYTES);
  if (start.startsWith("\xff\xd8\xff")) return tail.includes("\xff\xd9", 0, "latin1");
  if (start.startsWith("\x89PNG")) return tail.includes("IEND", 0, "latin1");
  if (start.startsWith("RIFF") && start.endsWith("WEBP")) return file.length >= file.readUInt32LE(4) + 8;
  return null;
}

function strange(expected: string, bytes: Uint8Array, contentType: string): AnswerFault {
  const error = serverError(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
  if (error !== null)
    return fault("NOT_FITS", `${expected} was expected, an error of the service came: ${error}`, true);
  const text = Buffer.from(bytes.subarray(0, 400))
    .toString("latin1")
    .replace(/<[^>]*>/g, " ")
    .replace(/[^\x20-\x7e]+/g, " ")
    .replace(/\s+/g, " ")
    .trim();
  return fault(
    "NOT_FITS",
    `${expected} was expected, ${contentType || "an answer without a type"} came: ${text.slice(0, 100)}`,
    true,
  );
}

function checkImage(hdus: FitsHdu[], { raDeg, decDeg, sizePx, scaleArcsec, bands }: Wanted): AnswerFault | null {
  const { images } = chooseImages(hdus, bands.length === 1 ? bands[0] : null);
  if (images.length === 0)
    // The Legacy Surveys' viewer says so where none of its bricks is near.
    return cardValue(hdus[0].cards, "OVERLAP") === "F" || hdus.every(({ shape }) => shape.length === 0)
      ? fault("NOT_COVERED", "the file holds no image: the service has none of this place")
      : fault("NOT_FITS", "the file holds no image of the sky");
  const [first] = images;
  const { widthPx, heightPx, cards } = first;
  if (widthPx !== sizePx || heightPx !== sizePx)
    return fault(
      "WRONG_SIZE",
      `${sizePx} x ${sizePx} px were asked for, ${widthPx} x ${heightPx} came; the service may have a limit: choose a smaller --size`,
    );
  if (placesOf(images, bands) === null) {
    const names = images.flatMap((image) => image.bands);
    return fault(
      "BAND_MISSING",
      `the bands ${bands.join(", ")} were asked for, ${names.length} planes came (${names.join(", ")})`,
    );
  }
  const wcs = coordinates(cards, hdus);
  if (wcs === null) return null;
  if (Math.abs(wcs.pixelScaleArcsec / scaleArcsec - 1) > SCALE_TOLERANCE)
    return fault("WRONG_SIZE", `${scaleArcsec} arcsec/px were asked for, ${wcs.pixelScaleArcsec.toFixed(4)} came`);
  const at = wcs.skyToPixel(raDeg, decDeg);
  const off =
    at === null
      ? Number.POSITIVE_INFINITY
      : Math.max(Math.abs(at.x - (widthPx - 1) / 2), Math.abs(at.y - (heightPx - 1) / 2));
  if (off > CENTRE_TOLERANCE_PX)
    return fault("WRONG_PLACE", `the position is ${off.toFixed(1)} px from the middle of the image by its coordinates`);
  return null;
}

/** A plane of an image HDU. */
export interface PlanePlace {
  image: ImageHdu;
  plane: number;
}

/**
 * The plane of each wanted band: by the names in the header where it names all of its planes, else in the order in which they were
 * asked for. Null where one is missing.
 */
export function placesOf(images: ImageHdu[], bands: string[]): PlanePlace[] | null {
  const planes = images.flatMap((image) => Array.from({ length: image.planes }, (_, plane) => ({ image, plane })));
  const names = images.flatMap((image) =>
    image.planes > 1
      ? (namedCubeBands(image.cards, image.planes) ?? Array<null>(image.planes).fill(null))
      : [bandOfHeader(image.cards)],
  );
  if (names.some((name) => name === null)) return planes.length === bands.length ? planes : null;
  const found = bands.map((band) => planes[names.indexOf(band)]);
  return found.includes(undefined as never) ? null : found;
}

/** Coordinates of an image, or null where it has none that are understood. */
function coordinates(cards: FitsHdu["cards"], hdus: FitsHdu[]) {
  try {
    return parseWcs(cards, hdus[0].cards);
  } catch {
    return null;
  }
}
