import { expect, it } from "vitest";
import { Random } from "../base/random.ts";
import type { MaskPx } from "../contract/detection.ts";
import { maskOutline } from "./outline.ts";
import { cutMask, maskOfPolygons } from "./run-lengths.ts";

const maskOf = (rows: string[], x = 0, y = 0): MaskPx => ({
  x,
  y,
  width: rows[0].length,
  height: rows.length,
  bits: Uint8Array.from(rows.join(""), (sign) => Number(sign === "#")),
});

it("goes along the edges of a mask's pixels, with corners only where it turns", () => {
  expect(maskOutline(maskOf(["##", "##"], 3, 5))).toEqual([[3, 5, 5, 5, 5, 7, 3, 7]]);
  expect(maskOutline(maskOf(["..", ".."]))).toEqual([]);
  // A ring: its outside and its hole.
  expect(maskOutline(maskOf(["###", "#.#", "###"])).map((line) => line.length)).toEqual([8, 8]);
  // Two pixels that touch at a corner have a line each.
  expect(maskOutline(maskOf(["#.", ".#"]))).toHaveLength(2);
});

it("gives every mask back when it is filled even-odd", () => {
  const random = new Random(4);
  for (let trial = 0; trial < 50; trial++) {
    const bits = Uint8Array.from({ length: 12 * 9 }, () => Number(random.next() < 0.2 + 0.6 * (trial / 50)));
    const mask = cutMask(bits, 12, 9);
    const filled = new Uint8Array(12 * 9);
    for (const line of maskOutline(mask)) {
      const own = maskOfPolygons([line], 12, 9);
      for (const [i, bit] of own.bits.entries())
        filled[(own.y + Math.floor(i / own.width)) * 12 + own.x + (i % own.width)] ^= bit;
    }
    expect(cutMask(filled, 12, 9)).toEqual(mask);
  }
});
