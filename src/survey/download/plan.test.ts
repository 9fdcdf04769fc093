import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../../test/fixtures/surveys.ts";
import { PACKAGE_ROOT } from "../../base/paths.ts";
import { SILENT } from "../../base/progress.ts";
import { readTargets } from "../targets.ts";
import { checkAnswer } from "./check.ts";
import { downloadSurvey } from "./index.ts";
import { planDownload } from "./plan.ts";
import { Gate, retryAfterMs } from "./polite.ts";
import { PROVIDERS } from "./providers.ts";

const target = { row: 0, id: "a", raDeg: 150.1, decDeg: -2.25 };
const plan = (from: string, more = {}) => planDownload({ from, sizePx: 128, pictures: false, ...more });
const urls = (from: string, more = {}, names: Record<string, string> | null = null) =>
  plan(from, more)
    .partsOf(target, names)
    ?.map(({ url }) => url);

describe("addresses of cutouts", () => {
  it("are those of each service", () => {
    expect(urls("legacy-dr10", { bands: ["g", "r", "i", "z"] })).toEqual([
      "https://www.legacysurvey.org/viewer/fits-cutout?ra=150.1&dec=-2.25&layer=ls-dr10&pixscale=0.262&bands=griz&size=128",
    ]);
    expect(urls("legacy-dr9", { pictures: true })).toEqual([
      "https://www.legacysurvey.org/viewer/jpeg-cutout?ra=150.1&dec=-2.25&layer=ls-dr9&pixscale=0.262&bands=grz&size=128",
    ]);
    expect(urls("sdss", { pictures: true })).toEqual([
      "https://skyserver.sdss.org/dr18/SkyServerWS/ImgCutout/getjpeg?ra=150.1&dec=-2.25&scale=0.396&width=128&height=128",
    ]);
    expect(urls("hips:CDS/P/PanSTARRS/DR1/{band}", { bands: ["g", "z"], scaleArcsec: 0.5 })).toEqual(
      ["g", "z"].map(
        (band) =>
          `https://alasky.cds.unistra.fr/hips-image-services/hips2fits?hips=CDS/P/PanSTARRS/DR1/${band}&width=128&height=128&fov=0.017777778&projection=TAN&coordsys=icrs&ra=150.1&dec=-2.25&rotation_angle=0&format=fits`,
      ),
    );
    expect(plan("hips:CDS/P/SDSS9/r").bands).toEqual(["r"]);
    expect(urls("https://example.org/c?p={ra},{dec}&w={fov}&b={band}", { bands: ["g", "r"] })).toEqual([
      "https://example.org/c?p=150.1,-2.25&w=0.009315556&b=g",
      "https://example.org/c?p=150.1,-2.25&w=0.009315556&b=r",
    ]);
    expect(urls("legacy-dr10", { mirror: "http://127.0.0.1:9/copy/" })?.[0]).toMatch(
      /^http:\/\/127\.0\.0\.1:9\/copy\/viewer\/fits-cutout\?ra=150\.1/,
    );
  });

  it("name the files of Pan-STARRS by its table", () => {
    const ps1 = plan("ps1", { bands: ["g", "i"] });
    expect(ps1.lookupOf(target)).toBe(
      "https://ps1images.stsci.edu/cgi-bin/ps1filenames.py?ra=150.1&dec=-2.25&filters=gi&type=stack",
    );
    const names = { g: "/rings/g.fits", i: "/rings/i.fits" };
    expect(urls("ps1", { bands: ["g", "i"] }, names)?.[1]).toBe(
      "https://ps1images.stsci.edu/cgi-bin/fitscut.cgi?ra=150.1&dec=-2.25&size=128&format=fits&red=/rings/i.fits",
    );
    expect(ps1.partsOf(target, { g: "only.fits" })).toBeNull();
    expect(urls("ps1", { pictures: true }, { ...names, r: "/rings/r.fits" })?.[0]).toMatch(
      /red=\/rings\/i.fits&green=\/rings\/r.fits&blue=\/rings\/g.fits$/,
    );
  });

  it.each([
    ["a service that is not known", "galex", {}, /no service that is known/],
    ["an address without a position", "https://example.org/{ra}", {}, /needs \{ra\} and \{dec\}/],
    ["a word that is not filled in", "https://example.org/{ra}/{dec}/{zoom}", {}, /holds \{zoom\}/],
    ["a band that it has not", "legacy-dr9", { bands: ["g", "i"] }, /has g, r, z, not i/],
    ["a band twice", "legacy-dr9", { bands: ["g", "g"] }, /twice/],
    ["more pixels than it gives", "legacy-dr10", { sizePx: 3001 }, /at most 3000/],
    ["another scale than its own", "ps1", { scaleArcsec: 0.262 }, /0\.25/],
    ["several bands of one HiPS", "hips:CDS/P/SDSS9/r", { bands: ["g", "r"] }, /\{band\}/],
    ["a HiPS without a band", "hips:CDS/P/DSS2/color", {}, /--bands/],
  ])("refuse %s", (_, from, more, said) => {
    expect(() => plan(from, more)).toThrow(said);
    expect(() => plan(from, more)).toThrow(expect.objectContaining({ code: "BAD_OPTION" }));
  });

  it("stand in a table that is filled in", () => {
    for (const [name, provider] of Object.entries(PROVIDERS))
      for (const key of ["title", "unit", "credit", "terms", "bulk"] as const)
        expect(provider[key], `${name} ${key}`).not.toBe("");
  });
});

