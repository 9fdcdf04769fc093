import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import h5wasm from "h5wasm/node";
import sharp from "sharp";
import { afterAll, describe, expect, it } from "vitest";
import { ONE_BAND, oneBandStamp } from "../../test/fixtures/one-band.ts";
import { temporaryFolder } from "../../test/fixtures/surveys.ts";
import { PACKAGE_ROOT } from "../base/paths.ts";
import { SILENT } from "../base/progress.ts";
import { Random } from "../base/random.ts";
import { createSurvey } from "./create.ts";
import { surveySummary } from "./describe.ts";
import { writeFitsImage } from "./fits.ts";
import { openSurvey, SurveyWriter } from "./folder.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());
const at = (...parts: string[]) => join(folder.path, ...parts);
const make = (images: string, out: string, more: object = {}) =>
  createSurvey({ out, images, adaptiveCrop: false, command: "test", progress: SILENT, ...more });

function noise(count: number, seed: number): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: count }, () => random.normal(0, 0.01));
}
async function picture(path: string, seed: number, size = 32): Promise<void> {
  const random = new Random(seed);
  await sharp(
    Uint8Array.from({ length: size * size * 3 }, () => random.int(256)),
    { raw: { width: size, height: size, channels: 3 } },
  ).toFile(path);
}

