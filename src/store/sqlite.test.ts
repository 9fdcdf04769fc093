import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/fixtures/surveys.ts";
import { PACKAGE_ROOT } from "../base/paths.ts";
import { MIGRATIONS } from "./schema.ts";
import { openStore } from "./sqlite.ts";
import { type Database, storeError } from "./sqlite-errors.ts";
import { label, SETTINGS, storeSuite } from "./suite.ts";

const folders: ReturnType<typeof temporaryFolder>[] = [];
let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
  folders.push(folder);
});
afterAll(() => {
  for (const one of folders) one.remove();
});
const file = () => join(folder.path, "skyloop.db");
const raw = () => {
  const Libsql = createRequire(import.meta.url)("libsql") as new (path: string, options: object) => Database;
  return new Libsql(file(), { timeout: 0 });
};

storeSuite("SQLite", async () => {
  const { path, remove } = temporaryFolder();
  return { open: () => openStore(path), remove };
});

function writer(who: string, count: number) {
  const child = spawn(
    process.execPath,
    ["--import", "tsx", join(PACKAGE_ROOT, "test/fixtures/label-writer.mts"), folder.path, "t", who, String(count)],
    { stdio: ["ignore", "pipe", "inherit"], cwd: PACKAGE_ROOT },
  );
  let text = "";
  child.stdout.on("data", (part: Buffer) => {
    text += part;
  });
  return { child, acknowledged: () => text.split("\n").slice(0, -1).map(Number) };
}

describe("what SQLite acknowledged", () => {
  it("is not lost to kill -9, at any moment", async () => {
    const store = await openStore(folder.path);
    await store.addSession("t", SETTINGS);
    for (let attempt = 0; attempt < 4; attempt++) {
      const { child, acknowledged } = writer(`w${attempt}`, 100_000);
      await once(child.stdout, "data");
      await new Promise((resolve) => setTimeout(resolve, 30 + 45 * attempt));
      child.kill("SIGKILL");
      await once(child, "close");
      const known = new Set((await store.events("t")).map(({ seq }) => seq));
      expect(acknowledged().length).toBeGreaterThan(0);
      for (const seq of acknowledged()) expect(known.has(seq)).toBe(true);
    }
    await store.close();
  });

  it("is never changed and never deleted", async () => {
    const store = await openStore(folder.path);
    await store.addSession("t", SETTINGS, [label("a")]);
    const db = raw();
    expect(() => db.exec("UPDATE events SET value = 'negative'")).toThrow(/never changed/);
    expect(() => db.exec("DELETE FROM events")).toThrow(/never deleted/);
    db.close();
    await store.close();
  });

  it("comes from two processes at once", async () => {
    const store = await openStore(folder.path);
    await store.addSession("t", SETTINGS);
    const writers = [writer("a", 60), writer("b", 60)];
    await Promise.all(writers.map(({ child }) => once(child, "close")));
    for (const { child, acknowledged } of writers) expect([child.exitCode, acknowledged().length]).toEqual([0, 60]);
    expect(await store.events("t")).toHaveLength(120);
    await store.close();
  });

  it("was written by an older Skyloop", async () => {
    const db = raw();
    db.exec(`PRAGMA journal_mode = WAL; ${MIGRATIONS[0]}; PRAGMA user_version = 1;`);
    const settings = JSON.stringify(SETTINGS);
    db.exec(`INSERT INTO sessions VALUES ('old', '2025-01-01', '${settings}')`);
    db.exec("INSERT INTO events VALUES (1, 'old', '2025-01-01', 'a', 0, 'label', 'x', 'positive', 'start', NULL)");
    db.close();
    const store = await openStore(folder.path);
    expect(await store.session("old")).toMatchObject(SETTINGS);
    const [added] = await store.addEvents("old", [label("y")]);
    expect((await store.events("old")).map(({ seq }) => seq)).toEqual([1, added.seq]);
    await store.close();
  });
});

