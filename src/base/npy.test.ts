import { expect, it } from "vitest";
import { npyHeader, npyTexts } from "./npy.ts";

it("a header has a length of a multiple of 64, ends a line, and says type and shape", () => {
  for (const shape of [[3], [200_000, 166], [0, 5]]) {
    const header = npyHeader("<f4", shape);
    expect([header.length % 64, header.at(-1), header.readUInt16LE(8) + 10]).toEqual([0, 10, header.length]);
    expect(header.toString("latin1", 1, 8)).toBe("NUMPY\x01\x00");
    const said = `'shape': (${shape.length === 1 ? `${shape[0]},` : shape.join(", ")}), }`;
    expect(header.toString("latin1", 10)).toContain(said);
  }
});

it("texts are cells of one width, in parts of some thousand, whatever letters they have", () => {
  const texts = Array.from({ length: 5000 }, (_, i) => (i % 2 === 0 ? `é${i}` : "🌌"));
  const [header, ...parts] = npyTexts(texts);
  const bytes = Buffer.concat(parts);
  expect(header.toString("latin1", 10)).toContain("'descr': '<U5'");
  expect(bytes.length).toBe(5000 * 20);
  const textAt = (row: number) =>
    Array.from({ length: 5 }, (_, i) => bytes.readUInt32LE(20 * row + 4 * i))
      .filter((code) => code !== 0)
      .map((code) => String.fromCodePoint(code))
      .join("");
  for (const row of [0, 1, 4095, 4096, 4999]) expect(textAt(row)).toBe(texts[row]);
});
