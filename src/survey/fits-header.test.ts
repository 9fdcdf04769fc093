import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/fixtures/surveys.ts";
import { cardValue, headerRecords, readFitsImage, writeFitsImage } from "./fits.ts";
import { parseWcs } from "./wcs.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());

const RECORDS = [
  "CTYPE1  = 'RA---TAN'           / gnomonic projection",
  "CTYPE2  = 'DEC--TAN'",
  "CRVAL1  =           150.123456 / [deg]",
  "CRVAL2  =             -2.54321",
  "CRPIX1  =                 10.5",
  "CRPIX2  =                 12.5",
  "CD1_1   = -7.27777777777778E-05",
  "CD1_2   =                  0.0",
  "CD2_1   =                  0.0",
  "CD2_2   = 7.27777777777778E-05",
  "OBSERVER= 'O''Brien'           / a quote in the value",
  "FLAG    =                    T",
  "BZERO   =                  3.0",
  "HIERARCH ESO DET CHIP NAME = 'a long keyword'",
  "HISTORY what an earlier program did",
  "COMMENT a remark = with an equals sign",
].map((record) => record.padEnd(80));

describe("a header carried over to a new file", () => {
  it("keeps cards, history and world coordinates, and leaves out how pixels were stored", () => {
    const [first, second] = ["a.fits", "b.fits"].map((name) => join(folder.path, name));
    const image = { widthPx: 20, heightPx: 24, planes: 1, data: Float32Array.from({ length: 480 }, (_, i) => i / 7) };
    // BZERO would change the pixels that are written after it.
    writeFitsImage(
      first,
      image,
      RECORDS.filter((record) => !record.startsWith("BZERO")),
    );
    const read = readFitsImage(first);
    writeFitsImage(second, { ...image, data: image.data.map((value) => value + 1) }, [
      ...headerRecords([...read.header, ["BZERO", "3.0", ""]]),
      "HISTORY and what this one did".padEnd(80),
    ]);
    const again = readFitsImage(second);
    expect([...again.data.slice(0, 3)]).toEqual([1, 1 + 1 / 7, 1 + 2 / 7].map(Math.fround));
    for (const key of ["CRVAL1", "CRVAL2", "CD1_1", "CTYPE1", "OBSERVER", "FLAG", "ESO DET CHIP NAME"])
      expect(cardValue(again.header, key), key).toBe(cardValue(read.header, key));
    expect(cardValue(again.header, "OBSERVER")).toBe("O'Brien");
    const texts = again.header.filter(([key]) => key === "HISTORY" || key === "COMMENT").map(([, , text]) => text);
    for (const text of ["what an earlier program did", "and what this one did", "a remark = with an equals sign"])
      expect(texts).toContain(text);
    expect(again.header.filter(([key]) => key === "NAXIS1").length).toBe(1);
    expect(parseWcs(again.header)?.pixelToSky(3, 4)).toEqual(parseWcs(read.header)?.pixelToSky(3, 4));
  });
});
