/** Orders of many numbers without a comparator: a million are in order in some tens of milliseconds. */

/**
 * The places of `values` [count] from the greatest to the least; equal ones keep their order, NaN stands last. A radix
 * sort of three passes over the numbers' bits.
 */
export function descendingOrder(values: Float32Array): Uint32Array {
  return orderOf(values, (bits) => (bits >>> 31 === 1 ? bits : ~bits & 0x7fffffff) >>> 0);
}

/** The k-th greatest of `values` (k from 1; NaN is the least), without sorting them all: by the first digits of their bits. */
export function kthGreatest(values: Float32Array, k: number): number {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  // Unsigned and in the order of the values, the greatest first; zeros are equal.
  const keyOf = (bit: number) => {
    if ((bit & 0x7fffffff) > 0x7f800000) return 0xffffffff;
    if (bit === 0x80000000) return 0x7fffffff;
    return (bit >>> 31 === 1 ? bit : ~bit & 0x7fffffff) >>> 0;
  };
  const counts = new Uint32Array(DIGITS);
  for (let i = 0; i < bits.length; i++) counts[keyOf(bits[i]) >>> (32 - DIGIT_BITS)]++;
  let [digit, left] = [0, k];
  for (; left > counts[digit]; digit++) left -= counts[digit];
  const alike = new Uint32Array(counts[digit]);
  for (let i = 0, held = 0; held < alike.length; i++) {
    const key = keyOf(bits[i]);
    if (key >>> (32 - DIGIT_BITS) === digit) alike[held++] = key;
  }
  const key = alike.sort()[left - 1];
  return new Float32Array(Uint32Array.of(key >>> 31 === 1 ? key : ~key & 0x7fffffff).buffer)[0];
}

const DIGIT_BITS = 11;
const DIGITS = 2 ** DIGIT_BITS;

/** Sorts by `keyOf` a number's bits, an unsigned integer: least first. */
function orderOf(values: Float32Array, keyOf: (bits: number) => number): Uint32Array {
  const count = values.length;
  const keys = new Uint32Array(count);
  const bits = new Uint32Array(values.slice().buffer);
  for (let i = 0; i < count; i++) {
    // Zero and minus zero are equal.
    const bit = bits[i] === 0x80000000 ? 0 : bits[i];
    keys[i] = Number.isNaN(values[i]) ? 0xffffffff : keyOf(bit);
  }
  let from = new Uint32Array(count);
  for (let i = 0; i < count; i++) from[i] = i;
  let into = new Uint32Array(count);
  const starts = new Uint32Array(DIGITS + 1);
  for (let shift = 0; shift < 32; shift += DIGIT_BITS) {
    starts.fill(0);
    for (let i = 0; i < count; i++) starts[((keys[i] >>> shift) & (DIGITS - 1)) + 1]++;
    for (let digit = 0; digit < DIGITS; digit++) starts[digit + 1] += starts[digit];
    for (let i = 0; i < count; i++) into[starts[(keys[from[i]] >>> shift) & (DIGITS - 1)]++] = from[i];
    [from, into] = [into, from];
  }
  return from;
}
