/**
 * One writer a folder, by a lock that the operating system keeps: it ends with the process that holds it, whatever ends
 * that, and is seen by other containers and, where the network share passes locks on, by other hosts.
 */
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { hostname } from "node:os";
import { join } from "node:path";
import { codeOf, messageOf, SkyloopError } from "./errors.ts";
import { writeError } from "./files.ts";
import { log } from "./log.ts";

/** The part of libsql that is used: SQLite's locks are the only ones of the system that Node reaches. */
interface Database {
  exec(sql: string): void;
  close(): void;
}

/** SQLite's codes (https://www.sqlite.org/rescode.html). */
const [BUSY, LOCKED, IOERR, NOTADB, IOERR_LOCK] = [5, 6, 10, 26, 3850];
const ATTEMPTS = 20;

const rawCode = (cause: unknown) =>
  typeof cause === "object" && cause !== null && "rawCode" in cause ? Number(cause.rawCode) : 0;

/** Locks that this process holds: who asks again here must not touch their files (see `tryLock`). */
const here = new Map<string, { file: number; release(): void }>();

/**
 * Takes a folder for one writer and one purpose. Returns the release. Throws LOCKED while another process, or another
 * caller in this one, holds it; WRITE_FAILED.
 */
export function lockFolder(folder: string, purpose: string): () => void {
  let path: string;
  try {
    path = join(realpathSync(folder), `.lock-${purpose}`);
  } catch (cause) {
    throw writeError(folder, cause);
  }
  const held = (who: string) =>
    new SkyloopError("LOCKED", `${folder} is being written by ${who} (${purpose}); wait for it to end, or stop it`);
  const own = here.get(path);
  if (own !== undefined && leadsTo(path, own.file)) throw held(holderOf(path));
  // Somebody removed the file by hand: what is held is a lock on nothing.
  own?.release();
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const found = tryLock(path);
    if (typeof found === "function") return found;
    if (found !== null) throw held(found);
  }
  throw held(holderOf(path));
}

/** Whether somebody holds that lock of a folder now. */
export function isLocked(folder: string, purpose: string): boolean {
  try {
    lockFolder(folder, purpose)();
    return false;
  } catch (error) {
    if (codeOf(error) === "LOCKED") return true;
    throw error;
  }
}

/**
 * The release where the lock was taken, the holder's description where it is held, null where it is to be tried again.
 *
 * Whoever lets go removes the file, and a lock on a file that has lost its name is a lock on nothing. So the file is
 * also held open here: as long as it is, no other can get its number, and if the path leads to it in the end it led to
 * it all the time. Closing it lets go of SQLite's lock on it too, so that comes last.
 */
function tryLock(path: string): (() => void) | string | null {
  let file = -1;
  let db: Database | null = null;
  try {
    // A pipe under that name is no lock, and waiting for its reader would be for ever.
    file = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NONBLOCK, 0o666);
    db = opened(path);
    // An empty file that is never written to: only its lock counts.
    db.exec("BEGIN IMMEDIATE");
    if (leadsTo(path, file)) {
      describeHolder(path);
      const release = releaseOf(db, file, path);
      here.set(path, { file, release });
      return release;
    }
    letGo(db, file);
    return null;
  } catch (cause) {
    const code = rawCode(cause) & 0xff;
    if (db !== null) letGo(db, file);
    else if (file >= 0) closeSync(file);
    if (code === BUSY || code === LOCKED) return holderOf(path);
    if (code === NOTADB) {
      const older = olderHolder(path);
      if (older !== null) return `process ${older}`;
      // Emptied, not removed: where two find it so at once, neither takes away what the other has locked meanwhile.
      truncateSync(path);
      return null;
    }
    // The file lost its name while SQLite looked at it: once more.
    if (code === IOERR && rawCode(cause) !== IOERR_LOCK) return null;
    if (code !== IOERR) throw writeError(path, cause);
    log.warn({ path, message: messageOf(cause) }, "this file system keeps no locks; see that nobody else writes there");
    return () => {};
  }
}

function opened(path: string): Database {
  const Libsql = createRequire(import.meta.url)("libsql") as new (path: string, options: object) => Database;
  return new Libsql(path, { timeout: 0 });
}

/** Says who holds a lock, for people: nothing is decided by it. */
const holderFile = (path: string) => `${path}.holder`;

/** Whether a path names an open file. */
function leadsTo(path: string, file: number): boolean {
  const [named, open] = [statSync(path, { bigint: true, throwIfNoEntry: false }), fstatSync(file, { bigint: true })];
  return named !== undefined && named.ino === open.ino && named.dev === open.dev;
}

function describeHolder(path: string): void {
  try {
    writeFileSync(holderFile(path), `process ${process.pid} on ${hostname()}, since ${new Date().toISOString()}`);
  } catch {
    // The lock counts without it.
  }
}

function holderOf(path: string): string {
  try {
    return readFileSync(holderFile(path), "utf8");
  } catch {
    return "another process";
  }
}

function releaseOf(db: Database, file: number, path: string): () => void {
  let over = false;
  return () => {
    if (over) return;
    over = true;
    here.delete(path);
    try {
      // Removed while it is held: whoever opened it before finds, once it has the lock, that the name is gone.
      if (leadsTo(path, file)) {
        rmSync(holderFile(path), { force: true });
        rmSync(path, { force: true });
      }
    } finally {
      letGo(db, file);
    }
  };
}

function letGo(db: Database, file: number): void {
  try {
    db.exec("ROLLBACK");
  } catch {
    // There was no transaction to end.
  }
  db.close();
  closeSync(file);
}

/**
 * Earlier versions wrote their process's number into the file: the number, where that process may still live. One that
 * began after the file was written is another that got the same number, as in a container that was started again.
 */
function olderHolder(path: string): number | null {
  const pid = Number(readFileSync(path, "utf8"));
  if (!(pid > 0) || pid === process.pid) return null;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (codeOf(error) !== "EPERM") return null;
  }
  const began = statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.ctimeMs ?? 0;
  return began > statSync(path).mtimeMs ? null : pid;
}