it("lets requests through at their distance in time, and none while it is closed", async () => {
  // A clock of its own, whose waits come late by up to 3 ms: on a busy machine the time between two lines of a test says
  // nothing.
  let now = 1000;
  let late = 0;
  const wait = async (ms: number) => {
    late = (late + 1) % 4;
    const until = now + ms + late;
    await Promise.resolve();
    now = Math.max(now, until);
  };
  const gate = new Gate(100, new AbortController().signal, { now: () => now, wait });
  const times: number[] = [];
  await Promise.all(
    Array.from({ length: 5 }, async () => {
      await gate.pass();
      times.push(now);
      if (times.length === 3) gate.close(60);
    }),
  );
  const apart = times.slice(1).map((time, i) => time - times[i]);
  expect(times[0]).toBe(1000);
  for (const [i, ms] of apart.entries()) {
    const distance = i === 2 ? 60 : 10;
    expect(ms).toBeGreaterThanOrEqual(distance);
    expect(ms).toBeLessThan(distance + 4);
  }
});

it("reads Retry-After as seconds and as a date", () => {
  const now = Date.parse("2026-11-29T12:00:00Z");
  expect(
    ["120", "Sun, 29 Nov 2026 12:01:30 GMT", "Sun, 29 Nov 2026 11:00:00 GMT", "soon", null].map((text) =>
      retryAfterMs(text, now),
    ),
  ).toEqual([120_000, 90_000, 0, null, null]);
});

