import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { temporaryFolder } from "../../test/fixtures/surveys.ts";
import { forgetPages, gatherRows, mapFile } from "./map-file.ts";
import { floatRows, passOver } from "./row-matrix.ts";

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

/** Pages of a mapped file that are in this process's memory, in kB. */
function held(path: string): number {
  const maps = readFileSync("/proc/self/smaps", "utf8");
  const at = maps.indexOf(` ${path}\n`);
  return Number(/^Rss:\s+(\d+) kB/m.exec(maps.slice(at))?.[1]);
}

it.skipIf(process.platform !== "linux")("forgets the pages of a mapped file, and of nothing else", () => {
  const path = join(folder.path, "large");
  const numbers = Float32Array.from({ length: 2 ** 20 }, (_, i) => i % 1013);
  writeFileSync(path, numbers);
  const all = new Float32Array(mapFile(path) as ArrayBuffer);
  const asWritten = (values: Float32Array) =>
    Buffer.compare(Buffer.from(values.buffer, 0, values.byteLength), Buffer.from(numbers.buffer)) === 0;
  expect(asWritten(all)).toBe(true);
  expect(held(path)).toBe(4096);
  // Its ends lie within pages, which go whole; pages may be of 2 MB.
  forgetPages(all.subarray(1, 2 ** 19 + 1));
  expect(held(path)).toBeLessThanOrEqual(4096 - 2048 - 4);
  expect(asWritten(all)).toBe(true);
  forgetPages(all);
  expect(held(path)).toBe(0);
  // Rows here and there leave nothing behind, a pass at most what the system brings at once (2 MB on some).
  const rows = Uint32Array.from({ length: 1000 }, (_, i) => i * 261);
  expect(gatherRows(all, 4, rows)).toEqual(gatherRows(numbers, 4, rows));
  expect(gatherRows(all.subarray(4), 4, [0, 2 ** 18 - 2])).toEqual(
    Float32Array.of(...numbers.subarray(4, 8), ...numbers.subarray(-4)),
  );
  expect(held(path)).toBe(0);
  expect(() => gatherRows(all, 4, [2 ** 18])).toThrow("no such row");
  let sum = 0;
  passOver(floatRows(all, 4), (block, from) => {
    for (let at = 0; at < block.length; at += 4) sum += block[at];
    if (from % (16 * 4096) === 0) expect(held(path)).toBeLessThanOrEqual(2048 + 64);
  });
  expect(sum).toBe(numbers.reduce((total, value, i) => (i % 4 === 0 ? total + value : total), 0));
  const own = numbers.slice();
  forgetPages(own);
  expect(asWritten(own)).toBe(true);
});
