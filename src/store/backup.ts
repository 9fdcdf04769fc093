/**
 * Backups of a survey's sessions: a folder with a database, the last rankings and `backup.json`, which names each file
 * with its SHA-256. Made while the survey is in use; stamps and features are not in it.
 */
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { SkyloopError } from "../base/errors.ts";
import { hashFile, readJson, syncFolder, writeError, writeFileAtomic } from "../base/files.ts";
import { type CopiedSession, copySessions } from "./copy.ts";
import { openStore, packStore } from "./sqlite.ts";
import type { Store, StoredSurvey } from "./store.ts";

const VERSION = 1;
const DATABASE = "skyloop.db";
/** Files of a session's last ranking and of how its rounds went, in the folder `loop`. */
const OF_A_SESSION = /\.(scores|assess\.json)$/;

const Backup = z.object({
  format: z.literal("skyloop-backup"),
  version: z.number().int(),
  createdAt: z.string(),
  survey: z.object({ name: z.string(), dataHash: z.string() }),
  sessions: z.array(z.object({ session: z.string(), events: z.number().int(), rounds: z.number().int() })),
  files: z.array(z.object({ name: z.string(), sha256: z.string() })),
});

/** What a backup says of itself. */
export type Backup = z.infer<typeof Backup>;

/**
 * Writes a backup of all sessions of `store` to a new folder `out`, whole or not at all. Each session is as it was at one
 * moment. `state` is the folder of the rankings. Throws FILE_EXISTS, DISK_FULL, WRITE_FAILED.
 */
export async function writeBackup(
  store: Store,
  { name, dataHash }: StoredSurvey,
  state: string,
  out: string,
  report: (copied: CopiedSession) => void = () => {},
): Promise<Backup> {
  if (existsSync(out))
    throw new SkyloopError("FILE_EXISTS", `${out} exists already; give each backup a name of its own`);
  const partial = `${out}.${process.pid}.tmp`;
  const work = mkdtempSync(join(tmpdir(), "skyloop-backup-"));
  try {
    mkdirSync(join(partial, "loop"), { recursive: true });
    const copy = await openStore(work);
    const sessions: Backup["sessions"] = [];
    try {
      await copySessions(store, copy, (copied) => {
        const { session, events, rounds } = copied;
        sessions.push({ session, events, rounds });
        report(copied);
      });
    } finally {
      await copy.close();
    }
    packStore(work, join(partial, DATABASE));
    for (const file of rankingsIn(state)) copyFileSync(join(state, "loop", file), join(partial, "loop", file));
    const names = [DATABASE, ...rankingsIn(partial).map((file) => `loop/${file}`)];
    const files = await Promise.all(
      names.map(async (file) => ({ name: file, sha256: await hashFile(join(partial, file)) })),
    );
    const createdAt = new Date().toISOString();
    const about = {
      format: "skyloop-backup",
      version: VERSION,
      createdAt,
      survey: { name, dataHash },
      sessions,
      files,
    };
    writeFileAtomic(join(partial, "backup.json"), `${JSON.stringify(about, null, 2)}\n`);
    syncFolder(partial);
    renameSync(partial, out);
    return about as Backup;
  } catch (cause) {
    rmSync(partial, { recursive: true, force: true });
    throw writeError(out, cause);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

const rankingsIn = (folder: string): string[] =>
  existsSync(join(folder, "loop")) ? readdirSync(join(folder, "loop")).filter((file) => OF_A_SESSION.test(file)) : [];

/**
 * Reads what a backup says of itself and compares every file with its SHA-256. Throws BACKUP_MISSING, BACKUP_NEWER,
 * BACKUP_BROKEN.
 */
export async function checkBackup(folder: string): Promise<Backup> {
  const path = join(folder, "backup.json");
  if (!existsSync(path))
    throw new SkyloopError(
      "BACKUP_MISSING",
      `${folder} is no backup (no backup.json); make one with \`skyloop backup\``,
    );
  const read = readJson(path) as { version?: number };
  const broken = (what: string) =>
    new SkyloopError("BACKUP_BROKEN", `${folder}: ${what}; take another backup, this one is not as it was written`);
  if ((read?.version ?? 0) > VERSION)
    throw new SkyloopError("BACKUP_NEWER", `${folder} was written by a newer Skyloop; update this one`);
  const parsed = Backup.safeParse(read);
  if (!parsed.success) throw broken("backup.json says no backup");
  for (const { name, sha256 } of parsed.data.files) {
    if (name !== DATABASE && !(name.startsWith("loop/") && OF_A_SESSION.test(name) && !name.includes("..")))
      throw broken(`backup.json names ${name}, which no backup holds`);
    if (!existsSync(join(folder, name))) throw broken(`${name} is not there`);
    if ((await hashFile(join(folder, name))) !== sha256) throw broken(`${name} was changed`);
  }
  return parsed.data;
}

/**
 * Puts the sessions of a backup that has been checked into `store`; those that are there, the same, stay. Rankings come
 * with them where `state` has none. The backup itself is only read: a database of an older version is brought up to
 * date in a copy. Throws as `copySessions`.
 */
export async function restoreBackup(
  folder: string,
  { files }: Backup,
  store: Store,
  state: string,
  report: (copied: CopiedSession) => void = () => {},
): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), "skyloop-restore-"));
  try {
    copyFileSync(join(folder, DATABASE), join(work, DATABASE));
    const source = await openStore(work);
    try {
      await copySessions(source, store, report);
    } finally {
      await source.close();
    }
    mkdirSync(join(state, "loop"), { recursive: true });
    for (const { name } of files)
      if (name !== DATABASE && !existsSync(join(state, name))) cpSync(join(folder, name), join(state, name));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/**
 * Moves a survey's SQLite database and its rankings aside, so that a backup can take their place. Returns the folder that
 * holds them now; null where there is none.
 */
export function moveAside(state: string): string | null {
  const there = readdirSync(state).filter((file) => file.startsWith(DATABASE) || file === "loop");
  if (there.length === 0) return null;
  const aside = join(state, `before-restore-${new Date().toISOString().replace(/[:.]/g, "-")}`);
  try {
    mkdirSync(aside);
    for (const file of there) renameSync(join(state, file), join(aside, file));
    return aside;
  } catch (cause) {
    throw writeError(aside, cause);
  }
}
