import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { temporaryFolder } from "../../test/fixtures/surveys.ts";
import { exportPrefix, removeExports, removeLeftovers } from "./leftovers.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());
const at = (name: string) => join(folder.path, name);

it("what dead processes left is removed; what is young, another's, or the user's stays", () => {
  const { pid: dead } = spawnSync(process.execPath, ["-e", ""]);
  const minutesAgo = (path: string, minutes: number) => {
    const time = Date.now() / 1000 - 60 * minutes;
    utimesSync(path, time, time);
  };
  const files: [name: string, minutes: number][] = [
    [`survey.json.${dead}.tmp`, 5],
    [`young.${dead}.tmp`, 0.5],
    [`own.${process.pid}.tmp`, 5],
    [`parent.${process.ppid}.tmp`, 0.2],
    ["notes.tmp", 500],
    ["survey.json", 500],
  ];
  for (const [name, minutes] of files) {
    writeFileSync(at(name), "x");
    minutesAgo(at(name), minutes);
  }
  const exports = [`skyloop-export-${dead}-abc`, `${exportPrefix()}abc`, "skyloop-export-mine"];
  for (const name of exports) {
    mkdirSync(at(name));
    writeFileSync(join(at(name), "table.csv"), "x");
    minutesAgo(at(name), 5);
  }
  expect(removeLeftovers([folder.path, at("none")]).map((path) => basename(path))).toEqual([files[0][0]]);
  expect(removeExports(folder.path).map((path) => basename(path))).toEqual([exports[0]]);
  for (const name of [...files.slice(1).map(([one]) => one), ...exports.slice(1)])
    expect(existsSync(at(name))).toBe(true);
});
