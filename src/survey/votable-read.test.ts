import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { temporaryFolder } from "../../test/fixtures/surveys.ts";
import { log } from "../base/log.ts";
import { readTable, writeTable } from "./catalogue.ts";
import { voError } from "./votable.ts";
import { readVoTable } from "./votable-read.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());
afterEach(() => vi.restoreAllMocks());
const document = (fields: string, rows: string, more = "") => `<?xml version="1.0"?>
<VOTABLE version="1.3" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">${more}<RESOURCE><TABLE>${fields}
<DATA><TABLEDATA>${rows}</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>`;
const FIELDS = `<FIELD name="id" datatype="char" arraysize="*"/>
<FIELD name="ra" datatype="double" unit="deg" ucd="pos.eq.ra;meta.main"><DESCRIPTION>where &lt;it&gt; is</DESCRIPTION></FIELD>
<FIELD name='n' datatype='int'><VALUES null="-99"/></FIELD>
<FIELD name="good" datatype="boolean"/>`;

describe("a VOTable", () => {
  it("gives its columns with types and units, empty cells, references, comments and CDATA", () => {
    const rows = `<TR><TD>a &amp; b &#x3A9;</TD><TD>1.5e2</TD><TD>7</TD><TD>T</TD></TR>
      <!-- <TR><TD>no row</TD></TR> --><TR><TD><![CDATA[<raw> &amp;]]></TD><TD/><TD>-99</TD><TD>?</TD></TR>
      <TR><TD></TD><TD> NaN </TD><TD>0x1f</TD><TD>false</TD></TR>`;
    const doctype = '?><!DOCTYPE VOTABLE SYSTEM "http://us-vo.org/xml/VOTable.dtd">';
    expect(readVoTable(document(FIELDS, rows).replace("?>", doctype), "t.vot")).toEqual({
      columns: [
        { name: "id", unit: undefined, type: "string", values: ["a & b Ω", "<raw> &amp;", null] },
        { name: "ra", unit: "deg", type: "number", values: [150, null, null] },
        { name: "n", unit: undefined, type: "integer", values: [7, null, 31] },
        { name: "good", unit: undefined, type: "boolean", values: [true, null, false] },
      ],
      leftOut: [],
    });
  });

  it("leaves out vectors, numbers columns of one name, keeps long numbers digit by digit, and knows prefixes", () => {
    const fields = `<v:FIELD name="a" datatype="long"/><v:FIELD name="a" datatype="float" arraysize="3"/><v:FIELD name="a" datatype="float" arraysize="1"/>`;
    const rows = "<v:TR><v:TD>4611686018427387905</v:TD><v:TD>1 2 3</v:TD><v:TD>-Inf</v:TD></v:TR>";
    expect(readVoTable(document(fields, rows).replace(/<(\/?)(TABLE|DATA|TABLEDATA)\b/g, "<$1v:$2"), "t.vot")).toEqual({
      columns: [
        { name: "a", unit: undefined, type: "string", values: ["4611686018427387905"] },
        { name: "a_3", unit: undefined, type: "number", values: [-Infinity] },
      ],
      leftOut: [{ name: "a_2", form: "float[3]" }],
    });
  });

  it("is read as a catalogue, packed too, and as it is written here", async () => {
    const path = join(folder.path, "t.vot");
    const columns = [
      { name: "id", type: "string" },
      { name: "ra", type: "number", unit: "deg" },
      { name: "round", type: "integer" },
    ] as const;
    const rows = [
      { id: `<a & "b"> Größe`, ra: 12.25, round: 3 },
      { id: "x", ra: null, round: null },
    ];
    await writeTable(path, "votable", [...columns], rows);
    const table = await readTable(path);
    expect([table.columns, table.rows, [...table.units]]).toEqual([["id", "ra", "round"], rows, [["ra", "deg"]]]);
    writeFileSync(
      join(folder.path, "packed.vot.gz"),
      gzipSync(document(FIELDS, "<TR><TD>a</TD><TD>1</TD><TD>2</TD><TD>1</TD></TR>")),
    );
    expect((await readTable(join(folder.path, "packed.vot.gz"))).rows).toEqual([{ id: "a", ra: 1, n: 2, good: true }]);
  });

  const row = "<TR><TD>a</TD><TD>1</TD><TD>2</TD><TD>1</TD></TR>";
  const whole = document(FIELDS, row);
  it.each([
    ["cut short within a row", whole.slice(0, whole.indexOf("<TD>2")), /ends before its last row/],
    ["cut short within a tag", whole.slice(0, whole.indexOf("TD>2")), /no well-formed XML/],
    ["without rows", whole.replace(/<DATA>[\s\S]*<\/DATA>/, ""), /no table with rows/],
    ["with a row of other length", whole.replace("<TD>a</TD>", ""), /row 1 has 3 cells, the table 4 columns/],
    [
      "with words for numbers",
      whole.replace("<TD>1</TD><TD>2", "<TD>one</TD><TD>2"),
      /row 1, column ra: "one" is no double/,
    ],
    ["with fractions for whole numbers", whole.replace("<TD>2</TD>", "<TD>2.5</TD>"), /column n: "2.5" is no int/],
    [
      "with entities",
      whole.replace("?>", '?><!DOCTYPE v [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>'),
      /declares entities/,
    ],
  ])("%s is named", async (name, xml, message) => {
    const path = join(folder.path, `${name.replaceAll(" ", "-")}.vot`);
    writeFileSync(path, xml);
    await expect(readTable(path)).rejects.toMatchObject({
      code: "TABLE_BROKEN",
      message: expect.stringMatching(message),
    });
  });

  it("with binary rows is refused with how to convert it", async () => {
    const path = join(folder.path, "binary.vot");
    writeFileSync(
      path,
      whole.replace("<TABLEDATA>", '<BINARY2><STREAM encoding="base64">AAAA</STREAM></BINARY2><TABLEDATA>'),
    );
    await expect(readTable(path)).rejects.toMatchObject({
      code: "TABLE_UNKNOWN",
      message: expect.stringContaining("stilts tcopy"),
    });
  });

  it("of 20,000 rows takes no time that grows with their square, and damaged ones neither", () => {
    const many = document(FIELDS, row.repeat(20_000));
    const began = performance.now();
    expect(readVoTable(many, "t.vot").columns[0].values).toHaveLength(20_000);
    expect(() => readVoTable(many.replaceAll("</TABLEDATA>", "<"), "t.vot")).toThrow(/well-formed|ends before/);
    expect(() => readVoTable(`<VOTABLE ${'a="b" '.repeat(50_000)}`, "t.vot")).toThrow(/well-formed/);
    expect(performance.now() - began).toBeLessThan(30_000);
  });
});

