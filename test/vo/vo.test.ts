/** Other programs read what Skyloop writes, answers and sends: stilts, pyvo and astropy, where they are installed. */
import { type ChildProcessWithoutNullStreams, execFile, spawn, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SILENT } from "../../src/base/progress.ts";
import { matchTable } from "../../src/loop/cross-match.ts";
import { buildServer } from "../../src/server/app.ts";
import { openSurvey, type Survey } from "../../src/survey/folder.ts";
import { measureSurvey } from "../../src/tasks/measure/measure-survey.ts";
import { featuredSurvey, temporaryFolder } from "../fixtures/surveys.ts";

const COUNT = 40;
/** Measured numbers whose units are not VOUnits' own names: nanomaggies, pixels and their squares. */
const MEASURED = [
  "kron_flux_r",
  "kron_flux_err_r",
  "r50",
  "adaptive_angle",
  "axis_ratio",
  "gini",
  "snr",
  "x",
  "area",
  "flags",
];
const PYTHON = "/usr/bin/python3";
const has = (program: string, ...args: string[]) => spawnSync(program, args).status === 0;
const hasStilts = has("stilts", "-version");
const hasAstropy = has(PYTHON, "-c", "import astropy");
const hasPyvo = has(PYTHON, "-c", "import pyvo");
const run = async (program: string, ...args: string[]) => (await promisify(execFile)(program, args)).stdout;

const folder = temporaryFolder();
let app: FastifyInstance;
let survey: Survey;
let session = "";
let address = "";
const headers = { host: "127.0.0.1" };
const get = (url: string) => app.inject({ method: "GET", url, headers });

beforeAll(async () => {
  const path = await featuredSurvey(folder.path, COUNT, (row) => row % 3 === 0);
  await measureSurvey(path, { workers: 1, progress: SILENT });
  survey = await openSurvey(path);
  app = await buildServer({ surveys: [path] });
  await app.listen({ host: "127.0.0.1", port: 0 });
  address = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  const ids = (rows: number[]) => rows.map((row) => survey.row(row).id);
  const begun = {
    survey: "small",
    model: "toy",
    target: "Rings & <bars>",
    who: "Zoë",
    positive: ids([0, 3]),
    negative: ids([1, 2]),
    seed: 7,
  };
  const made = await app.inject({
    method: "POST",
    url: "/api/sessions",
    payload: begun,
    headers: { host: "127.0.0.1" },
  });
  session = made.json().session;
});
afterAll(async () => {
  survey.close();
  await app.close();
  folder.remove();
});

const rowsOf = (xml: string) =>
  [...xml.matchAll(/<TR><TD>([^<]*)<\/TD><TD>([^<]*)<\/TD><TD>([^<]*)<\/TD>/g)].map((match) => match[1]);

describe("exports for other programs", () => {
  const url = (format: string) =>
    `/api/sessions/${session}/export?format=${format}&columns=rank&columns=reason&columns=time&columns=file&columns=magR${MEASURED.map((name) => `&columns=measured.${name}`).join("")}`;

  it("say what they are: frame, units, UCDs, session, seed and data", async () => {
    const xml = (await get(url("votable"))).body;
    expect(xml).toContain("<DESCRIPTION>Ranking of the search for Rings &#38; &#60;bars&#62; in ");
    expect(xml).toContain(`<INFO name="session" value="${session}"/>`);
    expect(xml).toContain('<INFO name="seed" value="7"/>');
    expect(xml).toContain(`<INFO name="data_hash" value="${survey.header.dataHash}"/>`);
    expect(xml).toContain('<COOSYS ID="icrs" system="ICRS"/>');
    expect(xml).toContain('<FIELD name="ra" datatype="double" unit="deg" ucd="pos.eq.ra;meta.main" ref="icrs">');
  });

  it("have no score and no rank before anything was ranked", async () => {
    const [names, first] = (await get(`/api/sessions/${session}/export?format=csv&columns=rank`)).body.split("\n");
    const cells = first.split(",");
    expect(["score", "rank"].map((name) => cells[names.split(",").indexOf(name)])).toEqual(["", ""]);
  });

  it.skipIf(!hasStilts)("pass stilts votlint without a word", async () => {
    const path = join(folder.path, "export.vot");
    writeFileSync(path, (await get(url("votable"))).body);
    expect(await run("stilts", "votlint", `votable=${path}`, "ucd=true", "unit=true")).toBe("");
  });

  it.skipIf(!hasAstropy)("are read by astropy without a warning", async () => {
    const [vot, fits] = [join(folder.path, "a.vot"), join(folder.path, "a.fits")];
    writeFileSync(vot, (await get(url("votable"))).rawPayload);
    writeFileSync(fits, (await get(url("fits"))).rawPayload);
    const script = `
import warnings
from astropy.io.votable import parse
from astropy.io.votable.ucd import check_ucd
from astropy.table import Table
read = parse("${vot}", verify="exception").get_first_table()
print([field.ucd for field in read.fields if field.ucd and not check_ucd(field.ucd, check_controlled_vocabulary=True)])
vot = read.to_table()
# FITS has no quotes for a unit that it does not know; the Legacy Surveys write this one so.
warnings.filterwarnings("ignore", "'nanomaggy' did not parse as fits unit")
fits = Table.read("${fits}")
print(len(vot), len(fits), fits["ra"].unit, vot["dec"].unit, vot["who"][list(vot["label"]).index("positive")])
print(vot["measured_kron_flux_r"].unit, vot["measured_area"].unit, fits["measured_x"].unit)`;
    expect((await run(PYTHON, "-W", "error", "-c", script)).trim().split("\n")).toEqual([
      "[]",
      `${COUNT} ${COUNT} deg deg Zoë`,
      "nanomaggy pix2 pix",
    ]);
  });
});

