/**
 * Where sessions, rankings and maps of a survey are kept: beside it, or in a folder of this person's where the survey may
 * only be read (a shared disk, a set of somebody else's, a read-only mount).
 */
import { accessSync, constants, cpSync, existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { writeError } from "../base/files.ts";
import type { StoredSurvey } from "./store.ts";

const DATABASE = "skyloop.db";

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

/** Makes a state folder that is not there yet, with the labels and rankings that the survey came with. Throws WRITE_FAILED. */
export function makeState(folder: string, state: string): void {
  if (state === folder || existsSync(state)) return;
  const partial = `${state}.${process.pid}.partial`;
  try {
    mkdirSync(dirname(state), { recursive: true });
    mkdirSync(partial);
    const kept = readdirSync(folder).filter((file) => file.startsWith(DATABASE) || file === "loop");
    for (const file of kept) cpSync(join(folder, file), join(partial, file), { recursive: true });
    renameSync(partial, state);
  } catch (cause) {
    // Another process may have made it in the meantime.
    if (!existsSync(state)) throw writeError(state, cause);
  }
}
