import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/fixtures/surveys.ts";
import { type ColumnSpec, readTable, type TableRow, writeTable } from "./catalogue.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());

const COLUMNS: ColumnSpec[] = [
  { name: "id", type: "string" },
  { name: "ra", type: "number", unit: "deg", description: "right ascension" },
  { name: "round", type: "integer" },
];
const text = fc.stringMatching(/^[ -~]{1,12}$/).map((value) => `x${value.trimEnd()}`);
const row = fc.record({
  id: text,
  ra: fc.option(fc.double({ min: -1e6, max: 1e6, noNaN: true }).map((value) => (Math.abs(value) < 1e-200 ? 0 : value))),
  round: fc.option(fc.integer({ min: -1e6, max: 1e6 })),
});

describe("tables", () => {
  it.each(["csv", "parquet", "fits"] as const)("come back from %s as they were written", async (format) => {
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 20 }), async (rows) => {
        const path = join(folder.path, `t.${format}`);
        await writeTable(path, format, COLUMNS, rows as TableRow[]);
        const back = await readTable(path);
        expect(back.columns).toEqual(["id", "ra", "round"]);
        expect(back.rows.map(({ id }) => String(id))).toEqual(rows.map(({ id }) => id));
        for (const [i, { ra, round }] of rows.entries()) {
          const found = [back.rows[i].ra, back.rows[i].round].map((value) =>
            value === null || value === "" ? null : Number(value),
          );
          expect(found).toEqual([ra === 0 ? (found[0] as number) : ra, round]);
        }
      }),
      { numRuns: 15 },
    );
  });
  it("are refused with more columns than a database bears, and cells that no quote ends", async () => {
    const path = join(folder.path, "odd.csv");
    const names = Array.from({ length: 5001 }, (_, i) => `c${i}`).join(",");
    writeFileSync(path, `${names}\n${names}\n`);
    await expect(readTable(path)).rejects.toMatchObject({ code: "TABLE_TOO_LARGE" });
    writeFileSync(path, `id,label\na,ring\nb,"${"x\n".repeat(600_000)}"\n`);
    await expect(readTable(path)).rejects.toThrow(/begins on line 3 .* cell of 1200000 characters/);
  });
  it("write valid, escaped VOTables", async () => {
    const path = join(folder.path, "t.vot");
    await writeTable(path, "votable", COLUMNS, [{ id: `<a & "b">\u0007`, ra: null, round: 3 }]);
    const xml = readFileSync(path, "utf8");
    expect(xml).toContain(
      '<FIELD name="ra" datatype="double" unit="deg"><DESCRIPTION>right ascension</DESCRIPTION></FIELD>',
    );
    expect(xml).toContain("<TR><TD>&#60;a &#38; &#34;b&#34;&#62;</TD><TD></TD><TD>3</TD></TR>");
  });
  it("keep text outside ASCII: FITS escaped and back, VOTable as unicodeChar", async () => {
    const rows = [
      { id: "Größe Ω \u{1F30C}", ra: 1, round: 2 },
      { id: "plain", ra: null, round: null },
    ] as TableRow[];
    const [fits, vot] = [join(folder.path, "u.fits"), join(folder.path, "u.vot")];
    await writeTable(fits, "fits", COLUMNS, rows);
    expect(readFileSync(fits, "latin1")).toContain("Gr\\u00f6\\u00dfe \\u03a9");
    expect((await readTable(fits)).rows.map(({ id }) => id)).toEqual(["Größe Ω \u{1F30C}", "plain"]);
    await writeTable(vot, "votable", [{ ...COLUMNS[0], ucd: "meta.id;meta.main" }], rows);
    expect(readFileSync(vot, "utf8")).toContain(
      '<FIELD name="id" datatype="unicodeChar" arraysize="*" ucd="meta.id;meta.main"/>',
    );
  });
  it("name what is wrong", async () => {
    await expect(readTable(join(folder.path, "none.csv"))).rejects.toThrow(/no catalogue/);
    writeFileSync(join(folder.path, "t.doc"), "x");
    await expect(readTable(join(folder.path, "t.doc"))).rejects.toThrow(/a catalogue is/);
    writeFileSync(join(folder.path, "bad.parquet"), "x");
    await expect(readTable(join(folder.path, "bad.parquet"))).rejects.toThrow(/cannot be read as a table/);
  });
});
