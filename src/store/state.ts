/**
 * Where sessions, rankings and maps of a survey are kept: beside it, or in a folder of this person's where the survey may
 * only be read (a shared disk, a set of somebody else's, a read-only mount).
 */
import {
  accessSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { messageOf } from "../base/errors.ts";
import { readJson, writeError, writeFileAtomic } from "../base/files.ts";
import { log } from "../base/log.ts";
import type { StoredSurvey } from "./store.ts";

const DATABASE = "skyloop.db";
const ORIGIN = "copied.json";

interface Database {
  prepare(sql: string): { get(): { n: number } };
  close(): void;
}

/** Whether files can be made in a folder; a folder that is not there counts as one that can be made. */
function mayWrite(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return !existsSync(folder);
  }
}

/**
 * The folder that holds, or will hold, the labels of the survey in `folder`. Elsewhere it is named by the survey's name
 * and data, below SKYLOOP_STATE, else below XDG_STATE_HOME, else `~/.local/state`. Nothing is made.
 */
export function stateFolder(folder: string, { name, dataHash, formerHashes }: StoredSurvey): string {
  if (mayWrite(folder)) return folder;
  const { SKYLOOP_STATE, XDG_STATE_HOME } = process.env;
  const below = SKYLOOP_STATE || join(XDG_STATE_HOME || join(homedir(), ".local/state"), "skyloop");
  const places = [dataHash, ...formerHashes].map((hash) => join(below, `${name}-${hash.slice(0, 12)}`));
  return places.find((place) => existsSync(place)) ?? places[0];
}

/**
 * Makes a state folder that is not there yet, with the labels and rankings that the survey came with. One that nobody
 * has written in since is made anew where those have changed; another is left, and the log says that the two have
 * parted. Throws WRITE_FAILED, DISK_FULL.
 */
export function makeState(folder: string, state: string): void {
  if (state === folder) return;
  if (existsSync(state)) {
    renewState(folder, state);
    return;
  }
  try {
    copyState(folder, state);
  } catch (cause) {
    // Another process may have made it in the meantime.
    if (!existsSync(state)) throw writeError(state, cause);
  }
}

/** What a state folder began with. */
interface Origin {
  /** The survey's database as it was then: `versionOf`. */
  from: string;
  /** `extentOf` the copy. */
  extent: string;
}

function copyState(folder: string, state: string): void {
  const partial = `${state}.${process.pid}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(dirname(state), { recursive: true });
  mkdirSync(partial);
  try {
    const from = versionOf(folder);
    const kept = readdirSync(folder).filter((file) => file.startsWith(DATABASE) || file === "loop");
    for (const file of kept) cpSync(join(folder, file), join(partial, file), { recursive: true });
    const origin: Origin = { from, extent: extentOf(partial) };
    writeFileAtomic(join(partial, ORIGIN), `${JSON.stringify(origin)}\n`);
    renameSync(partial, state);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

function renewState(folder: string, state: string): void {
  const path = join(state, ORIGIN);
  // Made by an earlier version: what it began with is not known.
  if (!existsSync(path)) return;
  const { from, extent } = readJson(path) as Origin;
  if (versionOf(folder) === from) return;
  const aside = `${state}.${process.pid}.old`;
  try {
    if (extent !== "unknown" && extentOf(state) === extent) {
      renameSync(state, aside);
      try {
        // Again where no other program finds it any more.
        if (extentOf(aside) !== extent) throw new Error("another program has labelled there in this moment");
        copyState(folder, state);
      } catch (cause) {
        renameSync(aside, state);
        throw cause;
      }
      rmSync(aside, { recursive: true, force: true });
      return;
    }
  } catch (error) {
    // No room for another copy, say: what is there serves.
    log.warn({ state, why: messageOf(error) }, "the survey's newer labels could not be taken over");
    return;
  }
  log.warn(
    { survey: folder, state },
    "somebody has labelled in the survey itself since these labels parted from it; to begin with theirs, move this folder away",
  );
}

/** Changes with every label that is written in a folder. */
function versionOf(folder: string): string {
  const files = [DATABASE, `${DATABASE}-wal`].map((name) => statSync(join(folder, name), { throwIfNoEntry: false }));
  return files.map((file) => (file === undefined ? "none" : `${file.size} ${file.mtimeMs}`)).join(", ");
}

/** How many sessions and events a folder's database has; it may be written. */
function extentOf(folder: string): string {
  const path = join(folder, DATABASE);
  if (!existsSync(path)) return "0 sessions, 0 events";
  const Libsql = createRequire(import.meta.url)("libsql") as new (path: string) => Database;
  const db = new Libsql(path);
  try {
    const count = (table: string) => db.prepare(`SELECT count(*) AS n FROM ${table}`).get().n;
    return `${count("sessions")} sessions, ${count("events")} events`;
  } catch {
    // Damaged: `openStore` says so.
    return "unknown";
  } finally {
    db.close();
  }
}
