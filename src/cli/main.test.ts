import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { PACKAGE_ROOT } from "../base/paths.ts";
import { buildProgram } from "./main.ts";

const elsewhere = mkdtempSync(join(tmpdir(), "skyloop-cli-"));
afterAll(() => rmSync(elsewhere, { recursive: true, force: true }));

const skyloop = join(PACKAGE_ROOT, "bin/skyloop");
const run = (program: string, ...args: string[]) => spawnSync(program, args, { cwd: elsewhere, encoding: "utf8" });

describe("bin/skyloop", () => {
  it("runs from any folder and through a symbolic link, as a global installation is", () => {
    symlinkSync(skyloop, join(elsewhere, "skyloop"));
    const { status, stdout, stderr } = run(join(elsewhere, "skyloop"), "--version");
    expect([status, stdout, stderr]).toEqual([0, expect.stringMatching(/^\d+\.\d+\.\d+\n$/), ""]);
  });

  it("shows help with examples, and ends well", () => {
    const { status, stdout } = run(skyloop, "--help");
    expect(status).toBe(0);
    for (const { name } of buildProgram().commands.map((command) => ({ name: command.name() })))
      expect(stdout).toContain(`  ${name}`);
    expect(stdout).toContain("skyloop start --images DIR");
  });

  it("answers a wrong command line on standard error with code 2", () => {
    const { status, stdout, stderr } = run(skyloop, "bake");
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toContain("unknown command 'bake'");
  });

  it.each([
    ["a verb", ["survey", "info", join(elsewhere, "nowhere")], /^skyloop: SURVEY_MISSING: .*nowhere/],
    [
      "a recipe",
      ["recipe", "table-1", "--data", join(elsewhere, "nowhere"), "--work", "work"],
      /^skyloop: IMAGES_MISSING: .*nowhere/,
    ],
  ])("answers a user's mistake with its code, without a stack, and code 2: %s", (_, args, said) => {
    const { status, stdout, stderr } = run(skyloop, ...args);
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(said);
    expect(stderr).not.toContain("    at ");
  });

  it("is quiet when its reader goes away", async () => {
    const child = spawn(skyloop, ["--help"], { cwd: elsewhere, stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.destroy();
    let said = "";
    child.stderr.on("data", (text) => {
      said += text;
    });
    const code = await new Promise((resolve) => child.on("close", resolve));
    expect([code, said]).toEqual([0, ""]);
  });
});

describe("buildProgram", () => {
  it("describes every verb and every option", () => {
    const visit = (command: ReturnType<typeof buildProgram>, path: string) => {
      expect(command.description(), path).not.toBe("");
      for (const option of command.options) expect(option.description, `${path} ${option.flags}`).not.toBe("");
      for (const below of command.commands) visit(below, `${path} ${below.name()}`);
    };
    visit(buildProgram(), "skyloop");
  });
});
