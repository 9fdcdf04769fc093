/** Sorting of floats that are not negative, whose bits have their order: a comparator takes ten times as long. */
import { reused } from "./scratch.ts";

/** Rounds of counting that a sort takes; together they tell apart all bits in which the values differ. */
const ROUNDS = 3;

const [keyMemory, nextKeyMemory, ...placeMemory] = [1, 2, 3, 4].map(() => reused((n) => new Int32Array(n)));
const countMemory = Array.from({ length: ROUNDS }, () => reused((n) => new Int32Array(n)));

/**
 * Places in descending order of their values, which are 0 or more; equal ones stay in order. Each round of counting
 * looks at a third of the bits between the smallest and the largest value.
 */
export function descendingBy(values: Float32Array<ArrayBuffer>, places: Int32Array): Int32Array {
  const n = places.length;
  if (n < 2) return places.slice();
  const bits = new Int32Array(values.buffer, values.byteOffset, n);
  let least = bits[0];
  let most = least;
  for (let i = 1; i < n; i++) {
    const key = bits[i];
    if (key < least) least = key;
    else if (key > most) most = key;
  }
  const width = Math.max(1, Math.ceil((32 - Math.clz32(most - least)) / ROUNDS));
  const buckets = 1 << width;
  const mask = buckets - 1;
  const starts = countMemory.map((memory) => memory(buckets + 1).fill(0));
  const low = starts[0];
  const middle = starts[1];
  const high = starts[2];
  // The largest value has the smallest key.
  let keys = keyMemory(n);
  for (let i = 0; i < n; i++) {
    const key = (most - bits[i]) | 0;
    keys[i] = key;
    low[(key & mask) + 1]++;
    middle[((key >>> width) & mask) + 1]++;
    high[((key >>> (2 * width)) & mask) + 1]++;
  }
  let from: Int32Array = places;
  const spare = placeMemory[1](n);
  let nextKeys = nextKeyMemory(n);
  let to: Int32Array = placeMemory[0](n);
  for (let round = 0, shift = 0; round < ROUNDS; round++, shift += width) {
    const start = starts[round];
    for (let bucket = 1; bucket <= buckets; bucket++) start[bucket] += start[bucket - 1];
    for (let i = 0; i < n; i++) {
      const key = keys[i];
      const at = start[(key >>> shift) & mask]++;
      nextKeys[at] = key;
      to[at] = from[i];
    }
    const readKeys = keys;
    keys = nextKeys;
    nextKeys = readKeys;
    const read = from;
    from = to;
    // What was brought is not written to.
    to = read === places ? spare : read;
  }
  return from;
}
