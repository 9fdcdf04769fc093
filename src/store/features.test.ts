import { closeSync, cpSync, openSync, readFileSync, rmSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { temporaryFolder } from "../../test/fixtures/surveys.ts";
import { crc32, crc32Slowly } from "../base/checksum.ts";
import { listFeatures, openFeatures, writeFeatures } from "./features.ts";

const [COUNT, DIM, ROWS] = [10, 3, 4];
const SET = { model: "toy", weightsHash: "w", dataHash: "d", dim: DIM, count: COUNT, blockRows: ROWS };
const valuesOf = (block: number) =>
  Float32Array.from({ length: Math.min(ROWS, COUNT - block * ROWS) * DIM }, (_, i) => block + 0.25 * i + 1);
const WHOLE = Float32Array.from([...valuesOf(0), ...valuesOf(1), ...valuesOf(2)]);

let folder: ReturnType<typeof temporaryFolder>;
const matrix = () => join(folder.path, "features/toy/features.f32");
const header = () => join(folder.path, "features/toy/features.json");
/** Computes what is missing; tells which blocks that was. */
function embed(): number[] {
  const writer = writeFeatures(folder.path, SET);
  const todo = [0, 1, 2].filter((block) => !writer.finished(block));
  for (const block of todo) writer.write(block, valuesOf(block));
  writer.close();
  return todo;
}
const read = () => {
  const features = openFeatures(folder.path, "toy");
  try {
    return features.matrix();
  } finally {
    features.close();
  }
};
beforeEach(() => {
  folder = temporaryFolder();
  writeFileSync(join(folder.path, "survey.json"), '{"dataHash":"d"}');
  expect(embed()).toEqual([0, 1, 2]);
});
afterEach(() => folder.remove());

it("a checksum is zip's", () => {
  expect([crc32, crc32Slowly].map((of) => of(Buffer.from("123456789")))).toEqual([0xcbf43926, 0xcbf43926]);
});

describe("features that were damaged", () => {
  it.each([
    ["cut", () => truncateSync(matrix(), 50), [1, 2]],
    ["cut by one byte", () => truncateSync(matrix(), COUNT * DIM * 4 - 1), [2]],
    ["missing", () => rmSync(matrix()), [0, 1, 2]],
    ["too long", () => writeFileSync(matrix(), Buffer.alloc(9), { flag: "a" }), []],
    ["overwritten in one place", () => overwrite(60), [1]],
  ] as const)("are refused when the matrix is %s, and only the bad blocks computed again", (name, damage, bad) => {
    damage();
    expect(() => read()).toThrow(/FEATURES_BROKEN|block 1|bytes/);
    if (name !== "overwritten in one place") expect(listFeatures(folder.path)[0].done).toBe(0);
    expect(embed()).toEqual(bad);
    expect(read()).toEqual(WHOLE);
    expect(readFileSync(matrix())).toHaveLength(COUNT * DIM * 4);
  });

  it("are refused row by row too", () => {
    overwrite(60);
    const features = openFeatures(folder.path, "toy");
    expect(features.rows(0, 2)).toEqual(WHOLE.slice(0, 2 * DIM));
    expect(() => features.row(7)).toThrow(/block 1 \(objects 5 to 8\) is not what was written/);
    features.close();
  });
});

function overwrite(at: number): void {
  const file = openSync(matrix(), "r+");
  writeSync(file, Buffer.from([1, 2, 3]), 0, 3, at);
  closeSync(file);
}

describe("features of an earlier version, without checksums", () => {
  const forget = () => {
    const { sums: _, ...rest } = JSON.parse(readFileSync(header(), "utf8"));
    writeFileSync(header(), JSON.stringify(rest));
  };
  it("still open, and get checksums with the next embed", () => {
    forget();
    expect(read()).toEqual(WHOLE);
    expect(embed()).toEqual([]);
    writeFeatures(folder.path, SET).close();
    expect(read()).toEqual(WHOLE);
  });
  it("are computed again where they were cut or never written", () => {
    forget();
    truncateSync(matrix(), 62);
    truncateSync(matrix(), COUNT * DIM * 4);
    expect(() => read()).toThrow(/nothing but zeros/);
    expect(embed()).toEqual([1, 2]);
    expect(read()).toEqual(WHOLE);
  });
});

describe("finished blocks", () => {
  const SMALL = { ...SET, model: "small", count: 6, blockRows: 2 };
  const of = (block: number) => Float32Array.from({ length: 2 * DIM }, (_, i) => 10 * block + i + 1);
  const listed = () => JSON.parse(readFileSync(join(folder.path, "features/small/features.json"), "utf8")).blocksDone;

  it("are listed with the first, after two seconds, with the last, and at the end", () => {
    const start = performance.now();
    const now = vi.spyOn(performance, "now").mockReturnValue(start);
    const writer = writeFeatures(folder.path, { ...SMALL, count: 10 });
    const seen = [0, 1, 2, 3].map((block) => {
      now.mockReturnValue(start + 999 * block);
      writer.write(block, of(block));
      return [...listed()];
    });
    expect(seen).toEqual([[0], [0], [0], [0, 1, 2, 3]]);
    writer.write(4, of(4));
    expect(listed()).toEqual([0, 1, 2, 3, 4]);
    now.mockRestore();
    writer.close();
    const half = writeFeatures(folder.path, { ...SMALL, model: "half" });
    for (const block of [0, 1]) half.write(block, of(block));
    half.close();
    expect(listFeatures(folder.path).find(({ model }) => model === "half")?.done).toBe(4);
  });

  it("that a kill took before they were listed are computed again, and nothing else", () => {
    const writer = writeFeatures(folder.path, SMALL);
    for (const block of [0, 1]) writer.write(block, of(block));
    // What a killed process leaves: the rows, in whole or in part, and the list of before.
    const killed = join(folder.path, "killed");
    cpSync(join(folder.path, "features"), join(killed, "features"), { recursive: true });
    writer.close();
    truncateSync(join(killed, "features/small/features.f32"), 3 * DIM * 4);
    const again = writeFeatures(killed, SMALL);
    expect([0, 1, 2].map((block) => again.finished(block))).toEqual([true, false, false]);
    for (const block of [1, 2]) again.write(block, of(block));
    again.close();
    const features = openFeatures(killed, "small");
    expect(features.matrix()).toEqual(Float32Array.from([0, 1, 2].flatMap((block) => [...of(block)])));
    features.close();
  });
});

it("features of other data, of names that lead elsewhere, or that are no numbers are refused", () => {
  writeFileSync(join(folder.path, "survey.json"), '{"dataHash":"other"}');
  expect(() => read()).toThrow(/are of other data/);
  for (const name of ["../toy", "a/b", "..", ""])
    expect(() => openFeatures(folder.path, name)).toThrow(/can have no features/);
  const writer = writeFeatures(folder.path, { ...SET, model: "nan" });
  const rows = valuesOf(1).fill(Number.NaN, 2 * DIM, 2 * DIM + 1);
  expect(() => writer.write(1, rows)).toThrow(/for object 7 hold NaN/);
  expect(writer.finished(1)).toBe(false);
  writer.close();
});
