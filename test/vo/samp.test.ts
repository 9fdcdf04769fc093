/** SAMP with astropy's hub, where Debian's astropy is installed; its XML everywhere. */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildServer } from "../../src/server/app.ts";
import { findHub } from "../../src/server/samp/hub.ts";
import { decodeCall, decodeResponse, encodeCall, encodeResponse } from "../../src/server/samp/xmlrpc.ts";
import { openSurvey, type Survey } from "../../src/survey/folder.ts";
import { smallSurvey, temporaryFolder, writeToyFeatures } from "../fixtures/surveys.ts";

const PYTHON = "/usr/bin/python3";
const hasAstropy = spawnSync(PYTHON, ["-c", "import astropy.samp"]).status === 0;
const folder = temporaryFolder();
afterAll(() => folder.remove());

describe("XML-RPC", () => {
  it("comes back as it was written", () => {
    const value = { text: 'a < b & "c" ü', list: ["1", { deep: [] }, ""], map: {} };
    expect(decodeCall(encodeCall("samp.hub.notifyAll", ["key", value]))).toEqual({
      method: "samp.hub.notifyAll",
      params: ["key", value],
    });
    expect(decodeResponse(encodeResponse(value))).toEqual(value);
  });
  it("is read as Python and Java write it, and faults are thrown", () => {
    const call =
      "<?xml version='1.0'?>\n<methodCall>\n<methodName>m</methodName>\n<params>\n<param>\n<value>bare</value>\n</param><param><value><i4>7</i4></value></param><param><value/></param>\n</params>\n</methodCall>";
    expect(decodeCall(call)).toEqual({ method: "m", params: ["bare", "7", ""] });
    expect(() =>
      decodeResponse(
        "<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>1</int></value></member><member><name>faultString</name><value><string>no</string></value></member></struct></value></fault></methodResponse>",
      ),
    ).toThrow("no");
    for (const wrong of [
      "",
      "<html></html>",
      "<methodCall><methodName>m</methodName><params><param><value><array><data>",
    ])
      expect(() => decodeCall(wrong)).toThrow();
  });
});

describe("hubs", () => {
  it("are those of this machine that a lock file names", () => {
    const lock = join(folder.path, "lock");
    const found = (url: string) => {
      writeFileSync(lock, `# SAMP\nsamp.secret=abc\nsamp.hub.xmlrpc.url=${url}\n`);
      return findHub({ SAMP_HUB: `std-lockurl:file://${lock}` });
    };
    expect(found("http://127.0.0.1:21012/xmlrpc")).toEqual({ url: "http://127.0.0.1:21012/xmlrpc", secret: "abc" });
    expect(found("http://example.org/xmlrpc")).toBeNull();
    expect(findHub({ SAMP_HUB: "std-lockurl:http://example.org/lock" })).toBeNull();
    expect(findHub({ SAMP_HUB: `std-lockurl:file://${lock}-none` })).toBeNull();
  });

  it("are left alone by a server that others reach", async () => {
    const path = await smallSurvey(folder.path, 20, "others");
    const app = await buildServer({ surveys: [path], token: "secret" });
    const headers = { host: "127.0.0.1", authorization: "Bearer secret" };
    expect((await app.inject({ url: "/api/samp", headers })).json()).toMatchObject({ allowed: false, peers: [] });
    expect((await app.inject({ method: "POST", url: "/api/samp/connect", headers })).json()).toMatchObject({
      code: "SAMP_OFF",
    });
    await app.close();
  });
});

describe.skipIf(!hasAstropy)("with astropy's hub", () => {
  let peer: ChildProcessWithoutNullStreams;
  let app: FastifyInstance;
  let survey: Survey;
  let session = "";
  const lines: Record<string, unknown>[] = [];
  const headers = { host: "127.0.0.1" };
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
    const path = await smallSurvey(folder.path, 30);
    survey = await openSurvey(path);
    writeToyFeatures(
      path,
      survey.header.dataHash,
      Array.from({ length: 30 }, (_, n) => n % 3 === 0),
    );
    app = await buildServer({ surveys: [path] });
    const ids = (rows: number[]) => rows.map((row) => survey.row(row).id);
    const begun = {
      survey: "small",
      model: "toy",
      target: "rings",
      who: "ann",
      positive: ids([0, 3]),
      negative: ids([1, 2]),
    };
    session = (await post("/api/sessions", begun)).session;
    await until(() => lines.find((line) => line.ready === true));
  });
  afterAll(async () => {
    delete process.env.SAMP_HUB;
    survey.close();
    await app.close();
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
    expect(table.params.name).toBe("rings (small)");
    expect(table.text.match(/<TR>/g)).toHaveLength(30);
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
