/** NumPy's `.npy` files, version 1.0 of the format (numpy.lib.format): a header and the values. */

/** The types that are written: float32, and text of so many characters. */
export type NpyType = "<f4" | `<U${number}`;

/** What stands before the values of an array of `shape` in C order; its length is a multiple of 64, as the format asks. */
export function npyHeader(type: NpyType, shape: readonly number[]): Buffer {
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const text = `{'descr': '${type}', 'fortran_order': False, 'shape': (${dims}), }`;
  const length = Math.ceil((10 + text.length + 1) / 64) * 64;
  const header = Buffer.alloc(length, " ");
  header.write("\x93NUMPY\x01\x00", "latin1");
  header.writeUInt16LE(length - 10, 8);
  header.write(text, 10, "latin1");
  header.write("\n", length - 1);
  return header;
}

const TEXTS_A_PART = 4096;

/** A one-dimensional array of text as a `.npy` file: each entry in UTF-32, filled with zeros to the longest. */
export function* npyTexts(texts: Iterable<string> & { length: number }): Iterable<Buffer> {
  let longest = 1;
  for (const text of texts) longest = Math.max(longest, [...text].length);
  yield npyHeader(`<U${longest}`, [texts.length]);
  let part = Buffer.alloc(4 * longest * TEXTS_A_PART);
  let at = 0;
  for (const text of texts) {
    for (const [i, character] of [...text].entries())
      part.writeUInt32LE(character.codePointAt(0) as number, 4 * (at * longest + i));
    if (++at < TEXTS_A_PART) continue;
    yield part;
    part = Buffer.alloc(part.length);
    at = 0;
  }
  yield part.subarray(0, 4 * longest * at);
}
