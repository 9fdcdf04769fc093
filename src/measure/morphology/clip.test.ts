import { expect, test } from "vitest";
import { Random } from "../../base/random.ts";
import { clip } from "./clip.ts";
import { descendingBy } from "./radix.ts";

/** Clipping as its definition has it, over a sorted list. */
function plainly(values: Float32Array) {
  let kept = [...values].sort((a, b) => a - b);
  let [median, mean, sd] = [0, 0, 0];
  for (let round = 0; round < 5; round++) {
    median = kept[kept.length >> 1];
    mean = kept.reduce((sum, value) => sum + value, 0) / kept.length;
    sd = Math.sqrt(kept.reduce((sum, value) => sum + (value - mean) ** 2, 0) / kept.length);
    const next = kept.filter((value) => Math.abs(value - median) <= 3 * sd);
    if (next.length === kept.length) break;
    kept = next;
  }
  return { median, mean, sd, kept: kept.length };
}

test.each<[string, (random: Random, i: number) => number]>([
  ["noise with a source in it", (random, i) => random.normal() + (i % 9 === 0 ? 40 * random.next() : 0)],
  ["a sky of 500", (random) => 500 + random.normal()],
  ["values of a few steps", (random) => Math.round(2 * random.normal()) + 0],
  ["mostly zeros", (random, i) => (i % 5 === 0 ? random.normal() : 0)],
  ["values of every size", (random, i) => random.normal() * 10 ** ((i % 60) - 30)],
  ["one value", () => 7],
])("clips %s as a sorted list does", (_, make) => {
  const random = new Random(5);
  for (const n of [1, 2, 17, 3000]) {
    const values = Float32Array.from({ length: n }, (_, i) => make(random, i));
    const [found, expected] = [clip(values, n), plainly(values)];
    expect(found.median).toBe(expected.median);
    expect(found.kept).toBe(expected.kept);
    const scale = Math.abs(expected.mean) + expected.sd;
    expect(Math.abs(found.mean - expected.mean)).toBeLessThanOrEqual(1e-12 * scale);
    expect(Math.abs(found.sd - expected.sd)).toBeLessThanOrEqual(1e-9 * scale);
  }
});

test("places are sorted by falling values, equal ones in order, and what was brought stays", () => {
  const random = new Random(6);
  for (const n of [0, 1, 2, 5, 2000]) {
    const values = Float32Array.from({ length: n }, (_, i) => (i % 3 === 0 ? i % 7 : Math.exp(20 * random.normal())));
    const places = Int32Array.from({ length: n }, (_, i) => 10 * i);
    const expected = [...places].sort((a, b) => values[b / 10] - values[a / 10] || a - b);
    expect([...descendingBy(values, places)]).toEqual(expected);
    expect(places[n - 1] ?? 0).toBe(Math.max(0, 10 * (n - 1)));
  }
});
