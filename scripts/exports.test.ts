import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { findExportFaults } from "./exports.ts";

it("finds what only a test uses, what need not be exported, and two meanings of a name", () => {
  const root = mkdtempSync(join(tmpdir(), "skyloop-exports-"));
  const write = (file: string, text: string) => {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  };
  write(
    "src/a.ts",
    "export const tested = 1;\nexport const inside = 2;\nexport const out = inside;\nexport interface B {}\n",
  );
  write("src/a.test.ts", 'import { tested } from "./a.ts";\ntested;\n');
  write("src/b.ts", 'import { out } from "./index.ts";\nexport interface B {}\nconst b: B = out;\n');
  write("src/index.ts", 'export { out } from "./a.ts";\n');
  const cwd = process.cwd();
  process.chdir(root);
  try {
    expect(findExportFaults(root).map(({ message }) => message)).toEqual([
      "tested is used by tests only: delete it",
      "inside need not be exported",
      "B is used by nobody: delete it",
      "B is also defined in src/b.ts",
      "B is also defined in src/a.ts",
    ]);
  } finally {
    process.chdir(cwd);
    rmSync(root, { recursive: true });
  }
});
