/** Memory that every stamp uses again: hundreds of megabytes a second would be cleared and collected otherwise. */

/**
 * An array of a length, with whatever it was left with. Each call takes back what the last one gave: what is made with
 * it is used up before the next stamp, or kept in a copy.
 */
export function reused<A extends Float32Array | Float64Array | Int32Array | Uint8Array | Int16Array>(
  make: (length: number) => A,
): (length: number) => A {
  let whole = make(0);
  let last = whole;
  return (length) => {
    if (last.length === length) return last;
    if (whole.length < length) whole = make(length);
    last = whole.subarray(0, length) as A;
    return last;
  };
}
