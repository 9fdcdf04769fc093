import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { starsAt } from "../../test/fixtures/stars.ts";
import { temporaryFolder } from "../../test/fixtures/surveys.ts";
import { SILENT } from "../base/progress.ts";
import { readTable } from "../survey/catalogue.ts";
import { readDetections, readFieldImages } from "../survey/detections.ts";
import { type FitsCard, headerRecords, readFitsHdus, readFitsImage, writeFitsImage } from "../survey/fits.ts";
import { openSurvey } from "../survey/folder.ts";
import { regionsText, skyBoxOf } from "../survey/regions-file.ts";
import { parseWcs } from "../survey/wcs.ts";
import { detectClassical } from "./classical-run.ts";
import { describeFound } from "./found.ts";
import { openWide } from "./wide-image.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());
const at = (name: string) => join(folder.path, name);

// Made with astropy and regions (test/golden/gen/detection_sky.py).
const golden = JSON.parse(readFileSync(new URL("../../test/golden/detection-sky.json", import.meta.url), "utf8")) as {
  cards: Record<string, string | number>;
  pixels: [number, number][];
  sky: [number, number][];
  boxes: {
    box: [number, number, number, number];
    ra: number;
    dec: number;
    width: number;
    height: number;
    angle: number;
  }[];
};
const cards = Object.entries(golden.cards).map(
  ([key, value]): FitsCard => [key, typeof value === "string" ? `'${value}'` : String(value), ""],
);

const options = {
  bands: null,
  tilePx: 1280,
  overlapPx: 256,
  stampPx: 32,
  overlaps: true,
  command: "test",
  progress: () => SILENT,
};

