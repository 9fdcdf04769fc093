import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { type Behaviour, cutoutBytes, sendFits, wellBehaved } from "../../../test/fixtures/cutout-service.ts";
import { download, downloadPlace } from "../../../test/fixtures/downloads.ts";
import { keepWhatFits } from "../../loop/keep.ts";
import { openSurvey } from "../folder.ts";
import { voError } from "../votable.ts";

const { newName, serve, catalogue } = downloadPlace();

const html = "<html><body><h1>Down for maintenance</h1></body></html>";
const blank = new Float32Array(3 * 256);

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
  "error in a VOTable": {
    does: (_, response) => void response.writeHead(200, { "content-type": "text/xml" }).end(voError("no such image")),
    code: "NOT_FITS",
    asked: 3,
  },
};

it("survey download names every fault of a service, asks again where that may help, and takes in the rest", async () => {
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
  const messages = survey.problems.map(({ message }) => message).join("\n");
  expect(messages).toMatch(/^error in a VOTable: .*an error of the service came: no such image$/m);
  const taken = all.filter(([, { code }]) => code === null).map(([id]) => id);
  expect(Array.from({ length: survey.count }, (_, row) => survey.row(row).id)).toEqual(taken);
  survey.close();
  // Another day may help with these alone.
  expect(result.unfinished).toBe(9);
  expect(result.missing.get("WRONG_SIZE")).toBe(3);
  service.counts.clear();
  await download({ ...options, atOnce: 4, tries: 1, replace: keepWhatFits() });
  const may = all.flatMap(([, { code, asked }], i) =>
    code !== null && (asked > 1 || code === "REQUEST_REFUSED") ? [`${10 + i} 2`] : [],
  );
  expect([...service.counts.keys()].sort()).toEqual(may.sort());
});
