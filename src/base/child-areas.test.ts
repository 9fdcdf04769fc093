import { closeSync, fstatSync, openSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { closeAreas, giveBack, makeArea, pack, unpack } from "./child-areas.ts";
import { hashBytes } from "./files.ts";

const area = makeArea();
afterAll(() => closeAreas(area === null ? [] : [area]));
const ramp = (length: number, from = 0) => Float32Array.from({ length }, (_, i) => from + i / 7);
/** Arrays by kind, length and hash: comparing them value by value takes minutes. */
const hashed = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, function (this: Record<string, unknown>, key, one) {
      const own = this[key] ?? one;
      if (!ArrayBuffer.isView(own)) return one;
      const bytes = new Uint8Array(own.buffer, own.byteOffset, own.byteLength);
      return `${own.constructor.name} ${hashBytes(bytes)}`;
    }),
  );

describe.skipIf(area === null)("areas in memory", () => {
  const own = area as number;

  it("carry the large arrays of a value, and the message the rest of it", () => {
    const value = {
      name: "g",
      small: ramp(3),
      parts: [ramp(40_000), Float64Array.from(ramp(40_001)), new Uint8Array(70_001).fill(7), ramp(50_000, -3)],
      packed: Buffer.alloc(80_000, 5),
      part: ramp(60_000).subarray(1, 40_001),
    };
    const message = pack(value, own);
    expect(message.length).toBeLessThan(90_000);
    expect(hashed(unpack(message, own))).toEqual(hashed(value));
  });

  it("hold little of what was read", () => {
    const large = new Uint8Array(70_000_000).fill(9);
    expect(Buffer.compare(unpack(pack(large, own), own) as Uint8Array, large)).toBe(0);
    expect(fstatSync(own).blocks).toBe(0);
  });

  it("that are full leave the arrays in the message", () => {
    const full = openSync("/dev/full", "w");
    const value = { data: ramp(40_000) };
    expect(hashed(unpack(pack(value, full), full))).toEqual(hashed(value));
    closeSync(full);
  });

  it("read into memory that was given back, and into no other", () => {
    const first = unpack(pack(ramp(30_000), own), own) as Float32Array;
    const second = unpack(pack(ramp(30_000, 5), own), own) as Float32Array;
    expect(second).not.toBe(first);
    giveBack(first);
    giveBack(first);
    const third = unpack(pack(ramp(30_000, 9), own), own) as Float32Array;
    expect(third.buffer).toBe(first.buffer);
    const fourth = unpack(pack(ramp(30_000, 11), own), own) as Float32Array;
    expect([second[0], third[0], fourth[0]]).toEqual([5, 9, 11]);
  });
});
