/** Sorting of floats that are not negative, whose bits have their order: a comparator takes ten times as long. */
const RADIX = { bits: 11, buckets: 2048 } as const;

/** Places in descending order of their values, which are 0 or more; equal ones stay in order. Three rounds of counting. */
export function descendingBy(values: Float32Array<ArrayBuffer>, places: Int32Array): Int32Array {
  const n = places.length;
  const bits = new Uint32Array(values.buffer, values.byteOffset, n);
  let keys = new Uint32Array(n);
  for (let i = 0; i < n; i++) keys[i] = ~bits[i] >>> 0;
  let from = Int32Array.from(places);
  let [nextKeys, to] = [new Uint32Array(n), new Int32Array(n)];
  const starts = new Uint32Array(RADIX.buckets + 1);
  for (let shift = 0; shift < 32; shift += RADIX.bits) {
    starts.fill(0);
    for (let i = 0; i < n; i++) starts[((keys[i] >>> shift) & (RADIX.buckets - 1)) + 1]++;
    for (let bucket = 0; bucket < RADIX.buckets; bucket++) starts[bucket + 1] += starts[bucket];
    for (let i = 0; i < n; i++) {
      const at = starts[(keys[i] >>> shift) & (RADIX.buckets - 1)]++;
      nextKeys[at] = keys[i];
      to[at] = from[i];
    }
    [keys, nextKeys] = [nextKeys, keys];
    [from, to] = [to, from];
  }
  return from;
}
