/** Text of a table from its bytes, whatever program wrote it. */
import { gunzipSync } from "node:zlib";
import { messageOf, SkyloopError } from "../base/errors.ts";

/** Longest table as text; V8 holds no longer strings. */
const MOST_BYTES = 500e6;

/**
 * UTF-8, or UTF-16 or UTF-8 by a byte-order mark, else (bytes that are no UTF-8) Windows-1252, which contains Latin-1.
 * Unpacks gzip. The mark itself is taken off. Throws TABLE_TOO_LARGE, TABLE_BROKEN.
 */
export function textOfBytes(packed: Uint8Array, name: string): string {
  const bytes = unpacked(packed, name);
  if (bytes.length > MOST_BYTES) throw tooLarge(name);
  const [a, b] = bytes;
  if (a === 0xff && b === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  if (a === 0xfe && b === 0xff) return new TextDecoder("utf-16be").decode(bytes);
  // UTF-16 without a mark: every other byte of what stands in ASCII is 0.
  if (a !== 0 && b === 0 && bytes[3] === 0) return new TextDecoder("utf-16le").decode(bytes);
  if (a === 0 && b !== 0 && bytes[2] === 0) return new TextDecoder("utf-16be").decode(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

function unpacked(bytes: Uint8Array, name: string): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: MOST_BYTES });
  } catch (cause) {
    if (cause instanceof RangeError) throw tooLarge(name);
    throw new SkyloopError("TABLE_BROKEN", `${name} cannot be unpacked: ${messageOf(cause)}; download it again`, {
      cause,
    });
  }
}

const tooLarge = (name: string) =>
  new SkyloopError(
    "TABLE_TOO_LARGE",
    `${name} has more than ${MOST_BYTES / 1e6} MB of text; convert it to Parquet, which is read column by column`,
  );
