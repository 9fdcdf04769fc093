/** What of a download is there already: files and a journal in `OUT.download`, so that a stopped run goes on where it was. */
import {
  appendFileSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { SkyloopError } from "../../base/errors.ts";
import { hashBytes, readJson, writeError, writeFileAtomic } from "../../base/files.ts";
import { differenceOf } from "../work-journal.ts";

/** A file that came (`from`: the address that a redirection led to), or why none did. */
export type Outcome =
  | { row: number; part: string; at: string; url: string; from?: string; bytes: number; sha256: string }
  | { row: number; part: string; at: string; url: string; code: string; message: string; again: boolean };

/** The file names of a position's bands, as the service's table gave them. */
export interface Names {
  row: number;
  names: Record<string, string>;
}

const now = () => new Date().toISOString();
const keyOf = (row: number, part: string) => `${row} ${part}`;
const FSYNC_EVERY_MS = 2000;

/** The folder in which a survey's files are gathered. */
export const downloadFolderOf = (out: string) => `${out}.download`;

/** The state of one download. Whoever opens it holds its lock. */
export class Journal {
  readonly folder: string;
  readonly #path: string;
  readonly #outcomes = new Map<string, Outcome>();
  readonly #names = new Map<number, Record<string, string>>();
  readonly #failedBefore: Set<number>;
  readonly #file: number;
  #synced = performance.now();

  /**
   * Begins a download, or goes on with one of the same `request`. Throws DOWNLOAD_DIFFERS where the folder holds another one,
   * FOLDER_IN_THE_WAY, WRITE_FAILED.
   */
  constructor(folder: string, request: Record<string, unknown>) {
    this.folder = folder;
    this.#path = join(folder, "journal.jsonl");
    const about = join(folder, "request.json");
    try {
      if (!existsSync(about)) this.#begin(about, request);
      else checkSame(folder, readJson(about) as Record<string, unknown>, request);
      this.#read();
      this.#failedBefore = this.#failed();
      this.#file = openSync(this.#path, "a");
    } catch (cause) {
      throw writeError(folder, cause);
    }
  }

  #begin(about: string, request: Record<string, unknown>): void {
    if (existsSync(this.folder))
      if (existsSync(this.#path) || !isEmptyFolder(this.folder))
        throw new SkyloopError(
          "FOLDER_IN_THE_WAY",
          `${this.folder} is where the files would be gathered, and it is no download of Skyloop; move it away or choose another name`,
        );
    mkdirSync(join(this.folder, "files"), { recursive: true });
    writeFileAtomic(about, `${JSON.stringify(request, null, 2)}\n`);
  }

  /** Takes over every whole line whose file is there; a line that a kill cut short goes. */
  #read(): void {
    if (!existsSync(this.#path)) return;
    const text = readFileSync(this.#path);
    const whole = text.lastIndexOf(10) + 1;
    if (whole < text.length) truncateSync(this.#path, whole);
    for (const line of text.toString("utf8", 0, whole).split("\n")) {
      if (line === "") continue;
      const entry = JSON.parse(line) as Outcome | Names;
      if ("names" in entry) this.#named(entry);
      else if ("code" in entry || sizeOf(this.pathOf(entry.row, entry.part)) === entry.bytes)
        this.#outcomes.set(keyOf(entry.row, entry.part), entry);
      else this.#outcomes.delete(keyOf(entry.row, entry.part));
    }
  }

  /** Where the file of an object (and band) lies. */
  pathOf(row: number, part: string): string {
    return join(this.folder, "files", `${String(row).padStart(6, "0")}${part === "" ? "" : `-${part}`}`);
  }

  outcome(row: number, part: string): Outcome | undefined {
    return this.#outcomes.get(keyOf(row, part));
  }

  names(row: number): Record<string, string> | null {
    return this.#names.get(row) ?? null;
  }

  /** Keeps a file: it stands whole before the journal says so. */
  keep(row: number, part: string, url: string, { bytes, url: from }: { bytes: Uint8Array; url: string }): void {
    const path = this.pathOf(row, part);
    try {
      writeFileSync(`${path}.tmp`, bytes);
      renameSync(`${path}.tmp`, path);
    } catch (cause) {
      throw writeError(path, cause);
    }
    const redirected = from === url ? {} : { from };
    this.#add({ row, part, at: now(), url, ...redirected, bytes: bytes.length, sha256: hashBytes(bytes) });
  }

  /** Says why there is no file. */
  miss(row: number, part: string, url: string, why: { code: string; message: string; again: boolean }): void {
    this.#add({ row, part, at: now(), url, code: why.code, message: why.message, again: why.again });
  }

  /** Keeps the names of a position's files. */
  learn(row: number, names: Record<string, string>): void {
    this.#named({ row, names });
    this.#write({ row, names });
  }

  /** What was said of the whole object, before its files had names, is over. */
  #named({ row, names }: Names): void {
    this.#names.set(row, names);
    this.#outcomes.delete(keyOf(row, ""));
  }

  /** How many objects another run may bring. */
  unfinished(): number {
    return this.#failed().size;
  }

  /** Whether an object could not be had when the journal was opened. */
  hasFailed(row: number): boolean {
    return this.#failedBefore.has(row);
  }

  #failed(): Set<number> {
    const outcomes = [...this.#outcomes.values()];
    return new Set(outcomes.flatMap((outcome) => ("code" in outcome && outcome.again ? [outcome.row] : [])));
  }

  /** All outcomes in the catalogue's order, a JSON line each. */
  lines(): string {
    const sorted = [...this.#outcomes.values()].sort((a, b) => a.row - b.row || (a.part < b.part ? -1 : 1));
    return sorted.map((outcome) => `${JSON.stringify(outcome)}\n`).join("");
  }

  #add(outcome: Outcome): void {
    this.#outcomes.set(keyOf(outcome.row, outcome.part), outcome);
    this.#write(outcome);
  }

  #write(entry: Outcome | Names): void {
    try {
      appendFileSync(this.#file, `${JSON.stringify(entry)}\n`);
      // A kill loses nothing that was written; a power cut at most these seconds.
      if (performance.now() - this.#synced < FSYNC_EVERY_MS) return;
      fsyncSync(this.#file);
      this.#synced = performance.now();
    } catch (cause) {
      throw writeError(this.#path, cause);
    }
  }

  close(): void {
    closeSync(this.#file);
  }

  /** Removes the files and the journal. */
  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size;

const isEmptyFolder = (path: string) => statSync(path).isDirectory() && readdirSync(path).length === 0;

function checkSame(folder: string, before: Record<string, unknown>, now: Record<string, unknown>): void {
  const differs = differenceOf(before, now);
  if (differs === null) return;
  throw new SkyloopError(
    "DOWNLOAD_DIFFERS",
    `${folder} holds a download that was begun otherwise (${differs}); finish that one with the same options, or delete the folder to begin anew`,
  );
}
