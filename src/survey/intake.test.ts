import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import sharp from "sharp";
import { afterAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/fixtures/surveys.ts";
import { SILENT } from "../base/progress.ts";
import { Random } from "../base/random.ts";
import type { CatalogueRow, Problem } from "../contract/survey.ts";
import { createFromWide } from "../stamps/wide.ts";
import { createSurvey } from "./create.ts";
import { writeFitsImage, writeFitsTable } from "./fits.ts";
import { openSurvey } from "./folder.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());
let made = 0;

/** A survey of small pictures with these names and a table of labels. */
async function intake(
  images: string[],
  table: string | ((path: string) => void | Promise<void>),
  ending = "csv",
): Promise<{ rows: CatalogueRow[]; problems: Problem[] }> {
  const at = join(folder.path, String(++made));
  for (const [i, name] of images.entries()) {
    const path = join(at, "images", name);
    mkdirSync(dirname(path), { recursive: true });
    const random = new Random(i + 1);
    const pixels = Uint8Array.from({ length: 16 * 16 * 3 }, () => random.int(256));
    await sharp(pixels, { raw: { width: 16, height: 16, channels: 3 } })
      .png()
      .toFile(path);
  }
  const labels = join(at, `l.${ending}`);
  if (typeof table === "string") writeFileSync(labels, table);
  else await table(labels);
  const out = join(at, "s");
  const options = { adaptiveCrop: false, command: "test", progress: SILENT };
  await createSurvey({ out, images: join(at, "images"), labels, ...options });
  const survey = await openSurvey(out);
  const rows = survey.rows.map((row) => ({
    ...row,
    id: row.id,
    source: row.source,
    raDeg: row.raDeg,
    decDeg: row.decDeg,
    columns: row.columns,
  }));
  survey.close();
  return { rows, problems: survey.problems };
}
const idsOf = (rows: CatalogueRow[]) => Object.fromEntries(rows.map(({ source, id }) => [source, id]));
const codes = (problems: Problem[]) => problems.map(({ code }) => code).sort();

async function parquet(path: string, select: string): Promise<void> {
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  await connection.run(`COPY (${select}) TO '${path}' (FORMAT parquet)`);
  connection.closeSync();
}
const three = ["a.png", "b.png", "c.png"];

describe("ids", () => {
  const wide = ["4611686018427387905", "4611686018427387906", "18446744073709551615"];
  it("of 64 bits are exact, in every format", async () => {
    const csv = await intake(three, `file,objID\n${three.map((file, i) => `${file},${wide[i]}`).join("\n")}\n`);
    const select = three
      .map((file, i) => `SELECT '${file}' AS file, ${wide[i]}::UBIGINT AS "objID"`)
      .join(" UNION ALL ");
    const duck = await intake(three, (path) => parquet(path, select), "parquet");
    expect(Object.values(idsOf(csv.rows))).toEqual(wide);
    expect(Object.values(idsOf(duck.rows))).toEqual(wide);
    const signed = await intake(
      three,
      (path) => {
        writeFitsTable(path, [
          { name: "FILE", type: "string", values: three },
          { name: "ID", type: "integer", values: [2 ** 53 - 1, -5, 7] },
        ]);
      },
      "fits",
    );
    expect(Object.values(idsOf(signed.rows))).toEqual(["9007199254740991", "-5", "7"]);
  });

  it("that look like numbers stay as they are written, and find their images", async () => {
    const names = ["150.10", "007", "12e4", "-3", "0x10"];
    const { rows, problems } = await intake(
      names.map((name) => `${name}.png`),
      `id,label\n${names.map((name) => `${name},x`).join("\n")}\n`,
    );
    expect(rows.map(({ id }) => id).sort()).toEqual([...names].sort());
    expect(problems).toEqual([]);
  });

  it("that cannot be ids are replaced and named", async () => {
    const long = "z".repeat(300);
    const files = ["a.png", "b.png", "c.png", "d.png"];
    const { rows, problems } = await intake(files, `file,id\na.png,__proto__\nb.png,${long}\nc.png,"x\ty"\nd.png, \n`);
    expect(idsOf(rows)).toEqual({
      "a.png": "object __proto__",
      "b.png": expect.stringMatching(/^z{180}… [0-9a-f]{12}$/),
      "c.png": "x y",
      "d.png": "d",
    });
    expect(codes(problems)).toEqual(["ID_CHANGED", "ID_CHANGED", "ID_CHANGED"]);
  });
});

describe("the column of ids", () => {
  it.each(["OBJID", "sourceId", "TARGETID", "IAUName", "ID_COSMOS", "gz2_id", "Object ID", "dr7objid", "NUMBER"])(
    "may be called %s",
    async (name) => {
      const { rows } = await intake(["1.png", "2.png"], `${name},label\n1,x\n2,y\n`);
      expect(rows.map(({ id, columns }) => [id, columns.label])).toEqual([
        ["1", "x"],
        ["2", "y"],
      ]);
    },
  );
  it("has a value of its own in every row, unless it is called so", async () => {
    const { rows } = await intake(["a.png", "b.png"], "file,source,type_id\na.png,hst,4\nb.png,hst,4\n");
    expect(rows.map(({ id, columns }) => [id, columns.source_catalogue])).toEqual([
      ["a", "hst"],
      ["b", "hst"],
    ]);
  });
});

describe("joining", () => {
  it("goes by the file where the table has one, whatever the ids are like", async () => {
    const { rows } = await intake(
      ["1.png", "2.png", "3.png"],
      "id,file_loc,label\n1,/share/img/3.png,three\n2,C:\\img\\1.jpg,one\n3,2,two\n",
    );
    expect(rows.map(({ id, columns }) => [id, columns.label])).toEqual([
      ["2", "one"],
      ["3", "two"],
      ["1", "three"],
    ]);
  });

  it("tells files of one name in several folders apart", async () => {
    const files = ["bar/1.png", "spiral/1.png"];
    const byPath = await intake(files, "file,label\n/data/spiral/1.png,S\n/data/bar/1.png,B\n");
    expect(byPath.rows.map(({ id, columns }) => [id, columns.label])).toEqual([
      ["bar/1", "B"],
      ["spiral/1", "S"],
    ]);
    const byId = await intake(files, "id,label\nspiral/1,S\n1,?\n");
    expect(byId.rows.map(({ columns }) => columns.label)).toEqual([null, "S"]);
    expect(codes(byId.problems)).toEqual(["AMBIGUOUS_ROW", "IMAGE_WITHOUT_ROW"]);
    // The row of a file that is missing goes to none of the others.
    const gone = await intake(["bar/1.png", "spiral/2.png"], "file,label\nspiral/1.png,S\nspiral/2.png,S2\n");
    expect(gone.rows.map(({ columns }) => columns.label)).toEqual([null, "S2"]);
    expect(codes(gone.problems)).toEqual(["IMAGE_WITHOUT_ROW", "ROW_WITHOUT_IMAGE"]);
  });
});

describe("positions", () => {
  it.each([
    ["ra,dec", "150.10208333,2.20130556"],
    ["RA,DEC", "10:00:24.5,+02:12:04.7"],
    ["ALPHA_J2000,DELTA_J2000", "10 00 24.5,02 12 04.7"],
    ["_RAJ2000,_DEJ2000", "10h00m24.5s,+2d12m04.7s"],
    ["RA_ICRS,DE_ICRS", "150d06m07.5s,2°12′04.7″"],
    ["ra_err,dec_err,RA_TARG,DEC_TARG", "1,1,150.10208333,2.20130556"],
    ["pmra,pmdec,fiber_ra,fiber_dec", "1,1,150.10208333,2.20130556"],
    ["ra_hours,dec_deg", "10.006805555,2.20130556"],
    ["RAh,RAm,RAs,DE-,DEd,DEm,DEs", "10,00,24.5,+,2,12,04.7"],
  ])("in %s", async (names, cells) => {
    const { rows, problems } = await intake(["a.png"], `id,${names}\na,${cells}\n`);
    expect(rows[0].raDeg).toBeCloseTo(150.102083, 5);
    expect(rows[0].decDeg).toBeCloseTo(2.201306, 5);
    expect(problems).toEqual([]);
  });

  it("south of the equator by less than a degree, and with a typographic minus", async () => {
    const { rows } = await intake(three, "id,ra,dec\na,0:0:0,-00:30:00\nb,0 0 0,−45 30 00\nc,,\n");
    expect(rows.map(({ decDeg }) => decDeg)).toEqual([-0.5, -45.5, null]);
  });

  it("in the units of a FITS table, or none where those are none of an angle", async () => {
    const table = (unit: string) => (path: string) =>
      writeFitsTable(path, [
        { name: "id", type: "string", values: ["a"] },
        { name: "ra", type: "number", unit, values: [10.01] },
        { name: "dec", type: "number", unit: "deg", values: [2.2] },
      ]);
    expect((await intake(["a.png"], table("h"), "fits")).rows[0].raDeg).toBeCloseTo(150.15, 9);
    expect((await intake(["a.png"], table("rad"), "fits")).rows[0].raDeg).toBeNull();
    const unknown = await intake(["a.png"], table("furlong"), "fits");
    expect([unknown.rows[0].raDeg, unknown.rows[0].columns.ra_catalogue]).toEqual([null, 10.01]);
    expect(codes(unknown.problems)).toEqual(["POSITION_UNREADABLE"]);
  });
});

describe("columns", () => {
  it("of dates, lists, structs and decimals are text that says so; bytes are named as left out", async () => {
    const { rows, problems } = await intake(
      ["a.png"],
      (path) =>
        parquet(
          path,
          `SELECT 'a' AS id, DATE '2024-01-02' AS day, TIMESTAMP '2024-01-02 03:04:05' AS t, [1, 2] AS list, {'k': 9007199254740993} AS struct,
           1.25::DECIMAL(6, 3) AS d, 'nan' AS label, 'NaN'::DOUBLE AS z, 'x'::BLOB AS raw, true AS "isRing"`,
        ),
      "parquet",
    );
    expect(rows[0].columns).toEqual({
      day: "2024-01-02",
      t: "2024-01-02T03:04:05",
      list: "[1,2]",
      struct: '{"k":9007199254740993}',
      d: 1.25,
      label: null,
      z: null,
      isRing: true,
    });
    expect(problems.map(({ code, message }) => [code, message.split(" holds")[0]])).toEqual([
      ["COLUMN_LEFT_OUT", "column raw (BLOB)"],
    ]);
  });

  it("that differ in case only, or have names of ours, are all kept", async () => {
    const { rows } = await intake(["a.png"], "id,G,g,quality,__proto__,constructor\na,1,2,good,3,4\n");
    expect(Object.entries(rows[0].columns)).toEqual([
      ["G", 1],
      ["g_2", 2],
      ["quality_catalogue", "good"],
      ["__proto__", 3],
      ["constructor", 4],
    ]);
  });

  it("come from the file that was named, not from a pattern", async () => {
    const { rows } = await intake(
      ["a.png"],
      (path) => {
        writeFileSync(path, "id,label\na,right\n");
        writeFileSync(path.replace("[1]", "1"), "id,label\na,wrong\n");
      },
      "[1].csv",
    );
    expect(rows[0].columns.label).toBe("right");
    const duck = await intake(
      ["a.png"],
      async (path) => {
        await parquet(path, "SELECT 'a' AS id, 'right' AS label");
        await parquet(path.replace("[1]", "1"), "SELECT 'a' AS id, 'wrong' AS label");
      },
      "[1].parquet",
    );
    expect(duck.rows[0].columns.label).toBe("right");
  });
});

describe("stamps of wide images", () => {
  it("take ids, positions and columns from the catalogue, as label tables do", async () => {
    const random = new Random(1);
    const data = Float32Array.from({ length: 64 * 64 }, () => random.normal());
    const image = join(folder.path, "r.fits");
    writeFitsImage(image, { widthPx: 64, heightPx: 64, planes: 1, data });
    const catalogue = join(folder.path, "c.csv");
    writeFileSync(
      catalogue,
      "SOURCE_ID,X_IMAGE,Y_IMAGE,width,source\n4611686018427387905,33,31,3.5,hst\n,20,20,,\nfar,900,900,1,\n",
    );
    const out = join(folder.path, "wide");
    const options = { adaptiveCrop: false, command: "test", progress: SILENT };
    await createFromWide({ out, images: [image], catalogue, bands: ["r"], sizePx: 16, ...options });
    const survey = await openSurvey(out);
    expect(survey.rows.map(({ id }) => id)).toEqual(["4611686018427387905", "r_2"]);
    expect(survey.rows[0].columns).toMatchObject({ width_catalogue: 3.5, source_catalogue: "hst" });
    expect((await survey.readStamp(0)).data[0]).toBe(data[(30 - 7) * 64 + 32 - 7]);
    expect(survey.problems.map(({ source, code }) => `${source} ${code}`)).toEqual(["c.csv line 4 STAMP_OFF_IMAGE"]);
    survey.close();
  });
});
