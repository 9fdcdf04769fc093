import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { PACKAGE_ROOT } from "./paths.ts";

const run = (...args: string[]) =>
  spawnSync(process.execPath, ["--import", "tsx", join(PACKAGE_ROOT, "test/fixtures/watched.mts"), ...args], {
    cwd: PACKAGE_ROOT,
    encoding: "utf8",
    timeout: 20_000,
  });

it("ends a process that native code would keep busy for ever", () => {
  const { signal, stdout, stderr } = run("deaf", "400");
  expect([signal, stdout]).toEqual(["SIGKILL", "busy"]);
  expect(stderr).toMatch(/nothing but one step for 0.4 s/);
});

it("ends a busy process whose parent has ended", async () => {
  const { stdout } = run("orphan");
  expect(Number(stdout)).toBeGreaterThan(0);
  await expect.poll(() => existsSync(`/proc/${stdout}`), { timeout: 5000 }).toBe(false);
});
