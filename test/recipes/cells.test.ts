import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { keepCell, kept, keptCell } from "../../recipes/common/cells.ts";

const folder = mkdtempSync(join(tmpdir(), "skyloop-cells-"));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("keeps what was made for a key, and makes it anew for another key or file", async () => {
  const path = join(folder, "deep", "cell.json");
  let made = 0;
  const make = () => ({ value: ++made });
  expect(await kept(path, [1, "a"], make)).toEqual({ value: 1 });
  expect(await kept(path, [1, "a"], make)).toEqual({ value: 1 });
  expect(keptCell(path, [2])).toBeNull();
  expect(await kept(path, [2], make)).toEqual({ value: 2 });
  writeFileSync(path, JSON.stringify({ steps: 3 }));
  expect(keptCell(path, [2])).toBeNull();
  expect(keepCell(path, [2], null)).toBeNull();
});
