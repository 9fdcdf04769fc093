import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import sharp from "sharp";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import {
  type Behaviour,
  type CutoutService,
  cutoutBytes,
  cutoutPixels,
  sendFits,
  startCutoutService,
  wellBehaved,
} from "../../../test/fixtures/cutout-service.ts";
import { temporaryFolder } from "../../../test/fixtures/surveys.ts";
import { codeOf } from "../../base/errors.ts";
import { PACKAGE_ROOT } from "../../base/paths.ts";
import { SILENT } from "../../base/progress.ts";
import { keepWhatFits } from "../../loop/keep.ts";
import { openSurvey } from "../folder.ts";
import { type DownloadOptions, downloadSurvey } from "./index.ts";

const folder = temporaryFolder();
const services: CutoutService[] = [];
afterEach(async () => {
  for (const service of services.splice(0)) await service.close();
});
afterAll(() => folder.remove());

let names = 0;
const newName = () => join(folder.path, `survey-${++names}`);

async function serve(behaviours: Record<string, Behaviour> = {}, otherwise = wellBehaved): Promise<CutoutService> {
  const service = await startCutoutService(behaviours, otherwise);
  services.push(service);
  return service;
}

/** A catalogue of `id,ra,dec` rows. */
function catalogue(rows: [id: string, ra: number | string, dec: number | string][], header = "id,ra,dec"): string {
  const path = `${newName()}.csv`;
  writeFileSync(path, [header, ...rows.map((row) => row.join(","))].join("\n"));
  return path;
}

const download = (options: Partial<DownloadOptions> & Pick<DownloadOptions, "out" | "catalogue" | "from">) =>
  downloadSurvey({
    sizePx: 16,
    pictures: false,
    adaptiveCrop: false,
    perSecond: 1000,
    atOnce: 4,
    version: "1.2.3",
    timeoutMs: 20_000,
    tries: 3,
    backoffMs: 2,
    keepFiles: false,
    command: "test",
    progress: () => SILENT,
    ...options,
  });

const html = "<html><body><h1>Down for maintenance</h1></body></html>";
const blank = new Float32Array(3 * 256);
/** Pixels of which the upper rows were not observed. */
const partly = Float32Array.from({ length: 3 * 256 }, (_, i) => (i % 256 < 200 ? i + 1 : Number.NaN));

