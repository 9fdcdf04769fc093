import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/fixtures/surveys.ts";
import { joinShards, listShards } from "./feature-shards.ts";
import { openFeatures, writeFeatures } from "./features.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());

const SET = { model: "toy", weightsHash: "w", dataHash: "d", dim: 3, blockRows: 4 };
const COUNT = 10;
const matrix = Float32Array.from({ length: COUNT * SET.dim }, (_, i) => Math.sin(i));
const rowsFrom = (from: number, to: number) => matrix.slice(from * SET.dim, to * SET.dim);

/** Parts 1 (a block) and 2 (a block and a half) of 2. */
function writePart(survey: string, part: number, set = SET, blocks = 2): void {
  const [from, count] = part === 1 ? [0, 4] : [4, 6];
  const writer = writeFeatures(survey, { ...set, count, shard: { part, of: 2, from } });
  for (let block = 0; block < Math.min(blocks, writer.blocks); block++)
    writer.write(block, rowsFrom(from + 4 * block, from + Math.min(count, 4 * block + 4)));
  writer.close();
}

let survey = "";
let tried = 0;
beforeEach(() => {
  survey = join(folder.path, `s${tried++}`);
});

describe("parts of features", () => {
  it("put together are the file that one run writes, bit for bit, with a sum for each block", () => {
    for (const part of [2, 1]) writePart(survey, part);
    expect(listShards(survey, "toy").map(({ state, rows }) => [state, rows])).toEqual([
      ["done", 4],
      ["done", 6],
    ]);
    const joined = joinShards(survey, "toy");
    const whole = join(folder.path, "whole");
    const writer = writeFeatures(whole, { ...SET, count: COUNT });
    for (let block = 0; block < 3; block++) writer.write(block, rowsFrom(4 * block, Math.min(COUNT, 4 * block + 4)));
    writer.close();
    const bytes = (at: string) => readFileSync(join(at, "features", "toy", "features.f32"));
    expect(bytes(survey).equals(bytes(whole))).toBe(true);
    expect(joined.sums).toEqual(writer.header.sums);
    const features = openFeatures(survey, "toy");
    expect(features.matrix()).toEqual(matrix);
    features.close();
    expect(() => listShards(survey, "toy")).toThrow(/no parts/);
  });

  it("are named where they are missing or stopped, and not joined", () => {
    writePart(survey, 2, SET, 1);
    expect(listShards(survey, "toy").map(({ state, done }) => [state, done])).toEqual([
      ["missing", 0],
      ["stopped", 4],
    ]);
    expect(() => joinShards(survey, "toy")).toThrow(
      /2 of 2 parts are not finished: 1 \(missing\), 2 \(stopped, 4 of 6 objects\)/,
    );
  });

  it("are not joined where a block is not what was written, or weights differ; nothing is lost", () => {
    for (const part of [1, 2]) writePart(survey, part);
    const path = join(survey, "features", "toy", "shards", "00002-of-2", "features.f32");
    const sound = readFileSync(path);
    const damaged = Buffer.from(sound);
    damaged[5] ^= 1;
    writeFileSync(path, damaged);
    expect(() => joinShards(survey, "toy")).toThrow(/00002-of-2: block 0 is not what was written; run that part again/);
    writeFileSync(path, sound);
    rmSync(join(survey, "features", "toy", "shards", "00001-of-2"), { recursive: true });
    writePart(survey, 1, { ...SET, weightsHash: "other" });
    expect(() => joinShards(survey, "toy")).toThrow(/different weights/);
    expect(listShards(survey, "toy")).toHaveLength(2);
  });
});
