import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { temporaryFolder } from "../../test/fixtures/surveys.ts";
import { mapFile } from "./map-file.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());

it("gives a file's bytes, keeps what is written there from the file, and is null where there is none", () => {
  const path = join(folder.path, "numbers");
  const numbers = Float32Array.from({ length: 5000 }, (_, i) => i / 7);
  writeFileSync(path, numbers);
  const mapped = new Float32Array(mapFile(path) as ArrayBuffer);
  expect(mapped).toEqual(numbers);
  mapped[3] = -1;
  expect(new Float32Array(new Uint8Array(readFileSync(path)).buffer)).toEqual(numbers);
  expect(new Float32Array(mapFile(path) as ArrayBuffer)[3]).toBe(numbers[3]);
  writeFileSync(path, "");
  expect(mapFile(path)?.byteLength).toBe(0);
  expect(mapFile(join(folder.path, "none"))).toBeNull();
});
