/** Around a whole run of tests: folders for the PostgreSQL server and the surveys that they share, and their end. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RUN, TestPostgres } from "./fixtures/postgres.ts";
import { SHARED_SURVEYS } from "./fixtures/surveys.ts";

/** Makes the folders, once for all projects; whoever needs the server starts it there. Returns what ends it. */
export default function setup(): (() => Promise<void>) | undefined {
  if (process.env.SKYLOOP_TEST_POSTGRES !== undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "skyloop-postgres-"));
  // The server runs as its own user.
  chmodSync(folder, 0o711);
  process.env.SKYLOOP_TEST_POSTGRES = folder;
  process.env[RUN] = String(process.pid);
  process.env[SHARED_SURVEYS] = join(folder, "surveys");
  mkdirSync(join(folder, "surveys"));
  return async () => {
    await new TestPostgres(join(folder, "server"), 0).stop();
    rmSync(folder, { recursive: true, force: true });
    delete process.env.SKYLOOP_TEST_POSTGRES;
    delete process.env[RUN];
    delete process.env[SHARED_SURVEYS];
  };
}
