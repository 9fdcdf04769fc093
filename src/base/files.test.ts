import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { temporaryFolder } from "../../test/fixtures/surveys.ts";
import { codedError, SkyloopError } from "./errors.ts";
import { openToRead, readJson, readWhole, writeError, writeFileAtomic } from "./files.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());
const at = (name: string) => join(folder.path, name);
const thrownBy = (body: () => unknown): unknown => {
  try {
    return body();
  } catch (error) {
    return error;
  }
};
const system = (code: string) => Object.assign(new Error(`${code}: refused`), { code, syscall: "mkdir", path: "/x" });

it("gives what the system refuses a code, and leaves faults of the program as they are", () => {
  const codes = ["EACCES", "EROFS", "EPERM", "EIO", "ENOENT", "ENAMETOOLONG", "ENOSPC", "EDQUOT"];
  expect(codes.map((code) => codedError(system(code))?.code)).toEqual([
    ...Array(4).fill("FILE_REFUSED"),
    ...Array(2).fill("FILE_UNREADABLE"),
    ...Array(2).fill("DISK_FULL"),
  ]);
  expect(codedError(new TypeError("x is not a function"))).toBeNull();
  expect(codedError(undefined)).toBeNull();
  const own = new SkyloopError("LOCKED", "");
  expect(codedError(own)).toBe(own);
});

it("knows a full disk by what libraries say of it, too", () => {
  const codeOfWrite = (cause: unknown) => writeError(at("x"), cause).code;
  expect(codeOfWrite(new Error('IO Error: Could not write file "t.csv": No space left on device'))).toBe("DISK_FULL");
  expect(codeOfWrite(new Error("cfitsio 106: error writing to FITS file"))).toBe("WRITE_FAILED");
});

it("refuses to wait for a pipe or a device, and reads plain files and links to them", () => {
  spawnSync("mkfifo", [at("pipe.json")]);
  mkdirSync(at("folder"));
  for (const path of [at("pipe.json"), at("folder"), "/dev/zero"])
    expect(thrownBy(() => openToRead(path))).toMatchObject({ code: "FILE_UNREADABLE" });
  expect(thrownBy(() => readJson(at("pipe.json")))).toMatchObject({ code: "FILE_UNREADABLE" });
  writeFileSync(at("plain"), "here");
  expect(readWhole(at("plain")).toString()).toBe("here");
  expect(thrownBy(() => readWhole(at("none")))).toMatchObject({ code: "ENOENT" });
});

it("leaves the old file and nothing else where a write fails", () => {
  mkdirSync(at("kept"));
  mkdirSync(join(at("kept"), "taken"));
  expect(thrownBy(() => writeFileAtomic(join(at("kept"), "taken"), "x"))).toMatchObject({ code: "WRITE_FAILED" });
  expect(readdirSync(at("kept"))).toEqual(["taken"]);
});