describe("a server's status in a VOTable", () => {
  const row = "<TR><TD>a</TD><TD>1</TD><TD>2</TD><TD>1</TD></TR>";
  const whole = document(FIELDS, row);
  const status = (value: string, words: string) => `<INFO name="QUERY_STATUS" value="${value}">${words}</INFO>`;
  const failed = (info: string) => `<VOTABLE><RESOURCE type="results">${info}</RESOURCE></VOTABLE>`;

  it.each([
    ["a TAP service", failed(status("ERROR", "unknown column &quot;redshft&quot;")), 'unknown column "redshft"'],
    [
      "words on several lines",
      failed(status("ERROR", "<![CDATA[no\n\tsuch]]>\u001b[2J\u202e table ")),
      "no such [2J table",
    ],
    ["a long text", failed(status("error", "ä".repeat(4000))), `${"ä".repeat(300)}…`],
    ["no words", failed('<INFO name="QUERY_STATUS" value="ERROR"/>'), "it gives no reason"],
    ["a cone search", voError("SR is no <number>"), "SR is no <number>"],
    ["an older cone search", failed('<PARAM name="Error" datatype="char" value="no RA"/>'), "no RA"],
    [
      "columns without rows",
      whole.replace(/<DATA>.*<\/DATA>/s, "").replace("<TABLE>", `${status("ERROR", "late")}<TABLE>`),
      "late",
    ],
    [
      "a failure after the first rows",
      whole.replace("</RESOURCE>", `${status("ERROR", "time is up")}$&`),
      "time is up",
    ],
  ])("gives the message of %s, and a remedy", async (name, xml, words) => {
    const path = join(folder.path, `${name.replaceAll(" ", "-")}.vot`);
    writeFileSync(path, xml);
    await expect(readTable(path)).rejects.toMatchObject({
      code: "QUERY_FAILED",
      message: `${path} holds a server's error and no whole table: ${words}; correct the query or ask again later, and save the new answer`,
    });
  });

  it.each([
    ["before", whole.replace("<TABLE>", `${status("OVERFLOW", "")}$&`)],
    ["behind", whole.replace("<TABLE>", `${status("OK", "")}$&`).replace("</RESOURCE>", `${status("OVERFLOW", "")}$&`)],
  ])("warns of rows that were left out, said %s them, and gives the others", (_, xml) => {
    const warn = vi.spyOn(log, "warn").mockReturnValue();
    expect(readVoTable(xml, "t.vot").columns[0].values).toEqual(["a"]);
    expect(warn.mock.calls).toEqual([[{ path: "t.vot", rows: 1 }, expect.stringMatching(/left out rows.*MAXREC/)]]);
  });

  it("is silent where all is well, or a parameter beside the rows is called an error", () => {
    const warn = vi.spyOn(log, "warn").mockReturnValue();
    const more = `${status("OK", "ERROR")}<INFO name="provider" value="OVERFLOW"/><PARAM name="error" datatype="float" value="0.1"/>`;
    expect(readVoTable(whole.replace("<TABLE>", `${more}$&`), "t.vot").columns).toHaveLength(4);
    expect(warn).not.toHaveBeenCalled();
  });
});
