import { expect, it } from "vitest";
import { skyGrid } from "../../../src/survey/detections.ts";
import { parseWcs } from "../../../src/survey/wcs.ts";
import { compassAt, skyAt, skyText } from "./sky.ts";

type Card = [string, string, string];
const cards = (values: Record<string, number | string>): Card[] =>
  Object.entries(values).map(([key, value]) => [key, typeof value === "string" ? `'${value}'` : String(value), ""]);
const TAN = { CTYPE1: "RA---TAN-SIP", CTYPE2: "DEC--TAN-SIP", CRPIX1: 1000, CRPIX2: 700 };
/** A turned image of half a degree with distortion, near RA 0. */
const header = cards({
  ...TAN,
  CRVAL1: 0.02,
  CRVAL2: -35,
  CD1_1: -6e-5,
  CD1_2: 3e-5,
  CD2_1: 3e-5,
  CD2_2: 6e-5,
  A_ORDER: 2,
  B_ORDER: 2,
  A_2_0: 2e-6,
  B_1_1: -3e-6,
});
const field = { cards: header, widthPx: 2000, heightPx: 1400 };

it("knows positions on a distorted image to a hundredth of a pixel", () => {
  const grid = skyGrid(field);
  const wcs = parseWcs(header);
  if (grid === null || wcs === null) throw new Error("the header has coordinates");
  let worst = 0;
  for (let x = 0; x < 2000; x += 77)
    for (let y = 0; y < 1400; y += 53) {
      const { raDeg, decDeg } = skyAt(grid, (x + 0.5) / 2000, (y + 0.5) / 1400);
      const there = wcs.skyToPixel(raDeg, decDeg);
      worst = Math.max(worst, Math.hypot((there?.x ?? 1e9) - x, (there?.y ?? 1e9) - y));
    }
  console.log(`largest error ${worst.toExponential(1)} px`);
  expect(worst).toBeLessThan(0.01);
});

it("points north and east as the image is turned", () => {
  const grid = skyGrid(field);
  if (grid === null) throw new Error("the header has coordinates");
  const { north, east } = compassAt(grid, [2000, 1400], 0.5, 0.5);
  // North is 26.6 degrees from the rows' axis: tan = 3 / 6.
  expect(north[0] / north[1]).toBeCloseTo(0.5, 1);
  expect(north[1]).toBeGreaterThan(0);
  expect(east[0]).toBeLessThan(0);
  expect(north[0] * east[0] + north[1] * east[1]).toBeCloseTo(0, 1);
});

it("is none without coordinates, and writes hours and degrees", () => {
  expect(skyGrid({ ...field, cards: [] })).toBeNull();
  expect(skyText({ raDeg: 150.11625, decDeg: -2.2058 })).toBe("10:00:27.90 −02:12:20.9 (150.11625°, -2.20580°)");
  expect(skyText({ raDeg: 359.99999, decDeg: 59.999999 })).toBe("00:00:00.00 +60:00:00.0 (359.99999°, 60.00000°)");
});
