import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { cutoutBytes, sendFits } from "../../../test/fixtures/cutout-service.ts";
import { download, downloadPlace } from "../../../test/fixtures/downloads.ts";
import { openSurvey } from "../folder.ts";

const { newName, serve, catalogue } = downloadPlace();

describe("survey download from known services", () => {
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
      "13": Buffer.from("<html><body><h1>Down for maintenance</h1></body></html>"),
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

  it.each(["jpeg", "png", "webp"] as const)("asks again for a %s that is cut short", async (format) => {
    const noise = Buffer.from(Array.from({ length: 768 }, (_, i) => (i * 83) % 251));
    const whole = await sharp(noise, { raw: { width: 16, height: 16, channels: 3 } })
      [format]()
      .toBuffer();
    const service = await serve({}, ({ raDeg, time }, response) => {
      const isCut = raDeg === 11 || (raDeg === 10 && time === 1);
      response.end(isCut ? whole.subarray(0, whole.length - 40) : whole);
    });
    const out = newName();
    const options = { from: "legacy-dr10", mirror: service.url, pictures: true, tries: 2, perSecond: 5 };
    const result = await download({
      ...options,
      out,
      catalogue: catalogue([
        ["a", 10, 1],
        ["b", 11, 1],
      ]),
    });
    expect([...service.counts.values()]).toEqual([2, 2]);
    const survey = await openSurvey(out);
    expect([survey.count, survey.problems.map(({ code }) => code)]).toEqual([1, ["TRUNCATED"]]);
    expect(result.unfinished).toBe(1);
    survey.close();
  });
});