describe("Simple Cone Search", () => {
  it("answers with a VOTable: nothing for SR=0, everything for SR=180, mistakes in words", async () => {
    const { raDeg, decDeg, id } = survey.row(5);
    const ask = async (query: string) => (await get(`/vo/scs?${query}`)).body;
    const near = await ask(`RA=${raDeg}&DEC=${decDeg}&SR=0.0001`);
    expect(rowsOf(near)).toEqual([id]);
    expect(near).toContain('ucd="POS_EQ_RA_MAIN" ref="icrs"');
    const none = await ask("RA=0&DEC=0&SR=0");
    expect([rowsOf(none), none.includes('ucd="ID_MAIN"')]).toEqual([[], true]);
    expect(rowsOf(await ask("ra=0&dec=0&sr=180&VERB=1"))).toHaveLength(COUNT);
    expect(await ask("RA=0&DEC=0&SR=180&MAXREC=3")).toContain('<INFO name="QUERY_STATUS" value="OVERFLOW"/>');
    expect(await ask("RA=0&DEC=0&SR=180&VERB=3")).toContain('name="magR"');
    expect(await ask("RA=x&DEC=0&SR=1")).toContain('<INFO name="Error" value="RA is a number from 0 to 360, not x"/>');
    expect(await ask("RA=1&DEC=0")).toContain("SR is a number from 0 to 180, and it is missing");
    expect((await get("/vo/other/scs?RA=1&DEC=0&SR=1")).body).toContain("no survey other is served here");
    const { total, objects } = (await get(`/api/surveys/small/cone?ra=${raDeg}&dec=${decDeg}&radius=0.0001`)).json();
    expect([total, objects[0].object, objects[0].separationArcsec]).toEqual([1, id, 0]);
  });

  it("asks for the token as the API does, and nobody who has one may use SAMP", async () => {
    const guarded = await buildServer({ surveys: [survey.folder], token: "secret" });
    const status = async (query: string) =>
      (await guarded.inject({ url: `/vo/scs?RA=1&DEC=1&SR=0${query}`, headers: { host: "127.0.0.1" } })).statusCode;
    expect([await status(""), await status("&token=secret")]).toEqual([401, 200]);
    const bearer = { ...headers, authorization: "Bearer secret" };
    expect((await guarded.inject({ url: "/api/samp", headers: bearer })).json()).toMatchObject({
      allowed: false,
      peers: [],
    });
    const connect = await guarded.inject({ method: "POST", url: "/api/samp/connect", headers: bearer });
    expect(connect.json()).toMatchObject({ code: "SAMP_OFF" });
    await guarded.close();
  });

  it.skipIf(!hasStilts)("is read by stilts: votlint silent, coneskymatch finds each object once", async () => {
    const path = join(folder.path, "cone.vot");
    writeFileSync(path, (await get("/vo/scs?RA=0&DEC=0&SR=180&VERB=3")).body);
    expect(await run("stilts", "votlint", `votable=${path}`)).toBe("");
    const table = join(folder.path, "positions.csv");
    const rows = [0, 5, 9].map((row) => survey.row(row));
    writeFileSync(
      table,
      `name,ra,dec\n${rows.map(({ id, raDeg, decDeg }) => `${id},${raDeg},${decDeg}`).join("\n")}\n`,
    );
    const cone = await run(
      "stilts",
      "coneskymatch",
      `serviceurl=${address}/vo/scs?`,
      `in=${table}`,
      "ifmt=csv",
      "ra=ra",
      "dec=dec",
      "sr=0.0001",
      "verb=1",
      "ofmt=csv",
    );
    const lines = cone
      .trim()
      .split("\n")
      .slice(1)
      .map((line) => line.split(","));
    expect(lines.map(([name, , , id]) => [name, id])).toEqual(rows.map(({ id }) => [id, id]));
  });

  it.skipIf(!hasPyvo)("is read by pyvo", async () => {
    const { raDeg, decDeg, id } = survey.row(5);
    const script = `
import pyvo
found = pyvo.conesearch("${address}/vo/scs?", (${raDeg}, ${decDeg}), 0.0001)
print(len(found), found[0].id, abs(found[0].pos.ra.deg - ${raDeg}) < 1e-9)`;
    expect((await run(PYTHON, "-c", script)).trim()).toBe(`1 ${id} True`);
  });
});

