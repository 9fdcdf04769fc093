import { existsSync, readFileSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/fixtures/surveys.ts";
import { Random } from "../base/random.ts";
import { decoded, eightBitRows, encoded, floatRows } from "../base/row-matrix.ts";
import { joinShards } from "./feature-shards.ts";
import { listFeatures, openFeatures, writeFeatures } from "./features.ts";
import { eightBitsFor, storeInInt8 } from "./int8-features.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());

const [COUNT, DIM, ROWS] = [1000, 6, 256];
const random = new Random(3);
/** Columns of different widths and places; the last is the same for all, the last but one has one number far away. */
const values = Float32Array.from({ length: COUNT * DIM }, (_, i) => {
  const d = i % DIM;
  if (d === 5) return 4.25;
  return d === 4 && i === 4 + 7 * DIM ? 1000 : random.normal(10 * d - 20, 0.1 + d);
});
const SET = { model: "toy", weightsHash: "w", dataHash: "d", dim: DIM, blockRows: ROWS };

/** Writes rows `from` to before `to` as a set, or as a part of one. */
function write(survey: string, from = 0, to = COUNT, shard?: { part: number; of: number; from: number }): void {
  const writer = writeFeatures(survey, { ...SET, count: to - from, ...(shard === undefined ? {} : { shard }) });
  for (let block = 0; block < writer.blocks; block++) {
    const start = from + block * ROWS;
    writer.write(block, values.slice(start * DIM, Math.min(to, start + ROWS) * DIM));
  }
  writer.close();
}
const pathIn = (survey: string, name: string) => join(survey, "features", "toy", name);

describe("numbers in eight bits", () => {
  const code = eightBitsFor(values, DIM);
  const back = decoded(encoded(values, code), code);

  it("differ by at most half a step, and come back as themselves when they are stored again", () => {
    let worst = 0;
    for (let i = 0; i < values.length; i++)
      if (values[i] !== 1000) worst = Math.max(worst, Math.abs(back[i] - values[i]) / code.scale[i % DIM]);
    expect(worst).toBeLessThanOrEqual(0.5001);
    expect(worst).toBeGreaterThan(0.4);
    expect(decoded(encoded(back, code), code)).toEqual(back);
    expect(back[5]).toBe(4.25);
  });

  it("lose no digits to one number that is far away: it is cut at sixteen standard deviations", () => {
    const column = Float64Array.from({ length: COUNT }, (_, row) => values[row * DIM + 4]);
    const mean = column.reduce((sum, value) => sum + value, 0) / COUNT;
    const sd = Math.sqrt(column.reduce((sum, value) => sum + (value - mean) ** 2, 0) / COUNT);
    expect(back[4 + 7 * DIM]).toBeCloseTo(mean + 16 * sd, 1);
    expect(code.scale[4]).toBeLessThan((2 * 16 * sd) / 254);
  });

  it("are read by rows, here and there, and in widths that are no multiple of four, as float32 are", () => {
    for (const dim of [6, 4]) {
      const part = values.slice(0, 40 * dim);
      const own = eightBitsFor(part, dim);
      const [eight, float] = [eightBitRows(encoded(part, own), dim, own), floatRows(part, dim)];
      expect([eight.count, eight.dim]).toEqual([float.count, float.dim]);
      for (const read of [(m: typeof eight) => m.rows(3, 17), (m: typeof eight) => m.gather([39, 0, 12])]) {
        const [a, b] = [read(eight), read(float)];
        expect(a).toHaveLength(b.length);
        expect(Math.max(...a.map((value, i) => Math.abs(value - b[i]) / own.scale[i % dim]))).toBeLessThan(0.5001);
      }
    }
  });
});

describe("a set in eight bits", () => {
  it("takes the place of the float32 set, from one run or from parts the same file, and opens as any other", () => {
    const [one, parts] = [join(folder.path, "one"), join(folder.path, "parts")];
    write(one);
    const cost = storeInInt8(one, "toy");
    expect(cost?.cut).toBe(1);
    expect(cost?.worstSd).toBeLessThanOrEqual(16 / 254 + 1e-3);
    expect(storeInInt8(one, "toy")).toBeNull();
    write(parts, 768, COUNT, { part: 2, of: 2, from: 768 });
    write(parts, 0, 768, { part: 1, of: 2, from: 0 });
    joinShards(parts, "toy", { int8: true });
    const bytes = readFileSync(pathIn(one, "features.i8"));
    expect(bytes).toHaveLength(COUNT * DIM);
    expect(readFileSync(pathIn(parts, "features.i8")).equals(bytes)).toBe(true);
    for (const survey of [one, parts]) {
      expect(existsSync(pathIn(survey, "features.f32"))).toBe(false);
      expect(listFeatures(survey)).toEqual([{ model: "toy", weightsHash: "w", dim: DIM, done: COUNT, total: COUNT }]);
      const features = openFeatures(survey, "toy");
      const code = eightBitsFor(values, DIM);
      const expected = decoded(encoded(values, code), code);
      expect(features.rows(250, 260)).toEqual(expected.slice(250 * DIM, 260 * DIM));
      expect(features.matrix()).toEqual(expected);
      features.close();
    }
  });

  it("that was cut is refused with its bytes, and only the blocks that are gone are computed again, in the same steps", () => {
    const survey = join(folder.path, "cut");
    write(survey);
    storeInInt8(survey, "toy");
    const bytes = readFileSync(pathIn(survey, "features.i8"));
    truncateSync(pathIn(survey, "features.i8"), 900 * DIM);
    expect(() => openFeatures(survey, "toy")).toThrow(/has 5400 bytes, 1000 x 6 int8 need 6000/);
    const writer = writeFeatures(survey, { ...SET, count: COUNT });
    const gone = Array.from({ length: writer.blocks }, (_, block) => block).filter((block) => !writer.finished(block));
    expect(gone).toEqual([3]);
    for (const block of gone) writer.write(block, values.slice(block * ROWS * DIM, (block + 1) * ROWS * DIM));
    writer.close();
    expect(readFileSync(pathIn(survey, "features.i8")).equals(bytes)).toBe(true);
  });

  it("is not made of a part that was cut: the part is named with what it holds", () => {
    const survey = join(folder.path, "cut-part");
    write(survey, 0, 768, { part: 1, of: 2, from: 0 });
    write(survey, 768, COUNT, { part: 2, of: 2, from: 768 });
    truncateSync(pathIn(survey, "shards/00002-of-2/features.f32"), 90 * DIM * 4);
    expect(() => joinShards(survey, "toy", { int8: true })).toThrow(
      /00002-of-2\/features\.f32 holds 90 of the part's 232 objects; run that part again \(`--shard 2\/2`\)/,
    );
  });
});
