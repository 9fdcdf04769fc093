import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/fixtures/surveys.ts";
import { lockFolder } from "./lock.ts";
import { PACKAGE_ROOT } from "./paths.ts";

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());
const file = () => join(folder.path, ".lock-test");

/** A process that tries to take the lock `times` times, holds it a moment, and counts in a file what it saw. */
function contender(times: number) {
  const child = spawn(
    process.execPath,
    ["--import", "tsx", join(PACKAGE_ROOT, "test/fixtures/lock-contender.mts"), folder.path, String(times)],
    { cwd: PACKAGE_ROOT, stdio: ["ignore", "pipe", "inherit"] },
  );
  let text = "";
  child.stdout.on("data", (part: Buffer) => {
    text += part;
  });
  return { child, said: () => text };
}

describe("a folder's lock", () => {
  it("is one writer's for one purpose, and leaves nothing when it is released", () => {
    const release = lockFolder(folder.path, "test");
    expect(() => lockFolder(folder.path, "test")).toThrow(new RegExp(`process ${process.pid} on`));
    lockFolder(folder.path, "other")();
    release();
    release();
    expect(existsSync(file())).toBe(false);
    lockFolder(folder.path, "test")();
  });

  it("ends with the process that held it, and not before", async () => {
    const { child, said } = contender(0);
    while (!said().includes("held")) await once(child.stdout, "data");
    expect(() => lockFolder(folder.path, "test")).toThrow(new RegExp(`process ${child.pid} on`));
    child.kill("SIGKILL");
    await once(child, "close");
    expect(existsSync(file())).toBe(true);
    lockFolder(folder.path, "test")();
  });

  it("is never two processes' at once, though they let go and take it again and again", async () => {
    const all = [contender(150), contender(150), contender(150)];
    await Promise.all(all.map(({ child }) => once(child, "close")));
    const told = all.map(({ said }) => JSON.parse(said()) as { taken: number; shared: number });
    expect(told.map(({ shared }) => shared)).toEqual([0, 0, 0]);
    expect(told.map(({ taken }) => taken)).toEqual([150, 150, 150]);
  }, 60_000);

  it("of an earlier version is respected while its process lives, and taken over when it does not", async () => {
    const { child, said } = contender(-1);
    while (!said().includes("alive")) await once(child.stdout, "data");
    writeFileSync(file(), `${child.pid}\n`);
    expect(() => lockFolder(folder.path, "test")).toThrow(new RegExp(`process ${child.pid} `));
    // A process that began after the lock was written has only the same number.
    utimesSync(file(), 1000, 1000);
    lockFolder(folder.path, "test")();
    for (const content of [`${process.pid}\n`, "garbage", "999999999\n"]) {
      writeFileSync(file(), content);
      lockFolder(folder.path, "test")();
    }
    child.kill("SIGKILL");
  });
});
