/** Bringing a survey's database to rest before its file is moved. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { codeOf, messageOf, SkyloopError } from "../base/errors.ts";

interface Database {
  exec(sql: string): void;
  close(): void;
}

/**
 * Writes the log of `skyloop.db` into it and ends the log, so that the one file holds every label; the next program to
 * open it begins a log again. A file that is no database is left as it is. Throws SURVEY_IN_USE where another program
 * has it open.
 */
export function settleStore(folder: string): void {
  const path = join(folder, "skyloop.db");
  if (!existsSync(path)) return;
  let db: Database | null = null;
  try {
    const Libsql = createRequire(import.meta.url)("libsql") as new (path: string, options: object) => Database;
    db = new Libsql(path, { timeout: 2000 });
    // Another mode than the log's needs the file for itself alone.
    db.exec("PRAGMA journal_mode = DELETE");
  } catch (cause) {
    if (/locked|busy/i.test(`${codeOf(cause) ?? ""} ${messageOf(cause)}`))
      throw new SkyloopError(
        "SURVEY_IN_USE",
        `${folder} is open in another program (a server, or a search); end it and run the same command again`,
        { cause },
      );
  } finally {
    db?.close();
  }
}