/** Each way of going wrong: what the service does, what the survey says, how often it is asked. */
const FAULTS: Record<string, { does: Behaviour; code: string | null; asked: number }> = {
  good: { does: wellBehaved, code: null, asked: 1 },
  gzipped: { does: (asked, response) => sendFits(response, gzipSync(cutoutBytes(asked))), code: null, asked: 1 },
  "away once": {
    does: (asked, r) => (asked.time === 1 ? r.writeHead(502).end() : wellBehaved(asked, r, r.req)),
    code: null,
    asked: 2,
  },
  "reset once": {
    does: (asked, r) => (asked.time === 1 ? r.destroy() : wellBehaved(asked, r, r.req)),
    code: null,
    asked: 2,
  },
  "cut off once": {
    does: (asked, response) => {
      if (asked.time > 1) return wellBehaved(asked, response, response.req);
      response.writeHead(200, { "content-length": 9000 }).write(cutoutBytes(asked).subarray(0, 3000));
      setTimeout(() => response.destroy(), 5);
    },
    code: null,
    asked: 2,
  },
  "silent once": {
    does: (asked, response) => void (asked.time > 1 && wellBehaved(asked, response, response.req)),
    code: null,
    asked: 2,
  },
  moved: {
    does: (asked, response, { url = "" }) =>
      void (url.includes("moved")
        ? wellBehaved(asked, response, response.req)
        : response.writeHead(302, { location: `${url}&moved=1` }).end()),
    code: null,
    asked: 2,
  },
  "in circles": {
    does: (_, response, { url }) => void response.writeHead(302, { location: url }).end(),
    code: "SERVICE_AWAY",
    asked: 63,
  },
  away: { does: (_, response) => void response.writeHead(500).end(), code: "SERVICE_AWAY", asked: 3 },
  throttled: { does: (_, response) => void response.writeHead(429).end(), code: "THROTTLED", asked: 3 },
  nowhere: { does: (_, response) => void response.writeHead(404).end(), code: "NOT_COVERED", asked: 1 },
  refused: { does: (_, response) => void response.writeHead(400).end(), code: "REQUEST_REFUSED", asked: 1 },
  page: {
    does: (_, response) => void response.writeHead(200, { "content-type": "text/html" }).end(html),
    code: "NOT_FITS",
    asked: 3,
  },
  empty: { does: (_, response) => void response.writeHead(200).end(), code: "NOT_FITS", asked: 3 },
  truncated: {
    does: (asked, response) => sendFits(response, cutoutBytes(asked).subarray(0, 4000)),
    code: "TRUNCATED",
    asked: 3,
  },
  "headers cut": {
    does: (asked, response) => sendFits(response, cutoutBytes(asked).subarray(0, 400)),
    code: "TRUNCATED",
    asked: 3,
  },
  smaller: {
    does: (asked, response) => sendFits(response, cutoutBytes(asked, { sizePx: 12 })),
    code: "WRONG_SIZE",
    asked: 1,
  },
  coarser: {
    does: (asked, response) => sendFits(response, cutoutBytes(asked, { scaleArcsec: 0.3 })),
    code: "WRONG_SIZE",
    asked: 1,
  },
  huge: {
    does: (_, response) => sendFits(response, Buffer.alloc(2 ** 22 + 64 * 3 * 256 + 1, 32)),
    code: "WRONG_SIZE",
    asked: 1,
  },
  elsewhere: {
    does: (asked, response) => sendFits(response, cutoutBytes(asked, { decDeg: asked.decDeg + 2 / 3600 })),
    code: "WRONG_PLACE",
    asked: 1,
  },
  "two bands": {
    does: (asked, response) => sendFits(response, cutoutBytes(asked, { bands: ["g", "r"] })),
    code: "BAND_MISSING",
    asked: 1,
  },
  "other bands": {
    does: (asked, response) => sendFits(response, cutoutBytes(asked, { bands: ["g", "r", "i"] })),
    code: "BAND_MISSING",
    asked: 1,
  },
  blank: {
    does: (asked, response) => sendFits(response, cutoutBytes(asked, { data: blank })),
    code: "NOT_COVERED",
    asked: 1,
  },
};

