/** What killed processes leave behind: files under a temporary name, folders of exports. */
import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { codeOf } from "./errors.ts";

/** Nothing that was touched so lately is a leftover: its writer may live on another host that shares the folder. */
const QUIET_MS = 60_000;

/** Names with the number of the process that made them: `catalogue.parquet.123.tmp`, `skyloop-export-123-x7`. */
const TEMPORARY = /\.(\d+)\.tmp$/;
const EXPORT = /^skyloop-export-(\d+)-/;

/** Beginning of a temporary folder's name by which a later start knows whose it was. */
export const exportPrefix = (): string => `skyloop-export-${process.pid}-`;

/** Removes files of `folders` that processes which are gone left under temporary names. Returns what was removed. */
export function removeLeftovers(folders: string[]): string[] {
  return folders.flatMap((folder) => removeIn(folder, TEMPORARY));
}

/** Removes folders of exports that processes which are gone left in the folder for temporary files. */
export function removeExports(folder: string): string[] {
  return removeIn(folder, EXPORT);
}

function removeIn(folder: string, pattern: RegExp): string[] {
  const removed: string[] = [];
  for (const name of namesIn(folder)) {
    const pid = Number(pattern.exec(name)?.[1]);
    const path = join(folder, name);
    if (!(pid > 0) || !isLeft(pid, path)) continue;
    try {
      rmSync(path, { recursive: true, force: true });
      removed.push(path);
    } catch {
      // What may not be removed does no harm either.
    }
  }
  return removed;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function isLeft(pid: number, path: string): boolean {
  const touched = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY;
  if (pid === process.pid || Date.now() - touched < QUIET_MS) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === "ESRCH";
  }
  // Another process may have got the number since.
  return (statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.ctimeMs ?? 0) > touched;
}
