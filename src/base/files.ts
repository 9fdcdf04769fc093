import { createHash } from "node:crypto";
import {
  closeSync,
  constants,
  createReadStream,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { codeOf, isDiskFull, messageOf, SkyloopError } from "./errors.ts";

/**
 * Writes a file so that a reader sees the old content or the new one, never a part, whatever is killed when:
 * temporary name, fsync, rename, fsync of the folder. Throws DISK_FULL or WRITE_FAILED; the old file then stands.
 */
export function writeFileAtomic(path: string, content: string | Uint8Array | Iterable<Uint8Array>): void {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    const file = openSync(temporary, "w");
    try {
      const whole = typeof content === "string" ? Buffer.from(content) : content;
      const parts = whole instanceof Uint8Array ? [whole] : whole;
      for (const part of parts)
        for (let at = 0; at < part.byteLength; )
          at += writeSync(file, part, at, Math.min(part.byteLength - at, 2 ** 30));
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
    syncFolder(dirname(path));
  } catch (cause) {
    const error = writeError(path, cause);
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Makes a rename or a new file in this folder survive a power cut. */
export function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** Less free space than this is what a write failed for whose library does not say why (cfitsio). */
const FULL_BYTES = 1 << 16;

function leavesNoSpace(path: string, cause: unknown): boolean {
  if (isDiskFull(cause)) return true;
  if (codeOf(cause) !== undefined) return false;
  try {
    const { bavail, bsize } = statfsSync(dirname(path));
    return bavail * bsize < FULL_BYTES;
  } catch {
    return false;
  }
}

/** Turns a failed write into an error that says what to do; to be asked before what was written is removed. */
export function writeError(path: string, cause: unknown): SkyloopError {
  if (cause instanceof SkyloopError) return cause;
  if (leavesNoSpace(path, cause))
    return new SkyloopError(
      "DISK_FULL",
      `no space left while writing ${path}; free some space and run the same command again: what was finished is kept`,
      {
        cause,
      },
    );
  return new SkyloopError(
    "WRITE_FAILED",
    `cannot write ${path}: ${messageOf(cause)}; check that the folder exists and may be written`,
    { cause },
  );
}

/**
 * Opens a plain file for reading. Whoever opens a pipe or a device waits until somebody writes there, on the thread that
 * answers everybody; such a file is refused instead. Throws FILE_UNREADABLE, and what the system says where there is none.
 */
export function openToRead(path: string): number {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  if (fstatSync(file).isFile()) return file;
  closeSync(file);
  throw new SkyloopError("FILE_UNREADABLE", `${path} is no plain file; check the path`);
}

/** A plain file's bytes. Throws as `openToRead`. */
export function readWhole(path: string): Buffer {
  const file = openToRead(path);
  try {
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

/** SHA-256 of a file's bytes, hexadecimal. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const part of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(part as Buffer);
  return hash.digest("hex");
}

/** SHA-256 of bytes or text, hexadecimal. */
export function hashBytes(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** Reads JSON; throws BAD_JSON naming the file. */
export function readJson(path: string): unknown {
  let text: string;
  try {
    text = readWhole(path).toString("utf8");
  } catch (cause) {
    if (cause instanceof SkyloopError) throw cause;
    throw new SkyloopError("FILE_UNREADABLE", `cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SkyloopError(
      "BAD_JSON",
      `${path} is not valid JSON (${messageOf(cause)}); restore it from a copy or make it again`,
      { cause },
    );
  }
}
