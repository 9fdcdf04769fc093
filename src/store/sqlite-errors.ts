/** The part of libsql that is used, and what its errors mean to a person. */
import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import { messageOf, SkyloopError } from "../base/errors.ts";

/** The part of libsql's synchronous interface (better-sqlite3's) that is used; its own types are for another class. */
export interface Database {
  exec(sql: string): void;
  pragma(text: string): unknown;
  prepare(sql: string): {
    run(...values: unknown[]): { changes: number; lastInsertRowid: number };
    get(...values: unknown[]): unknown;
    all(...values: unknown[]): unknown[];
  };
  close(): void;
}

/** SQLite's primary result codes (https://www.sqlite.org/rescode.html). */
const CODES = { BUSY: 5, LOCKED: 6, READONLY: 8, IOERR: 10, FULL: 13, CANTOPEN: 14 } as const;
/** The database file has been moved or deleted since it was opened. */
const READONLY_DBMOVED = 1032;
/** With less than this free, a write that failed has failed for want of space. */
const LEAST_FREE_BYTES = 256 * 1024;

function codesOf(cause: unknown): { extended: number; primary: number } {
  const extended = typeof cause === "object" && cause !== null && "rawCode" in cause ? Number(cause.rawCode) : 0;
  return { extended, primary: extended & 0xff };
}

/** Whether another connection holds the lock: the same may be tried again. */
export function isBusy(cause: unknown): boolean {
  const { primary } = codesOf(cause);
  return primary === CODES.BUSY || primary === CODES.LOCKED;
}

/** Where a file cannot grow, SQLite may say that input or output failed: the file system knows better. */
function isFull(path: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(dirname(path));
    return bavail * bsize < LEAST_FREE_BYTES;
  } catch {
    return false;
  }
}

/** What went wrong with the database at `path`, with what to do. Nothing was saved, and the same may be sent again. */
export function storeError(path: string, cause: unknown): SkyloopError {
  if (cause instanceof SkyloopError) return cause;
  const { extended, primary } = codesOf(cause);
  const error = (code: string, message: string) => new SkyloopError(code, message, { cause });
  if (primary === CODES.FULL || (([CODES.IOERR, CODES.CANTOPEN] as number[]).includes(primary) && isFull(path)))
    return error(
      "DISK_FULL",
      `no space left for ${path}; nothing was saved: free some space, and it can be sent again`,
    );
  if (isBusy(cause))
    return error("STORE_BUSY", `another program has held ${path} for more than ten seconds; close it and try again`);
  if (extended === READONLY_DBMOVED) return replaced(path, cause);
  if (primary === CODES.READONLY || primary === CODES.CANTOPEN)
    return error(
      "STORE_READ_ONLY",
      `${path} cannot be written (${messageOf(cause)}); nothing was saved: check the rights of the file and its folder`,
    );
  if (primary === CODES.IOERR)
    return error(
      "STORE_IO",
      `${path}: the disk failed (${messageOf(cause)}); nothing was saved: check the disk or the network share, and send it again`,
    );
  return error("STORE_BROKEN", `${path}: ${messageOf(cause)}; if the file is damaged, restore it from a copy`);
}

/** The database is no longer the one that was opened. */
export function replaced(path: string, cause?: unknown): SkyloopError {
  return new SkyloopError(
    "STORE_REPLACED",
    `${path} was deleted, moved or replaced while it was in use; nothing was saved: put it back, or start Skyloop again to go on with what is there now`,
    { cause },
  );
}