describe("positions of a catalogue", () => {
  const folder = temporaryFolder();
  afterAll(() => folder.remove());
  const read = (text: string, raUnit?: "deg" | "hours") => {
    const path = join(folder.path, "positions.csv");
    writeFileSync(path, text);
    return readTargets(path, raUnit);
  };

  it("are read in degrees and sexagesimal; what is none, and an id that stands above, is named and left out", async () => {
    const { targets, problems, rows } = await read(
      "id,ra,dec\na,150.1,2.2\nb,10:00:24,+02:12:00\nc,nan,2\nd,10,91\ne,370,2\na,11,2\n__proto__,12,2\n",
    );
    expect(targets.map(({ id, row }) => [id, row])).toEqual([
      ["a", 0],
      ["b", 1],
    ]);
    expect(targets[1].raDeg).toBeCloseTo(150.1, 9);
    expect(problems.map(({ source, code }) => [source, code])).toEqual([
      ["positions.csv line 4", "BAD_POSITION"],
      ["positions.csv line 5", "BAD_POSITION"],
      ["positions.csv line 6", "BAD_POSITION"],
      ["positions.csv line 7", "ID_TWICE"],
      ["positions.csv line 8", "BAD_ID"],
    ]);
    expect(problems[3].message).toContain("a is also the id of positions.csv line 2");
    expect(rows).toBe(7);
  });

  it("are asked about where right ascension looks like hours", async () => {
    const table = `id,ra,dec\n${Array.from({ length: 10 }, (_, i) => `o${i},${i * 2.3},${i * 5 - 20}`).join("\n")}`;
    await expect(read(table)).rejects.toMatchObject({
      code: "BAD_POSITION",
      message: expect.stringContaining("--ra-unit hours or --ra-unit deg"),
    });
    expect((await read(table, "hours")).targets[4].raDeg).toBeCloseTo(4 * 2.3 * 15, 9);
    expect((await read(table, "deg")).targets[4].raDeg).toBeCloseTo(9.2, 9);
  });

  it("are refused above 20,000, with what to do instead, and where there are none", async () => {
    const many = join(folder.path, "many.csv");
    writeFileSync(many, `id,ra,dec\n${Array.from({ length: 20_001 }, (_, i) => `${i},${i / 100},0`).join("\n")}`);
    const options = {
      out: join(folder.path, "none"),
      catalogue: many,
      from: "legacy-dr10",
      sizePx: 64,
      pictures: false,
    };
    const rest = {
      adaptiveCrop: false,
      perSecond: 2,
      atOnce: 4,
      version: "1",
      timeoutMs: 1,
      tries: 1,
      backoffMs: 1,
      keepFiles: false,
      command: "",
      progress: () => SILENT,
    };
    await expect(downloadSurvey({ ...options, ...rest })).rejects.toMatchObject({
      code: "TOO_MANY_POSITIONS",
      message: expect.stringMatching(/3 hours.*nersc.*survey cut/),
    });
    await expect(read("id,x,y\na,1,2\n")).rejects.toMatchObject({ code: "BAD_POSITION" });
    await expect(read("id,ra,dec\na,1,92\n")).rejects.toMatchObject({ code: "BAD_POSITION" });
  });
});

// Images that the Legacy Surveys' viewer gave; they are no part of the repository.
const REAL = join(PACKAGE_ROOT, "../shared/data/fits");
describe.skipIf(!existsSync(REAL))("real answers of the Legacy Surveys' viewer", () => {
  const wanted = (raDeg: number, decDeg: number, sizePx: number) => ({
    kind: "flux" as const,
    raDeg,
    decDeg,
    sizePx,
    scaleArcsec: 0.262,
    bands: ["g", "r", "z"],
  });
  it("pass every check, and not those of another place", () => {
    const files = readdirSync(join(REAL, "legacy_grz"));
    expect(files.length).toBeGreaterThan(10);
    for (const file of files) {
      const [ra, dec] = (/_([\d.]+)_([-\d.]+)\.fits$/.exec(file) as RegExpExecArray).slice(1).map(Number);
      const bytes = readFileSync(join(REAL, "legacy_grz", file));
      expect(checkAnswer(bytes, "image/fits", wanted(ra, dec, 256)), file).toBe(bytes);
      expect(checkAnswer(bytes, "image/fits", wanted(ra, dec + 1e-3, 256))).toMatchObject({ code: "WRONG_PLACE" });
      expect(checkAnswer(bytes, "image/fits", { ...wanted(ra, dec, 256), bands: ["g", "r", "i"] })).toMatchObject({
        code: "BAND_MISSING",
      });
    }
  });
  it("that are cut short are known", () => {
    const bytes = readFileSync(join(REAL, "decals_grz/example_incomplete.fits"));
    expect(checkAnswer(bytes, "image/fits", wanted(0, 0, 424))).toMatchObject({ code: "TRUNCATED", again: true });
  });
});