describe("pictures", () => {
  it("takes in what can be read, joins labels, and names the rest with a reason", async () => {
    const images = at("pictures");
    mkdirSync(join(images, "images"), { recursive: true });
    for (const [i, name] of ["a.jpg", "b.png", "c.webp", "d.jpg"].entries())
      await picture(join(images, "images", name), i);
    writeFileSync(join(images, "images", "empty.jpg"), "");
    writeFileSync(join(images, "images", "text.png"), "not a picture");
    await picture(join(images, "images", "short.jpg"), 9, 64);
    truncateSync(join(images, "images", "short.jpg"), 2000);
    await sharp({ create: { width: 32, height: 32, channels: 3, background: "#123" } }).toFile(
      join(images, "images", "flat.png"),
    );
    writeFileSync(
      join(images, "labels.csv"),
      'id,file,label,RAdeg,dec,pack,note\nA1,images/a.jpg,spiral,10.5,-1,mine,"x, ""y"""\nB1,images/b.png,,,,,\nA1,images/c.webp,again,,,,\nZ9,images/none.jpg,lost,,,,\n',
    );
    await make(images, at("p"));
    const survey = await openSurvey(at("p"));
    expect(survey.rows.map(({ id }) => id)).toEqual(["A1", "B1", "d"]);
    expect(survey.rows[0].columns).toEqual({ label: "spiral", RAdeg: 10.5, pack_catalogue: "mine", note: 'x, "y"' });
    expect([survey.rows[0].raDeg, survey.rows[0].decDeg, survey.rows[1].raDeg]).toEqual([10.5, -1, null]);
    const codes = Object.fromEntries(survey.problems.map(({ source, code }) => [source, code]));
    expect(codes).toMatchObject({
      "images/empty.jpg": "FILE_EMPTY",
      "images/text.png": "IMAGE_BROKEN",
      "images/short.jpg": "IMAGE_BROKEN",
      "images/flat.png": "NO_SIGNAL",
      "images/c.webp": "DUPLICATE_ID",
      "images/d.jpg": "IMAGE_WITHOUT_ROW",
      "labels.csv line 5": "ROW_WITHOUT_IMAGE",
    });
    const stamp = await survey.readStamp(0);
    expect([stamp.widthPx, stamp.data.length]).toEqual([32, 3 * 32 * 32]);
    const { data } = await sharp(join(images, "images", "a.jpg"))
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect(stamp.data[5]).toBeCloseTo(data[15] / 255, 6);
    expect(stamp.data[2 * 1024 + 5]).toBeCloseTo(data[17] / 255, 6);
    survey.close();
    const summary = await surveySummary(at("p"));
    expect(summary.problems.find(({ code }) => code === "IMAGE_BROKEN")?.count).toBe(2);
  });

  it("says what to do about wrong folders", async () => {
    await expect(make(at("nowhere"), at("x"))).rejects.toThrow(/needs a folder/);
    mkdirSync(at("nothing"));
    writeFileSync(at("nothing", "a.jpg"), "no");
    await expect(make(at("nothing"), at("x"))).rejects.toThrow(/no stamp could be taken in \(1 problems/);
    await expect(make(at("pictures"), at("p"))).rejects.toThrow(/exists/);
    await expect(openSurvey(at("nothing"))).rejects.toThrow(/is no survey/);
    expect(readdirSync(folder.path).filter((name) => name.includes("partial"))).toEqual([]);
  });
});

describe("flux", () => {
  it("reads cubes, bands in files, and names truncated, missing and NaN ones", async () => {
    const images = at("flux");
    mkdirSync(images);
    const cube = noise(3 * 40 * 40, 1);
    writeFitsImage(join(images, "cutout_150.12345_-2.50000.fits"), {
      widthPx: 40,
      heightPx: 40,
      planes: 3,
      data: cube,
    });
    for (const band of ["g", "r", "z"])
      writeFitsImage(join(images, `one_${band}.fits`), { widthPx: 40, heightPx: 40, planes: 1, data: noise(1600, 7) });
    for (const band of ["g", "r"])
      writeFitsImage(join(images, `two_${band}.fits`), { widthPx: 40, heightPx: 40, planes: 1, data: noise(1600, 8) });
    const holes = noise(4800, 3);
    holes.fill(Number.NaN, 0, 100);
    writeFitsImage(join(images, "holes.fits"), { widthPx: 40, heightPx: 40, planes: 3, data: holes });
    writeFitsImage(join(images, "dead.fits"), {
      widthPx: 40,
      heightPx: 40,
      planes: 3,
      data: new Float32Array(4800).fill(Number.NaN),
    });
    writeFitsImage(join(images, "short.fits"), { widthPx: 40, heightPx: 40, planes: 3, data: cube });
    truncateSync(join(images, "short.fits"), 9000);
    writeFileSync(join(images, "array.npz"), "x");
    await make(images, at("f"));
    const survey = await openSurvey(at("f"));
    expect(survey.header).toMatchObject({ kind: "flux", bands: ["g", "r", "z"], count: 3 });
    const row = survey.indexOf("cutout_150.12345_-2.50000") as number;
    expect([survey.rows[row].raDeg, survey.rows[row].decDeg]).toEqual([150.12345, -2.5]);
    expect((await survey.readStamp(row)).data).toEqual(cube);
    const nan = survey.indexOf("holes") as number;
    expect(survey.rows[nan].quality & 1).toBe(1);
    expect((await survey.readStamp(nan)).data[50]).toBeNaN();
    const codes = survey.problems.map(({ source, code }) => `${source} ${code}`);
    for (const expected of [
      "dead.fits NO_SIGNAL",
      "short.fits FITS_UNREADABLE",
      "two_g.fits, two_r.fits BAND_MISSING",
      "holes.fits NAN_PIXELS",
      "array.npz NOT_AN_IMAGE",
    ])
      expect(codes).toContain(expected);
    survey.close();
    await picture(join(images, "mixed.jpg"), 1);
    await expect(make(images, at("g"))).rejects.toThrow(/make two surveys/);
  });

  it("reads HDF5 in the layout of ssl-legacysurvey", async () => {
    const images = at("hdf5");
    mkdirSync(images);
    await h5wasm.ready;
    const file = new h5wasm.File(join(images, "images_npix152_000.h5"), "w");
    const data = noise(5 * 3 * 152 * 152, 4);
    file.create_dataset({ name: "images", data, shape: [5, 3, 152, 152], dtype: "<f" });
    file.create_dataset({ name: "ra", data: Float64Array.from([1, 2, 3, 4, 5]), dtype: "<d" });
    file.create_dataset({ name: "dec", data: Float64Array.from([-1, -2, -3, -4, -5]), dtype: "<d" });
    file.create_dataset({ name: "z_spec", data: Float32Array.from([0.1, 0.2, 0.3, 0.4, 0.5]), dtype: "<f" });
    file.close();
    await make(images, at("h"));
    const survey = await openSurvey(at("h"));
    expect(survey.header).toMatchObject({ count: 5, pixelScaleArcsec: 0.262, bands: ["g", "r", "z"] });
    expect([survey.rows[3].raDeg, survey.rows[3].decDeg]).toEqual([4, -4]);
    expect(survey.rows[1].columns.z_spec).toBeCloseTo(0.2, 6);
    expect((await survey.readStamp(4)).data).toEqual(data.subarray(4 * 3 * 152 * 152));
    survey.close();
  });
});

describe("writing", () => {
  it("refuses a second writer of the same survey", () => {
    const first = new SurveyWriter(at("locked"), ONE_BAND);
    expect(() => new SurveyWriter(at("locked"), ONE_BAND)).toThrow(/being written by process/);
    first.abort();
    new SurveyWriter(at("locked"), ONE_BAND).abort();
  });
  it("leaves nothing under the final name when killed, and starts afresh", async () => {
    const out = at("killed");
    const child = spawn(
      process.execPath,
      ["--import", "tsx", join(PACKAGE_ROOT, "test/fixtures/write-survey.mts"), out],
      {
        stdio: ["ignore", "pipe", "inherit"],
        cwd: PACKAGE_ROOT,
      },
    );
    await once(child.stdout, "data");
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(existsSync(out)).toBe(false);
    expect(existsSync(`${out}.partial`)).toBe(true);
    const writer = new SurveyWriter(out, ONE_BAND);
    writer.add(oneBandStamp("a", noise(256, 1)));
    await writer.finish();
    expect((await openSurvey(out)).rows).toHaveLength(1);
    expect(existsSync(`${out}.partial`)).toBe(false);
  });
});

const shared = join(PACKAGE_ROOT, "../shared/data");
describe.skipIf(!existsSync(shared))("real images", () => {
  it("reads the Legacy Survey cutouts and their Rice-compressed bands alike", async () => {
    await make(join(shared, "fits/legacy_grz"), at("legacy"));
    await make(join(shared, "fits/rice_fz"), at("rice"));
    const [legacy, rice] = [await openSurvey(at("legacy")), await openSurvey(at("rice"))];
    expect([legacy.rows.length, rice.rows.length]).toEqual([14, 3]);
    expect(legacy.header.pixelScaleArcsec).toBeCloseTo(0.262, 3);
    const { id } = rice.rows[0];
    const [a, b] = [(await legacy.readStamp(legacy.indexOf(id) as number)).data, (await rice.readStamp(0)).data];
    const worst = a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i])), 0);
    console.log("largest difference after Rice compression, nanomaggies", worst);
    expect(worst).toBeLessThan(0.01);
  });
  it("names the truncated file and takes its neighbours", async () => {
    await make(join(shared, "fits/decals_grz"), at("decals"));
    const survey = await openSurvey(at("decals"));
    expect(survey.rows.map(({ id }) => id)).toEqual(["example_a", "example_bad_pix"]);
    expect(survey.problems.map(({ source, code }) => [source, code])).toContainEqual([
      "example_incomplete.fits",
      "FITS_UNREADABLE",
    ]);
  });
});