describe("tables of others", () => {
  it("get the nearest object, its distance, and how many rows share it", async () => {
    const [a, b] = [survey.row(2), survey.row(7)];
    const text = [
      `mag,ra,dec`,
      `1,${a.raDeg},${(a.decDeg as number) + 0.5 / 3600}`,
      `2,${a.raDeg},${a.decDeg}`,
      `3,${b.raDeg},${b.decDeg}`,
      "4,,",
    ].join("\n");
    const [table, out] = [join(folder.path, "mine.csv"), join(folder.path, "matched.csv")];
    writeFileSync(table, text);
    expect(await matchTable(survey, table, 1, { path: out, format: "csv" })).toMatchObject({
      matched: 3,
      ambiguous: 2,
    });
    const lines = readFileSync(out, "utf8")
      .trim()
      .split("\n")
      .map((line) => line.split(","));
    expect(lines[0]).toEqual(["mag", "ra", "dec", "object", "separation", "shared_by"]);
    expect(lines.slice(1).map((line) => [line[3], line[5]])).toEqual([
      [a.id, "2"],
      [a.id, "2"],
      [b.id, "1"],
      ["", ""],
    ]);
    expect(Number(lines[1][4])).toBeCloseTo(0.5, 6);
    const answer = await app.inject({
      method: "POST",
      url: "/api/surveys/small/match",
      payload: { text },
      headers: { host: "127.0.0.1" },
    });
    expect(answer.json()).toMatchObject({
      matched: 3,
      ambiguous: 2,
      rows: [{ object: a.id, sharedBy: 2 }, {}, {}, { object: null }],
    });
  });
});

describe.skipIf(!hasAstropy)("SAMP with astropy's hub", () => {
  let peer: ChildProcessWithoutNullStreams;
  const lines: Record<string, unknown>[] = [];
  const post = async (url: string, payload: object) =>
    (await app.inject({ method: "POST", url, payload, headers })).json();
  const state = async () => (await app.inject({ url: "/api/samp", headers })).json();
  async function until<T>(look: () => T | undefined | Promise<T | undefined>): Promise<T> {
    for (const end = Date.now() + 20_000; Date.now() < end; ) {
      const found = await look();
      if (found !== undefined) return found;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`nothing came; so far ${JSON.stringify(lines).slice(0, 500)}`);
  }
  const got = (type: string) => until(() => lines.find((line) => line.got === type));
  const send = (mtype: string, params: object, how = "notify") =>
    peer.stdin.write(`${JSON.stringify({ mtype, params, how })}\n`);

  beforeAll(async () => {
    const lock = join(folder.path, "samp");
    peer = spawn(PYTHON, [join(import.meta.dirname, "samp-peer.py"), lock]);
    // The hub writes a log of its own there.
    createInterface({ input: peer.stdout }).on("line", (line) => line.startsWith("{") && lines.push(JSON.parse(line)));
    process.env.SAMP_HUB = `std-lockurl:file://${lock}`;
    await until(() => lines.find((line) => line.ready === true));
  });
  afterAll(async () => {
    delete process.env.SAMP_HUB;
    peer.stdin.end();
    await new Promise((resolve) => (peer.exitCode === null ? peer.on("close", resolve) : resolve(null)));
  });

  it("sends tables and positions, and selects the object that is pointed at or whose row is highlighted", async () => {
    expect(await state()).toMatchObject({ allowed: true, hub: true, connected: false });
    const { peers } = await post("/api/samp/connect", {});
    expect(peers).toMatchObject([{ name: "Fake TOPCAT", tables: true, positions: true }]);

    expect((await post("/api/samp/table", { session, columns: ["rank"], filter: { order: "id" } })).to).toEqual([
      peers[0].id,
    ]);
    const table = (await got("table.load.votable")) as { params: Record<string, string>; text: string };
    expect(table.params.name).toBe("Rings & <bars> (small)");
    expect(table.text.match(/<TR>/g)).toHaveLength(COUNT);
    expect(table.text).toContain('<COOSYS ID="icrs"');

    const { id, raDeg, decDeg } = survey.row(4);
    expect((await post("/api/samp/point", { survey: "small", object: id, to: peers[0].id })).to).toEqual([peers[0].id]);
    expect(((await got("coord.pointAt.sky")) as { params: object }).params).toEqual({
      ra: String(raDeg),
      dec: String(decDeg),
    });

    const selected = (object: string) =>
      until(async () => ((await state()).selected?.object === object ? true : undefined));
    const { row } = { row: survey.row(9) };
    send("coord.pointAt.sky", { ra: String(row.raDeg), dec: String(row.decDeg) });
    await selected(row.id);
    // As a call, which wants an answer.
    send("table.highlight.row", { "table-id": table.params["table-id"], row: "7" }, "call");
    await selected(survey.row(7).id);
    expect(await until(() => lines.find((line) => line.reply !== undefined))).toEqual({ reply: "samp.ok" });
    send("coord.pointAt.sky", { ra: "nowhere", dec: "91" });
    send("table.highlight.row", { url: table.params.url, row: "8" });
    await selected(survey.row(8).id);
  });
});
