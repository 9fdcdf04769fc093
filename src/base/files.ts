import { createHash } from "node:crypto";
import { closeSync, createReadStream, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { codeOf, messageOf, SkyloopError } from "./errors.ts";

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
    rmSync(temporary, { force: true });
    throw writeError(path, cause);
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

/** Turns a failed write into an error that says what to do. */
export function writeError(path: string, cause: unknown): SkyloopError {
  if (cause instanceof SkyloopError) return cause;
  if (codeOf(cause) === "ENOSPC")
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
    text = readFileSync(path, "utf8");
  } catch (cause) {
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
