import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { cutoutBytes, cutoutPixels, sendFits, wellBehaved } from "../../../test/fixtures/cutout-service.ts";
import { download, downloadPlace } from "../../../test/fixtures/downloads.ts";
import { codeOf } from "../../base/errors.ts";
import { openSurvey } from "../folder.ts";

const { newName, serve, catalogue } = downloadPlace();
/** Pixels of which the upper rows were not observed. */
const partly = Float32Array.from({ length: 3 * 256 }, (_, i) => (i % 256 < 200 ? i + 1 : Number.NaN));

describe("survey download", () => {
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
});
