import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PACKAGE_ROOT } from "../../src/base/paths.ts";

const source = readdirSync(join(PACKAGE_ROOT, "src"), { recursive: true, encoding: "utf8" })
  .filter((path) => /\.(ts|py)$/.test(path) && !/\.test\.ts$/.test(path))
  .map((path) => readFileSync(join(PACKAGE_ROOT, "src", path), "utf8"))
  .join("\n");
const listed = [
  ...readFileSync(join(PACKAGE_ROOT, "docs/errors.md"), "utf8").matchAll(/^\| `([A-Z0-9_]+)` *\|([^|]*)\|([^|]*)\|$/gm),
];

describe("docs/errors.md", () => {
  it("lists every code that the program ends with, answers with or lists among a survey's problems", () => {
    const thrown = new Set(
      [
        ...source.matchAll(/(?:\bSkyloopError\(\s*|\b_warn\(|\bcode: |\brefus(?:e|al)\((?:\w+,\s*)?)"([A-Z0-9_]+)"/g),
      ].map((match) => match[1]),
    );
    expect(thrown.size).toBeGreaterThan(10);
    const codes = listed.map((row) => row[1]);
    expect([...thrown].filter((code) => !codes.includes(code)).sort()).toEqual([]);
  });

  it("lists no code that the program does not know, and none twice", () => {
    const codes = listed.map((row) => row[1]);
    expect(codes.filter((code) => !source.includes(`"${code}"`))).toEqual([]);
    expect(codes.filter((code, i) => codes.indexOf(code) !== i)).toEqual([]);
  });

  it("says of each what it means and what to do", () => {
    for (const [, code, meaning, remedy] of listed) {
      expect(meaning.trim(), code).toMatch(/.{15}/);
      expect(remedy.trim(), code).toMatch(/.{10}/);
    }
  });
});