describe("a detection run on an image with a turned and distorted header", () => {
  const [W, H] = [380, 340];
  beforeAll(async () => {
    const data = starsAt(golden.pixels, W, H);
    writeFitsImage(at("stars.fits"), { widthPx: W, heightPx: H, planes: 3, data }, headerRecords(cards));
    await detectClassical([at("stars.fits")], { ...options, out: at("stars") });
  });

  it("finds every source within 0.2 px of where it is, on the sky by astropy's coordinates", async () => {
    const { rows } = await readTable(at("stars/catalogue.csv"));
    expect(rows.length).toBe(50);
    const wcs = parseWcs(cards);
    let [worst, worstSky] = [0, 0];
    for (const [i, [x, y]] of golden.pixels.entries()) {
      const row = rows.reduce((best, one) =>
        Math.hypot(Number(one.x) - x, Number(one.y) - y) < Math.hypot(Number(best.x) - x, Number(best.y) - y)
          ? one
          : best,
      );
      const there = wcs?.skyToPixel(row.ra as number, row.dec as number) ?? { x: NaN, y: NaN };
      worst = Math.max(worst, Math.hypot(there.x - x, there.y - y));
      const sky = wcs?.pixelToSky(x, y) ?? { raDeg: NaN, decDeg: NaN };
      worstSky = Math.max(worstSky, Math.abs(sky.raDeg - golden.sky[i][0]), Math.abs(sky.decDeg - golden.sky[i][1]));
    }
    console.log(
      `50 sources: largest error ${worst.toFixed(3)} px; largest difference from astropy ${worstSky.toExponential(1)} deg`,
    );
    expect(worst).toBeLessThan(0.2);
    expect(worstSky).toBeLessThan(1e-6);
  });

  it("writes boxes on the sky as the package regions has them", () => {
    const wcs = parseWcs(cards);
    if (wcs === null) throw new Error("the header has coordinates");
    for (const { box, ra, dec, width, height, angle } of golden.boxes) {
      const [x1, y1, x2, y2] = box;
      const found = skyBoxOf({ x1, y1, x2, y2 }, wcs);
      expect(found?.raDeg).toBeCloseTo(ra, 7);
      expect(found?.decDeg).toBeCloseTo(dec, 7);
      // Its scale is one number for both axes.
      expect((found?.widthArcsec ?? 0) / width).toBeCloseTo(1, 2);
      expect((found?.heightArcsec ?? 0) / height).toBeCloseTo(1, 2);
      expect(Math.abs((((found?.angleDeg ?? 0) - angle + 540) % 360) - 180)).toBeLessThan(0.2);
    }
    const text = readFileSync(at("stars/regions.reg"), "utf8");
    expect(text.match(/^box\(/gm)?.length).toBe(50);
    expect(text).toMatch(/^icrs$/m);
    expect(text).toMatch(/# text=\{stars-0001 0\.\d{3}\}/);
  });

  it("writes outlines of masks as polygons: on the sky where the image has coordinates, else in pixels from 1", () => {
    const wcs = parseWcs(cards);
    // A ring of pixels whose hole is not cut out, and one pixel apart from it.
    const bits = Uint8Array.from([1, 1, 1, 0, 0, 1, 0, 1, 0, 1, 1, 1, 1, 0, 0]);
    const mask = { x: 10, y: 20, width: 5, height: 3, bits };
    const region = { x1: 10, y1: 20, x2: 15, y2: 23, text: "a 0.9", mask };
    const polygons = (text: string) => [...text.matchAll(/^polygon\((.*)\) # text=\{a 0\.9\}$/gm)].map(([, at]) => at);
    const plain = regionsText([region], null);
    expect(plain).toMatch(/^image$/m);
    expect(polygons(plain).sort()).toEqual([
      "10.5,20.5,13.5,20.5,13.5,23.5,10.5,23.5",
      "14.5,21.5,15.5,21.5,15.5,22.5,14.5,22.5",
    ]);
    const sky = regionsText([region], wcs);
    expect(sky).toMatch(/^icrs$/m);
    const [ra, dec] = polygons(sky)[0].split(",").map(Number);
    const at = wcs?.skyToPixel(ra, dec);
    expect([at?.x, at?.y].map((value) => Number(value?.toFixed(3)))).toEqual([9.5, 19.5]);
    expect(regionsText([{ ...region, mask: undefined }], null)).toContain("box(13.000,22.000,5.000,3.000,0)");
  });

  it("writes the same rows in every format, and a survey that opens", async () => {
    const survey = await openSurvey(at("stars"));
    const csv = await readTable(at("stars/catalogue.csv"));
    const fits = await readTable(at("stars/catalogue.fits"));
    expect(survey.count).toBe(50);
    for (let row = 0; row < 50; row++) {
      expect(survey.row(row).id).toBe(csv.rows[row].id);
      expect(fits.rows[row].id).toBe(csv.rows[row].id);
      expect(fits.rows[row].flux_g).toBeCloseTo(csv.rows[row].flux_g as number, 9);
      expect(survey.row(row).columns.score).toBeCloseTo(csv.rows[row].score as number, 12);
      expect(survey.row(row).raDeg).toBeCloseTo(csv.rows[row].ra as number, 9);
    }
    const scores = csv.rows.map(({ score }) => Number(score));
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    const stamp = await survey.readStamp(0);
    expect([stamp.widthPx, stamp.bands]).toEqual([32, ["g", "r", "z"]]);
    survey.close();
    const xml = readFileSync(at("stars/catalogue.vot"), "utf8");
    expect(xml.match(/<TR>/g)?.length).toBe(50);
    expect(xml).toMatch(/<DESCRIPTION>.*: 50 objects found<\/DESCRIPTION>\n *<INFO name="creator" value="Skyloop"\/>/);
    expect(xml).toContain('<INFO name="command" value="');
    expect([...xml.matchAll(/<FIELD name="(\w+)"(?!.*<DESCRIPTION>)/g)].map(([, name]) => name)).toEqual([]);
    expect(xml).toContain('<FIELD name="x" datatype="double" unit="pixel" ucd="pos.cartesian.x;instr.det">');
  });

  it("writes labels that are the catalogue's rows, with the image's coordinates, distortion too", async () => {
    const { data, widthPx, heightPx, header } = readFitsImage(at("stars/segmentation.fits"));
    expect([widthPx, heightPx]).toEqual([W, H]);
    expect(readFitsHdus(at("stars/segmentation.fits"))[0].cards).toContainEqual(["BITPIX", "32", ""]);
    const { rows } = await readTable(at("stars/catalogue.csv"));
    for (const [i, row] of rows.entries()) {
      expect(data[Math.round(Number(row.y)) * W + Math.round(Number(row.x))]).toBe(i + 1);
      expect(data.filter((label) => label === i + 1).length).toBe(row.area);
    }
    const [own, image] = [parseWcs(header), parseWcs(cards)];
    expect(own?.pixelToSky(300, 20)).toEqual(image?.pixelToSky(300, 20));
    const masks = readFitsHdus(at("stars/masks.fits"));
    expect(masks.length).toBe(51);
    expect(readFitsImage(at("stars/masks.fits"), 1).data.reduce((sum, bit) => sum + bit, 0)).toBe(rows[0].area);
    const coco = JSON.parse(readFileSync(at("stars/detections.json"), "utf8"));
    expect(coco[0]).toMatchObject({
      image_id: 1,
      category_id: 1,
      id: "stars-0001",
      bbox: [rows[0].x1, rows[0].y1, expect.any(Number), expect.any(Number)],
    });
    expect(coco[0].segmentation.size).toEqual([H, W]);
  });
});

describe("the images of a detection run", () => {
  it("are kept as pictures with north up, in tiles of two sizes, and as a list that says where they lie", async () => {
    const [W, H] = [700, 300];
    const star: [number, number] = [600, 40];
    const data = starsAt([star], W, H, 400);
    // East up and north to the right.
    const sky = {
      CTYPE1: "'RA---TAN'",
      CTYPE2: "'DEC--TAN'",
      CRVAL1: "150",
      CRVAL2: "2",
      CRPIX1: "350",
      CRPIX2: "150",
    };
    const turned = { ...sky, CD1_1: "0", CD1_2: "7e-5", CD2_1: "7e-5", CD2_2: "0" };
    const header = headerRecords(Object.entries(turned).map(([key, value]): FitsCard => [key, value, ""]));
    writeFitsImage(at("turned.fits"), { widthPx: W, heightPx: H, planes: 3, data }, header);
    await detectClassical([at("turned.fits")], { ...options, out: at("turned") });
    const [field] = readFieldImages(at("turned")) ?? [];
    expect(field).toMatchObject({ name: "turned", paths: [at("turned.fits")], widthPx: W, heightPx: H, levels: 2 });
    expect(field.turn).toEqual({ swap: true, flipX: true, flipY: true });
    // 300 px across and 700 px down now: the star is in the upper tile, at H - y from the left and W - x from above.
    const brightest = async (file: string) => {
      const { data: rgb, info } = await sharp(join(at("turned/fields/0001"), file))
        .raw()
        .toBuffer({ resolveWithObject: true });
      const best = rgb.reduce((place, value, i) => (value > rgb[place] ? i : place), 0);
      return {
        x: Math.floor(best / 3) % info.width,
        y: Math.floor(best / 3 / info.width),
        size: [info.width, info.height],
      };
    };
    const whole = await brightest("0-0-0.webp");
    expect(whole.size).toEqual([300, 512]);
    expect(Math.hypot(whole.x - (H - 1 - star[1]), whole.y - (W - 1 - star[0]))).toBeLessThan(3);
    const half = await brightest("1-0-0.webp");
    expect(half.size).toEqual([150, 350]);
    expect(Math.hypot(half.x - (H - 1 - star[1]) / 2, half.y - (W - 1 - star[0]) / 2)).toBeLessThan(2);
    expect((await sharp(join(at("turned/fields/0001"), "0-0-1.webp")).metadata()).height).toBe(188);
  });

  it("may be called alike: the objects of each have ids of their own", async () => {
    for (const name of ["one", "two"]) {
      mkdirSync(at(name));
      const data = starsAt([[20, name === "one" ? 20 : 60]], 96, 96, 200);
      writeFitsImage(at(`${name}/field.fits`), { widthPx: 96, heightPx: 96, planes: 3, data });
    }
    const said = await detectClassical([at("one/field.fits"), at("two/field.fits")], { ...options, out: at("alike") });
    expect(said).toMatch(/ID_CHANGED .*two\/field.fits/);
    const { rows } = await readTable(at("alike/catalogue.csv"));
    expect(rows.map(({ id, image }) => [id, image]).sort()).toEqual([
      ["field-0001", "field"],
      ["field-2-0001", "field-2"],
    ]);
    expect(existsSync(at("alike/segmentation/field-2.fits"))).toBe(true);
    expect(
      readDetections(at("alike"))
        .map(({ id }) => id)
        .sort(),
    ).toEqual(["field-0001", "field-2-0001"]);
  });
});

describe("bands", () => {
  it("of one file each are told by the files' names, where headers say the same of all", async () => {
    for (const name of ["a_g", "a_r", "b1", "b2"])
      writeFitsImage(
        at(`${name}.fits`),
        { widthPx: 64, heightPx: 64, planes: 1, data: starsAt([[30, 30]], 64, 64).subarray(0, 4096) },
        headerRecords([["FILTER", "'H'", ""]]),
      );
    const image = await openWide(`${at("a_r.fits")},${at("a_g.fits")}`, null, 32);
    expect(image.bands).toEqual(["r", "g"]);
    image.close();
    await expect(openWide(`${at("b1.fits")},${at("b2.fits")}`, null, 32)).rejects.toMatchObject({
      code: "BAND_MISSING",
    });
  });
});

describe("what is written", () => {
  it.each([
    [20, 0],
    [21, 1],
  ])("says of a box of 100 pixels with %i without a measurement flag %i", (missing, flag) => {
    const data = new Float32Array(3 * 400).fill(1);
    for (let i = 0; i < missing; i++) data[(i % 3) * 400 + (4 + Math.floor(i / 10)) * 20 + 4 + (i % 10)] = Number.NaN;
    const part = {
      data,
      bands: 3,
      x0: 50,
      y0: 70,
      width: 20,
      height: 20,
      imageWidth: 200,
      imageHeight: 200,
      tile: "0,0",
    };
    const found = describeFound({ x1: 4, y1: 4, x2: 14, y2: 14, class: "source", score: 1 }, part);
    expect(found).toMatchObject({ flag, nanShare: missing / 100, x1: 54, y1: 74 });
  });

  it("says where a box touches the border or has no measurement", async () => {
    const data = starsAt(
      [
        [2, 30],
        [60, 60],
      ],
      96,
      96,
      200,
    );
    for (let band = 0; band < 3; band++)
      for (let y = 50; y < 59; y++) data.fill(Number.NaN, (band * 96 + y) * 96 + 50, (band * 96 + y) * 96 + 72);
    writeFitsImage(at("flags.fits"), { widthPx: 96, heightPx: 96, planes: 3, data });
    await detectClassical([at("flags.fits")], { ...options, out: at("flags") });
    const { rows } = await readTable(at("flags/catalogue.csv"));
    const flagOf = (x: number) => rows.find((row) => Math.abs(Number(row.x) - x) < 4)?.flag;
    expect(flagOf(2)).toBe(2);
    expect(rows.every(({ ra }) => ra === null)).toBe(true);
    expect(readFileSync(at("flags/regions.reg"), "utf8")).toMatch(/^image$/m);
  });

  it("is empty tables and no survey where nothing was found; an image that cannot be read is named", async () => {
    writeFitsImage(at("flat.fits"), {
      widthPx: 64,
      heightPx: 64,
      planes: 3,
      data: new Float32Array(3 * 64 * 64).fill(1),
    });
    const said = await detectClassical([at("gone.fits"), at("flat.fits")], { ...options, out: at("flat") });
    expect(said).toMatch(/0 sources in 1 of 2 images/);
    expect(said).toMatch(/FILE_UNREADABLE/);
    expect(existsSync(at("flat/survey.json"))).toBe(false);
    expect((await readTable(at("flat/catalogue.parquet"))).rows).toEqual([]);
    expect(readFitsImage(at("flat/segmentation.fits")).data.every((label) => label === 0)).toBe(true);
    await expect(detectClassical([at("gone.fits")], { ...options, out: at("none") })).rejects.toMatchObject({
      code: "FILE_UNREADABLE",
    });
    await expect(
      detectClassical([at("flags.fits")], { ...options, out: at("none"), bands: ["u"] }),
    ).rejects.toMatchObject({ code: "BAND_MISSING" });
    expect(existsSync(at("none"))).toBe(false);
  });
});