describe("survey download", () => {
  it("names every fault of a service, asks again where that may help, and takes in the rest", async () => {
    const all = Object.entries(FAULTS);
    const service = await serve(Object.fromEntries(all.map(([, { does }], i) => [String(10 + i), does])));
    const out = newName();
    const rows = all.map(([id], i): [string, number, number] => [id, 10 + i, 2]);
    const options = { out, catalogue: catalogue(rows), from: service.template, atOnce: 1, timeoutMs: 1000 };
    const result = await download(options);
    const survey = await openSurvey(out);
    const said = (id: string) => survey.problems.find(({ message }) => message.startsWith(`${id}: `))?.code ?? null;
    expect(all.map(([id]) => [id, said(id)])).toEqual(all.map(([id, { code }]) => [id, code]));
    expect(all.map(([id], i) => [id, service.counts.get(`${10 + i} 2`)])).toEqual(
      all.map(([id, { asked }]) => [id, asked]),
    );
    const taken = all.filter(([, { code }]) => code === null).map(([id]) => id);
    expect(Array.from({ length: survey.count }, (_, row) => survey.row(row).id)).toEqual(taken);
    survey.close();
    // Another day may help with these alone.
    expect(result.unfinished).toBe(8);
    expect(result.missing.get("WRONG_SIZE")).toBe(3);
    service.counts.clear();
    await download({ ...options, atOnce: 4, tries: 1, replace: keepWhatFits() });
    const may = all.flatMap(([, { code, asked }], i) =>
      code !== null && (asked > 1 || code === "REQUEST_REFUSED") ? [`${10 + i} 2`] : [],
    );
    expect([...service.counts.keys()].sort()).toEqual(may.sort());
  });

  it("takes in the pixels of the service, bands in the order that is asked for, with where they came from", async () => {
    const service = await serve({
      // The header names its bands in another order than they were asked for.
      "20": (asked, response) => sendFits(response, cutoutBytes(asked, { bands: ["z", "g", "r"] })),
      "30": (asked, response) => sendFits(response, cutoutBytes(asked, { data: partly })),
    });
    const out = newName();
    const rows: [string, number, number, number][] = [
      ["a", 10, 2, 17.5],
      ["b", 20, -89.5, 18],
      ["c", 30, 2, 19],
    ];
    const path = catalogue(rows as never, "id,ra,dec,mag");
    await download({ out, catalogue: path, from: service.template, contact: "me@example.org" });
    const survey = await openSurvey(out);
    const asked = { raDeg: 10, decDeg: 2, sizePx: 16, scaleArcsec: 0.262, bands: ["g", "r", "z"], time: 1 };
    expect((await survey.readStamp(0)).data).toEqual(cutoutPixels(asked));
    const other = cutoutPixels({ ...asked, raDeg: 20, decDeg: -89.5 });
    expect((await survey.readStamp(1)).data.subarray(0, 256)).toEqual(other.subarray(256, 512));
    const { source, columns, raDeg, decDeg } = survey.row(0);
    expect({ source, raDeg, decDeg }).toEqual({
      source: `${service.url}/cut?ra=10&dec=2&size=16&pixscale=0.262&bands=grz`,
      raDeg: 10,
      decDeg: 2,
    });
    expect(columns).toEqual({
      mag: 17.5,
      download_bytes: 8640,
      download_sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      download_layer: "127.0.0.1",
    });
    expect(survey.header).toMatchObject({ unit: "nanomaggy", bands: ["g", "r", "z"], pixelScaleArcsec: 0.262 });
    expect(survey.problems).toMatchObject([
      { code: "PARTLY_COVERED", kept: true, message: "c: g 78 %, r 78 %, z 78 % of its pixels are measured; kept" },
    ]);
    expect(survey.row(2).quality & 4).toBe(4);
    survey.close();
    expect([...service.userAgents]).toEqual(["Skyloop/1.2.3 (me@example.org)"]);
    expect(JSON.parse(readFileSync(join(out, "download.json"), "utf8"))).toMatchObject({
      from: service.template,
      scaleArcsec: 0.262,
    });
    const files = readFileSync(join(out, "download-files.jsonl"), "utf8").trim().split("\n");
    expect(files.map((line) => Object.keys(JSON.parse(line)))[0]).toEqual([
      "row",
      "part",
      "at",
      "url",
      "bytes",
      "sha256",
    ]);
  });

  it("keeps to its rate and number, and waits as long as the service asks", async () => {
    let pausedAt = 0;
    const service = await serve(
      {
        "12": (asked, response) => {
          if (asked.time > 1) return wellBehaved(asked, response, response.req);
          pausedAt = performance.now();
          response.writeHead(429, { "retry-after": "1" }).end();
        },
      },
      (asked, response) => void setTimeout(() => wellBehaved(asked, response, response.req), 120),
    );
    const rows = Array.from({ length: 12 }, (_, i): [string, number, number] => [`o${i}`, 10 + i, 1]);
    await download({ out: newName(), catalogue: catalogue(rows), from: service.template, perSecond: 40, atOnce: 3 });
    expect(service.mostAtOnce).toBeLessThanOrEqual(3);
    const during = service.times.filter((time) => time > pausedAt + 60 && time < pausedAt + 950);
    // Those that were under way.
    expect(during.length).toBeLessThanOrEqual(2);
    expect(service.times.some((time) => time >= pausedAt + 950)).toBe(true);
  });

  it("gives up on a service that is away, and goes on when it is back", async () => {
    let isAway = true;
    const service = await serve({}, (asked, response, request) => {
      if (isAway && asked.raDeg > 13) response.destroy();
      else wellBehaved(asked, response, request);
    });
    const rows = Array.from({ length: 40 }, (_, i): [string, number, number] => [`o${i}`, 10 + i, 1]);
    const options = { out: newName(), catalogue: catalogue(rows), from: service.template };
    await expect(download(options)).rejects.toThrow(/SERVICE_AWAY|run the same command again/);
    expect(service.counts.size).toBeLessThan(20);
    isAway = false;
    service.counts.clear();
    const { header, unfinished } = await download(options);
    expect([header.count, unfinished, service.counts.size]).toEqual([40, 0, 36]);
    await expect(download({ ...options, sizePx: 20 })).rejects.toMatchObject({ code: "SURVEY_EXISTS" });
  });

  it("leaves a service alone that asks for hours", async () => {
    const service = await serve({}, (_, response) => void response.writeHead(503, { "retry-after": "7200" }).end());
    const asked = download({ out: newName(), catalogue: catalogue([["a", 1, 1]]), from: service.template });
    await expect(asked).rejects.toMatchObject({
      code: "THROTTLED",
      message: expect.stringMatching(/again after 20.* UTC/),
    });
    expect(service.times).toHaveLength(1);
  });

  it("does not mix two downloads, nor take a folder of somebody else's", async () => {
    const service = await serve({}, (_, response) => void response.writeHead(500).end());
    const out = newName();
    const options = {
      out,
      catalogue: catalogue(Array.from({ length: 9 }, (_, i) => [`o${i}`, 10 + i, 1] as [string, number, number])),
      from: service.template,
    };
    await expect(download(options)).rejects.toMatchObject({ code: "SERVICE_AWAY" });
    await expect(download({ ...options, sizePx: 32 })).rejects.toMatchObject({
      code: "DOWNLOAD_DIFFERS",
      message: expect.stringContaining("sizePx was 16 and is 32"),
    });
    await expect(download({ ...options, out: `${out}.x` }).catch((error) => codeOf(error))).resolves.toBe(
      "SERVICE_AWAY",
    );
  });

  it("Pan-STARRS: looks files up, asks for each band, and turns counts into nanomaggies by the exposure time", async () => {
    const seconds: Record<string, number> = { g: 50, r: 20 };
    const service = await serve({}, (asked, response, { url = "" }) => {
      if (url.includes("ps1filenames")) {
        const rows = asked.decDeg < -30 ? [] : ["g", "r"].map((band) => `1 5 ${band} /rings/${band}.fits`);
        return void response.end(["projcell subcell filter filename", ...rows].join("\n"));
      }
      const band = /rings\/(\w)/.exec(url)?.[1] as string;
      const data = Float32Array.from({ length: 256 }, (_, i) => seconds[band] * (i + 1));
      const file = cutoutBytes({ ...asked, scaleArcsec: 0.25, bands: [band] }, { data });
      // The unit goes, the exposure time comes.
      file.write(`EXPTIME = ${String(seconds[band]).padStart(20)}`.padEnd(80), file.indexOf("BUNIT   "), "latin1");
      sendFits(response, file);
    });
    const out = newName();
    const path = catalogue([
      ["a", 10, 2],
      ["b", 11, -40],
    ]);
    const { missing } = await download({
      out,
      catalogue: path,
      from: "ps1",
      bands: ["g", "r"],
      mirror: service.url,
      perSecond: 5,
    });
    expect([...missing]).toEqual([["NOT_COVERED", 1]]);
    const survey = await openSurvey(out);
    const { data } = await survey.readStamp(0);
    // A count a second is 0.1 nanomaggy at zero point 25; both bands alike.
    expect(data[4]).toBeCloseTo(0.5, 6);
    expect(data[256 + 4]).toBeCloseTo(0.5, 6);
    expect(survey.header).toMatchObject({ unit: "nanomaggy", bands: ["g", "r"], pixelScaleArcsec: 0.25 });
    survey.close();
  });

  it("takes in pictures as they came", async () => {
    const jpeg = await sharp(Buffer.from(Array.from({ length: 768 }, (_, i) => i % 251)), {
      raw: { width: 16, height: 16, channels: 3 },
    })
      .jpeg()
      .toBuffer();
    const flat = await sharp({ create: { width: 16, height: 16, channels: 3, background: "#222" } })
      .png()
      .toBuffer();
    const sent: Record<string, Buffer> = {
      "10": jpeg,
      "11": flat,
      "12": jpeg,
      "13": Buffer.from(html),
      "14": await sharp(jpeg).resize(20).png().toBuffer(),
    };
    const service = await serve({}, (asked, response) => void response.end(sent[String(asked.raDeg)]));
    const out = newName();
    const path = catalogue(Object.keys(sent).map((ra) => [`p${ra}`, ra, 1]));
    await download({
      out,
      catalogue: path,
      from: "legacy-dr10",
      mirror: service.url,
      pictures: true,
      tries: 1,
      perSecond: 5,
    });
    const survey = await openSurvey(out);
    expect(survey.header).toMatchObject({ kind: "colour", bands: ["r", "g", "b"], unit: "colour", count: 2 });
    expect(Buffer.from(survey.readStampBytes(0).bytes).equals(jpeg)).toBe(true);
    expect(survey.problems.map(({ code, message }) => [code, message.slice(0, 3)])).toEqual([
      ["NOT_COVERED", "p11"],
      ["SAME_IMAGE", "p12"],
      ["NOT_FITS", "p13"],
      ["WRONG_SIZE", "p14"],
    ]);
    survey.close();
  });

  it("makes the same survey byte for byte after being killed, and asks only for what is missing", async () => {
    const count = 60;
    const rows = Array.from({ length: count }, (_, i): [string, number, number] => [`o${i}`, 10 + i, 1]);
    const path = catalogue(rows);
    const slow = await serve(
      {},
      (asked, response, request) => void setTimeout(() => wellBehaved(asked, response, request), 4),
    );
    const [whole, killed] = [newName(), newName()];
    await download({ out: whole, catalogue: path, from: slow.template, sizePx: 32 });
    const counted = new Map(slow.counts);
    expect([...counted.values()]).toEqual(Array(count).fill(1));
    slow.counts.clear();
    const args = [
      "survey",
      "download",
      killed,
      "--catalogue",
      path,
      "--from",
      slow.template,
      "--size",
      "32",
      "--rate",
      "200",
    ];
    const child = spawn(process.execPath, [join(PACKAGE_ROOT, "bin/skyloop"), ...args], { stdio: "ignore" });
    while (slow.counts.size < count / 3) await new Promise((resolve) => setTimeout(resolve, 5));
    child.kill("SIGKILL");
    await new Promise((resolve) => child.on("close", resolve));
    // What a kill cuts short in the middle of a line.
    writeFileSync(join(`${killed}.download`, "journal.jsonl"), '{"row":59,"pa', { flag: "a" });
    const before = slow.counts.size;
    await download({ out: killed, catalogue: path, from: slow.template, sizePx: 32 });
    expect(slow.counts.size).toBe(count);
    const twice = [...slow.counts.values()].filter((times) => times > 1).length;
    // Those that were under way when it was killed.
    expect([before < count, twice <= 4]).toEqual([true, true]);
    for (const file of ["catalogue.parquet", "stamps/0000.pack", "problems.json"])
      expect(readFileSync(join(killed, file)).equals(readFileSync(join(whole, file))), file).toBe(true);
    const header = (survey: string) => JSON.parse(readFileSync(join(survey, "survey.json"), "utf8"));
    expect(header(killed).dataHash).toBe(header(whole).dataHash);
  });
});
