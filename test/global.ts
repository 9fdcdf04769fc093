/** Around a whole run of tests: a folder for the PostgreSQL server that they share, and its end. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TestPostgres } from "./fixtures/postgres.ts";

/** Makes the folder; whoever needs the server starts it there. Returns what ends it. */
export default function setup(): () => Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "skyloop-postgres-"));
  // The server runs as its own user.
  chmodSync(folder, 0o711);
  process.env.SKYLOOP_TEST_POSTGRES = folder;
  return async () => {
    await new TestPostgres(join(folder, "server"), 0).stop();
    rmSync(folder, { recursive: true, force: true });
  };
}