describe("what SQLite cannot save", () => {
  it("waits for a lock without holding up the thread, and says who has it", async () => {
    const store = await openStore(folder.path, { patienceMs: 400 });
    await store.addSession("t", SETTINGS);
    const other = raw();
    other.exec("BEGIN EXCLUSIVE");
    let turns = 0;
    const timer = setInterval(() => turns++, 5);
    await expect(store.addEvents("t", [label("a")])).rejects.toMatchObject({ code: "STORE_BUSY" });
    expect(turns).toBeGreaterThan(5);
    const waiting = store.addEvents("t", [label("b", "k")]);
    setTimeout(() => other.exec("ROLLBACK"), 60);
    expect(await waiting).toHaveLength(1);
    expect(await store.events("t")).toHaveLength(1);
    clearInterval(timer);
    other.close();
    await store.close();
  });

  it.each([
    ["deleted", () => ["", "-wal", "-shm"].map((end) => rmSync(`${file()}${end}`, { force: true }))],
    ["robbed of its log", () => rmSync(`${file()}-wal`)],
    ["moved away", () => renameSync(file(), `${file()}.old`)],
  ] as const)("is not called saved when the database was %s", async (_, change) => {
    const store = await openStore(folder.path);
    await store.addSession("t", SETTINGS, [label("a")]);
    const failed = new Promise<Error>((resolve) => {
      store.subscribe("t", 0, { events() {}, failed: resolve });
    });
    change();
    await expect(store.addEvents("t", [label("b")])).rejects.toMatchObject({ code: "STORE_REPLACED" });
    expect(await failed).toMatchObject({ code: "STORE_REPLACED" });
    await store.close();
  });

  it("is not called saved when another database was put in its place, and is again when it comes back", async () => {
    const elsewhere = temporaryFolder();
    const other = await openStore(elsewhere.path);
    await other.addSession("t", SETTINGS);
    await other.close();
    const store = await openStore(folder.path);
    await store.addSession("t", SETTINGS);
    renameSync(file(), `${file()}.old`);
    copyFileSync(join(elsewhere.path, "skyloop.db"), file());
    await expect(store.addEvents("t", [label("a")])).rejects.toMatchObject({ code: "STORE_REPLACED" });
    renameSync(`${file()}.old`, file());
    expect(await store.addEvents("t", [label("b")])).toHaveLength(1);
    // Into the very same file:
    writeFileSync(file(), readFileSync(join(elsewhere.path, "skyloop.db")));
    await expect(store.addEvents("t", [label("c")])).rejects.toMatchObject({ code: "STORE_REPLACED" });
    writeFileSync(file(), "something else entirely".repeat(400));
    await expect(store.addEvents("t", [label("d")])).rejects.toMatchObject({ code: "STORE_BROKEN" });
    await store.close().catch(() => {});
    elsewhere.remove();
  });

  it("says that the disk is full, and goes on when it is not", (context) => {
    const inNamespace = (command: string[]) =>
      spawnSync("unshare", ["-r", "-m", ...command], { cwd: PACKAGE_ROOT, encoding: "utf8" });
    // A small disk of one's own needs a namespace, which not every container allows.
    if (inNamespace(["mount", "-t", "tmpfs", "tmpfs", folder.path]).status !== 0) return context.skip();
    const script = join(PACKAGE_ROOT, "test/fixtures/full-disk.mts");
    const { stdout, stderr } = inNamespace([process.execPath, "--import", "tsx", script, folder.path]);
    expect(stderr).toBe("");
    const { saved, code, after, events } = JSON.parse(stdout) as Record<string, number | string>;
    expect(code).toBe("DISK_FULL");
    expect(after).toBe(1);
    expect(events).toBe(Number(saved) + 1);
  });

  it.each([
    [8, "STORE_READ_ONLY"],
    [1032, "STORE_REPLACED"],
    [10, "STORE_IO"],
    [778, "STORE_IO"],
    [13, "DISK_FULL"],
    [5, "STORE_BUSY"],
    [14, "STORE_READ_ONLY"],
    [11, "STORE_BROKEN"],
  ])("has a code of its own: SQLite's %i is %s", (rawCode, code) => {
    expect(storeError(file(), Object.assign(new Error("x"), { rawCode })).code).toBe(code);
  });

  it("says what is wrong with a broken file", async () => {
    writeFileSync(file(), "this is no database at all, not even a little bit of one".repeat(40));
    await expect(openStore(folder.path)).rejects.toMatchObject({ code: "STORE_BROKEN" });
  });
});
