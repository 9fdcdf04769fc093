import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import h5wasm from "h5wasm/node";
import { afterAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/fixtures/surveys.ts";
import { SILENT } from "../base/progress.ts";
import { Random } from "../base/random.ts";
import { createFromWide } from "../stamps/wide.ts";
import { createSurvey } from "./create.ts";
import { writeFitsImage } from "./fits.ts";
import { openSurvey, type Survey } from "./folder.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());
const at = (...parts: string[]) => join(folder.path, ...parts);
const SIZE = 24;
let made = 0;

async function take(images: string, more: object = {}): Promise<Survey> {
  const out = at(`survey${made++}`);
  await createSurvey({ out, images, adaptiveCrop: false, command: "test", progress: SILENT, ...more });
  return openSurvey(out);
}

const card = (key: string, value: string | number) =>
  `${key.padEnd(8)}= ${typeof value === "string" ? `'${value}'`.padEnd(20) : String(value).padStart(20)}`.padEnd(80);
const records = (cards: Record<string, string | number>) =>
  Object.entries(cards).map(([key, value]) => card(key, value));
const tan = (more: Record<string, string | number> = {}) => ({
  CTYPE1: "RA---TAN",
  CTYPE2: "DEC--TAN",
  CRVAL1: 150.1,
  CRVAL2: 2.2,
  CRPIX1: SIZE / 2 + 0.5,
  CRPIX2: SIZE / 2 + 0.5,
  CD1_1: -7.3e-5,
  CD1_2: 0,
  CD2_1: 0,
  CD2_2: 7.3e-5,
  ...more,
});

/** Noise with one bright pixel. */
function spot(peak: number, x = 12, y = 12, width = SIZE): Float32Array {
  const random = new Random(peak);
  const data = Float32Array.from({ length: width ** 2 }, () => random.normal(0, 0.01));
  data[y * width + x] = peak;
  return data;
}

function plane(path: string, data: Float32Array, cards: Record<string, string | number> = {}, planes = 1): void {
  mkdirSync(dirname(path), { recursive: true });
  const widthPx = Math.sqrt(data.length / planes);
  writeFitsImage(path, { widthPx, heightPx: widthPx, planes, data }, records(cards));
}

/** A file of several extensions: the written images one after another, with the later ones' first card changed. */
function extensions(path: string, parts: [cards: Record<string, string | number>, data: Float32Array][]): void {
  mkdirSync(dirname(path), { recursive: true });
  const files = parts.map(([cards, data], i) => {
    plane(`${path}.part${i}`, data, cards);
    const bytes = readFileSync(`${path}.part${i}`);
    if (i === 0) return bytes;
    bytes.write("XTENSION= 'IMAGE   '".padEnd(80), 0, "latin1");
    // EXTEND belongs to a first header; an extension needs its two counts instead.
    const end = bytes.indexOf("EXTEND  =", 0, "latin1");
    bytes.write("PCOUNT  =                    0".padEnd(80), end, "latin1");
    const comment = bytes.indexOf("COMMENT ", 0, "latin1");
    bytes.write("GCOUNT  =                    1".padEnd(80), comment, "latin1");
    return bytes;
  });
  writeFileSync(path, Buffer.concat(files));
  for (const [i] of parts.entries()) rmSync(`${path}.part${i}`);
}

const peaks = async (survey: Survey, row = 0) => {
  const { data, bands } = await survey.readStamp(row);
  const N = data.length / bands.length;
  return bands.map((_, b) => Math.round(data.subarray(b * N, (b + 1) * N).reduce((most, v) => Math.max(most, v), 0)));
};

describe("bands", () => {
  it.each([
    ["g.fits", "r.fits", "z.fits"].map((name) => `obj/${name}`),
    ["frame-g-obj.fits", "frame-r-obj.fits", "frame-z-obj.fits"],
    ["g/obj.fits", "r/obj.fits", "z/obj.fits"],
    ["cutout-HSC-G-9813.fits", "cutout-HSC-R-9813.fits", "cutout-HSC-Z-9813.fits"],
    ["DES0001_g.fits", "DES0001_r.fits", "DES0001_z.fits"],
  ])("are found in names: %s, %s, %s", async (...names) => {
    const images = at(`names${made}`);
    for (const [i, name] of names.entries()) plane(join(images, name), spot(i + 1));
    const survey = await take(images);
    expect([survey.header.bands, await peaks(survey), survey.problems]).toEqual([["g", "r", "z"], [1, 2, 3], []]);
  });

  it("are found in FILTER as telescopes write it, by wavelength", async () => {
    const images = at("filters");
    const filters = { a_F814W: "F814W", a_F475W: "F475W", a_F160W: "F160W" };
    for (const [i, [name, FILTER]] of Object.entries(filters).entries())
      plane(join(images, `${name}.fits`), spot(i + 1), { FILTER });
    const survey = await take(images);
    expect([survey.header.bands, await peaks(survey)]).toEqual([
      ["F475W", "F814W", "F160W"],
      [2, 1, 3],
    ]);
  });

  it("are found in capital extension names; weights, errors and previews are left out and named", async () => {
    const images = at("extensions");
    extensions(join(images, "a.fits"), [
      [{}, spot(50, 5, 5, 20)],
      [{ EXTNAME: "Z" }, spot(3)],
      [{ EXTNAME: "G" }, spot(1)],
      [{ EXTNAME: "IVAR_G" }, spot(90)],
      [{ EXTNAME: "R" }, spot(2)],
    ]);
    const survey = await take(images);
    expect([survey.header.bands, await peaks(survey)]).toEqual([
      ["g", "r", "z"],
      [1, 2, 3],
    ]);
    expect(survey.problems.map(({ code, kept }) => [code, kept])).toEqual([["PLANE_LEFT_OUT", true]]);
    expect(survey.problems[0].message).toMatch(/IVAR_G \(a weight map\)/);
  });

  it("leaves weight maps out that stand beside images, and keeps what only sounds like one", async () => {
    const images = at("weights");
    plane(join(images, "m1_r.fits"), spot(1));
    plane(join(images, "m1_r_wht.fits"), spot(9));
    plane(join(images, "m1_r.mask.fits"), spot(9));
    plane(join(images, "model.fits"), spot(4), { FILTER: "r" });
    const survey = await take(images);
    expect(Array.from({ length: survey.count }, (_, i) => survey.row(i).source)).toEqual(["m1_r.fits", "model.fits"]);
    expect(survey.problems.map(({ source }) => source).sort()).toEqual(["m1_r.mask.fits", "m1_r_wht.fits"]);
  });

  it("of one object come onto the same pixels by their coordinates", async () => {
    const images = at("shifted");
    plane(join(images, "a_g.fits"), spot(1, 12, 12), tan());
    plane(join(images, "a_r.fits"), spot(2, 15, 10), tan({ CRPIX1: SIZE / 2 + 3.5, CRPIX2: SIZE / 2 - 1.5 }));
    const survey = await take(images);
    const { data } = await survey.readStamp(0);
    expect([data[12 * SIZE + 12], data[SIZE ** 2 + 12 * SIZE + 12]]).toEqual([1, 2]);
    expect(survey.problems.map(({ code }) => code)).toContain("BAND_MOVED");
  });
});

describe("values of headers", () => {
  it("give the unit; files in other units of AB flux are turned into it, others named", async () => {
    const images = at("units");
    plane(join(images, "a.fits"), spot(3), { BUNIT: "nanomaggies" });
    plane(join(images, "b.fits"), spot(3), { BUNIT: "nmgy" });
    plane(join(images, "c.fits"), spot(2 * 3.631), { BUNIT: "uJy" });
    plane(join(images, "d.fits"), spot(5), { BUNIT: "adu" });
    const survey = await take(images);
    expect(survey.header.unit).toBe("nanomaggy");
    expect([await peaks(survey, 2), await peaks(survey, 3)]).toEqual([[2], [5]]);
    expect(survey.problems.map(({ source, code }) => [source, code])).toEqual([["d.fits", "UNIT_DIFFERS"]]);
    plane(at("nounit/a.fits"), spot(3));
    expect((await take(at("nounit"))).header.unit).toBe("unknown");
    for (const [name, unit] of [
      ["LegacySurvey", "nanomaggy"],
      ["DECaLS", "nanomaggy"],
      ["BASS MzLS", "nanomaggy"],
      ["Canada-France-Hawaii Legacy Survey (CFHTLS)", "unknown"],
    ]) {
      plane(at(`${name}/a.fits`), spot(3), { SURVEY: name });
      expect([name, (await take(at(name))).header.unit]).toEqual([name, unit]);
    }
  });

  it("turn the stamp so that north is up and east left", async () => {
    const images = at("turned");
    // The bright pixel lies 8 px north and 3 px east of the middle in each.
    plane(join(images, "a.fits"), spot(5, 9, 20), tan({ CRPIX1: 13, CRPIX2: 13 }));
    plane(join(images, "b.fits"), spot(5, 9, 3), tan({ CD2_2: -7.3e-5, CRPIX1: 13, CRPIX2: 12 }));
    plane(join(images, "c.fits"), spot(5, 14, 20), tan({ CD1_1: 7.3e-5, CRPIX1: 12, CRPIX2: 13 }));
    plane(join(images, "d.fits"), spot(5, 20, 9), tan({ CD1_1: 0, CD2_2: 0, CD1_2: -7.3e-5, CD2_1: 7.3e-5 }));
    const survey = await take(images);
    for (let row = 0; row < 4; row++) {
      const { data } = await survey.readStamp(row);
      expect([survey.row(row).id, data.indexOf(5)]).toEqual([survey.row(row).id, 20 * SIZE + 9]);
    }
  });

  it("place the stamp in ICRS; what is not understood keeps the image and is named", async () => {
    const images = at("places");
    plane(join(images, "a.fits"), spot(1), tan({ RADESYS: "FK4", EQUINOX: 1950 }));
    plane(join(images, "b.fits"), spot(1), tan({ CTYPE1: "RA---AIT", CTYPE2: "DEC--AIT" }));
    const survey = await take(images);
    expect(survey.row(0).raDeg).toBeCloseTo(150.74559, 4);
    expect(survey.row(0).decDeg).toBeCloseTo(1.95789, 4);
    expect([survey.row(1).raDeg, survey.problems.map(({ code }) => code)]).toEqual([null, ["WCS_UNSUPPORTED"]]);
  });

  it("with sums that are not those of the bytes are named", async () => {
    const images = at("sums");
    plane(join(images, "a.fits"), spot(1), { DATASUM: "1234567" });
    const survey = await take(images);
    expect(survey.problems.map(({ code, kept }) => [code, kept])).toEqual([["CHECKSUM_WRONG", true]]);
  });
});

describe("wide images", () => {
  it("are cut each by its own coordinates, packed ones after they were unpacked once", async () => {
    const wide = 60;
    const shifts = { g: [0, 0], r: [7, -4] };
    for (const [band, [dx, dy]] of Object.entries(shifts)) {
      const cards = tan({ CRPIX1: 30.5 + dx, CRPIX2: 30.5 + dy });
      plane(at(`wide/${band}.fits`), spot(9, 29 + dx, 30 + dy, wide), cards);
    }
    writeFileSync(at("wide/r.fits.gz"), gzipSync(readFileSync(at("wide/r.fits"))));
    writeFileSync(at("wide/c.csv"), "id,ra,dec\ns,150.1,2.2\n");
    const options = {
      catalogue: at("wide/c.csv"),
      bands: ["g", "r"],
      sizePx: 20,
      adaptiveCrop: false,
      command: "test",
    };
    for (const second of ["r.fits", "r.fits.gz"]) {
      const out = at(`cut-${second}`);
      await createFromWide({ ...options, out, images: [at("wide/g.fits"), at("wide", second)], progress: SILENT });
      const { data } = await (await openSurvey(out)).readStamp(0);
      const [g, r] = [data.subarray(0, 400), data.subarray(400)].map((band) => band.indexOf(9));
      expect([g >= 0, r]).toEqual([true, g]);
    }
  });
});

describe("HDF5", () => {
  it("of bytes [N, H, W, 3] are colour stamps with their columns, as Galaxy10 DECaLS is distributed", async () => {
    mkdirSync(at("g10"));
    await h5wasm.ready;
    const file = new h5wasm.File(at("g10/Galaxy10_DECals.h5"), "w");
    const random = new Random(2);
    const data = Uint8Array.from({ length: 3 * 20 * 20 * 3 }, () => random.int(256));
    file.create_dataset({ name: "images", data, shape: [3, 20, 20, 3], dtype: "<B" });
    file.create_dataset({ name: "ans", data: Uint8Array.from([4, 5, 6]), dtype: "<B" });
    file.close();
    const survey = await take(at("g10"));
    expect([survey.header.kind, survey.count, survey.row(2).columns.ans]).toEqual(["colour", 3, 6]);
    const stamp = await survey.readStamp(1);
    expect(stamp.data[400 + 7]).toBeCloseTo(data[1200 + 7 * 3 + 1] / 255, 6);
  });
});
