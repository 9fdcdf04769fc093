import { describe, expect, it } from "vitest";
import { typed } from "./cells.ts";
import { parseDelimited } from "./delimited.ts";
import { textOfBytes } from "./table-text.ts";

const read = (text: string) => {
  const { columns, rows } = parseDelimited(text);
  return [columns, ...rows];
};
const AS_IT_IS = [
  ["id", "note"],
  ["a", "x"],
  ["b", "y"],
];

describe("delimited text", () => {
  it.each([
    ["commas", "id,note\na,x\nb,y\n"],
    ["semicolons, Windows' line ends", "id;note\r\na;x\r\nb;y"],
    ["tabs, old Macintosh line ends", "id\tnote\ra\tx\rb\ty\r"],
    ["bars", "id|note\na|x\nb|y\n"],
    ["blanks", "id   note\na    x\nb    y  \n"],
    ["blanks, some before", "  id note\n   a    x\n   b    y\n"],
    ["blanks around the cells", "id , note\na , x\nb ,y\n"],
    ["Excel's first line", "sep=;\nid;note\na;x\nb;y\n"],
    ["a byte-order mark", "\uFEFFid,note\na,x\nb,y\n"],
    ["a title as a comment", "#Table1\nid,note\na,x\nb,y\n"],
    ["many comments and blank lines", "# one\n\n% two, three\n#\nid,note\na,x\n\nb,y\n\n\n"],
    ["empty cells at the end", "id,note,,\na,x,,\nb,y,,\n".replace(/,,\n/, "\n")],
    ["comments among the rows", "id,note\na,x\n# half\nb,y\n"],
  ])("with %s", (_, text) => expect(read(text)).toEqual(AS_IT_IS));

  it("keeps quotes, separators and line breaks in cells, and knows the lines", () => {
    const table = parseDelimited('id,note\na,"x, ""y""\r\nand z"\nb,say "no"\nc,"half\n');
    expect(table.rows).toEqual([
      ["a", 'x, "y"\r\nand z'],
      ["b", 'say "no"'],
      ["c", '"half'],
    ]);
    expect(table.lines).toEqual([2, 4, 5]);
  });

  it("finds the header in comments", () => {
    expect(read("# id ra dec\na 1.5 2\n")).toEqual([
      ["id", "ra", "dec"],
      ["a", "1.5", "2"],
    ]);
    const sextractor = parseDelimited(
      "#   1 NUMBER       Running object number\n#   2 ALPHA_J2000  Right ascension [deg]\n#   3 MAG_AUTO     Kron [mag]\n   1  150.1 20.5\n",
    );
    expect([sextractor.columns, sextractor.rows, sextractor.units.get("ALPHA_J2000")]).toEqual([
      ["NUMBER", "ALPHA_J2000", "MAG_AUTO"],
      [["1", "150.1", "20.5"]],
      "deg",
    ]);
    const ecsv = parseDelimited(
      "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: id, datatype: string}\n# - {name: ra, unit: hourangle, datatype: float64}\nid ra\na 1.5\n",
    );
    expect([ecsv.columns, ecsv.rows, ecsv.units.get("ra")]).toEqual([["id", "ra"], [["a", "1.5"]], "hourangle"]);
  });

  it("gives every column one name, and R's row names one too", () => {
    expect(parseDelimited("id,,id\na,b,c\n").columns).toEqual(["id", "column_2", "id_1"]);
    expect(read("id note\n1 a x\n2 b y\n")[0]).toEqual(["row_names", "id", "note"]);
    expect(read("id\n__proto__\nconstructor\n")).toEqual([["id"], ["__proto__"], ["constructor"]]);
  });

  it("names the line that has more cells than the header", () => {
    expect(() => parseDelimited("Table 1\nid,note\na,x\n")).toThrow(/line 2 has 2 cells, the header has 1 \(Table 1\)/);
    expect(() => parseDelimited("id,note\na,x\nb,y,z,9\n")).toThrow(/line 3 has 4 cells/);
    expect(() => parseDelimited("id,note\na,x,y\nb,x,y\n")).toThrow(/line 2 has 3 cells/);
    expect(read("id,note\na\n")).toEqual([
      ["id", "note"],
      ["a", ""],
    ]);
  });

  it("takes time in proportion to the text", () => {
    const time = (rows: number) => {
      const text = `id,note\n${'a,"x"\nb,say "no"\n'.repeat(rows)}`;
      const start = performance.now();
      parseDelimited(text);
      return performance.now() - start;
    };
    time(20_000);
    const [few, many] = [time(20_000), time(160_000)];
    expect(many / few).toBeLessThan(40);
  });
});

describe("bytes as text", () => {
  const text = "id,Größe\nα,1\n";
  it.each([
    ["UTF-8", Buffer.from(text)],
    ["UTF-8 with a mark", Buffer.from(`\uFEFF${text}`)],
    ["UTF-16 with a mark", Buffer.from(`\uFEFF${text}`, "utf16le")],
    ["UTF-16, big end first", Buffer.from(`\uFEFF${text}`, "utf16le").swap16()],
    ["UTF-16 without a mark", Buffer.from(text, "utf16le")],
  ])("in %s", (_, bytes) => expect(textOfBytes(bytes, "t.csv")).toBe(text));
  it("in Latin-1, where it is no UTF-8", () =>
    expect(textOfBytes(Buffer.from("id,Größe\n", "latin1"), "t.csv")).toBe("id,Größe\n"));
});

describe("types of columns", () => {
  it("are numbers, booleans or text, with what is missing as null", () => {
    expect(typed(["1", "nan", "-2.5", "", "1.5D+02", "--", "-"])).toEqual({
      type: "number",
      values: [1, null, -2.5, null, 150, null, null],
    });
    expect(typed(["True", "FALSE", "N/A"])).toEqual({ type: "boolean", values: [true, false, null] });
    for (const word of ["NaN", "NULL", "null", "NA", "n/a", "None", "<NA>", "#N/A", "NaT", "--", "\\N", "..."])
      expect(typed(["ring", word]).values).toEqual(["ring", null]);
    expect(typed(["ring", "none", "-"]).values).toEqual(["ring", "none", "-"]);
  });
  it("stay text where a number would not hold what is written", () => {
    for (const texts of [
      ["4611686018427387905", "1"],
      ["0266", "1200"],
      ["1", "1e400"],
      ["12a", "3"],
    ])
      expect(typed(texts)).toEqual({ type: "string", values: texts });
    expect(typed(["9007199254740991", "0", "0.5"]).type).toBe("number");
    expect(typed(["inf", "-Infinity", "1"]).values).toEqual([Infinity, -Infinity, 1]);
  });
});
