/**
 * Whether the files that an open database writes to are still those that its path names. SQLite goes on writing into
 * deleted files without an error: such a write must not be called saved.
 */
import { readSync, statSync } from "node:fs";
import { SkyloopError } from "../base/errors.ts";
import { openToRead } from "../base/files.ts";
import { replaced } from "./sqlite-errors.ts";

/** Of the header (https://www.sqlite.org/fileformat.html): the magic text, and the application id at byte 68. */
const HEADER_BYTES = 100;
const MAGIC = "SQLite format 3\0";

/** The files of one open database, to be checked before a write is called saved. */
export class FilesOnDisk {
  readonly #path: string;
  readonly #main: string;
  readonly #id: number;
  #log: string | null = null;

  /** Of a database that has just been opened at `path`. */
  constructor(path: string) {
    this.#path = path;
    this.#main = identity(path) ?? "";
    this.#id = headerOf(path, this.#main).id;
  }

  /** Throws STORE_REPLACED, STORE_BROKEN. */
  check(): void {
    // What was committed last rests in the log: it must be there as much as the database.
    const log = identity(`${this.#path}-wal`);
    if (identity(this.#path) !== this.#main || (this.#log !== null && log !== this.#log)) throw replaced(this.#path);
    this.#log ??= log;
    const { magic, id } = headerOf(this.#path, this.#main);
    if (magic !== MAGIC)
      throw new SkyloopError(
        "STORE_BROKEN",
        `${this.#path} is no database any more, something has written over it; restore it from a copy`,
      );
    if (id !== this.#id) throw replaced(this.#path);
  }
}

/** Device and number of a file; null where there is none. */
function identity(path: string): string | null {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? null : `${found.dev} ${found.ino}`;
}

/**
 * Open files, one for each database that this process has seen. None is ever closed: closing any file of a database
 * takes away the locks that SQLite holds on it for the whole process (https://www.sqlite.org/howtocorrupt.html, 2.2).
 */
const held = new Map<string, number>();

function headerOf(path: string, file: string): { magic: string; id: number } {
  let descriptor = held.get(file);
  if (descriptor === undefined) {
    descriptor = openToRead(path);
    held.set(file, descriptor);
  }
  const bytes = Buffer.alloc(HEADER_BYTES);
  readSync(descriptor, bytes, 0, HEADER_BYTES, 0);
  return { magic: bytes.toString("latin1", 0, 16), id: bytes.readUInt32BE(68) };
}
