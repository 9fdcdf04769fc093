import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { FitsCard } from "./fits.ts";
import { parseWcs } from "./wcs.ts";

// Made with astropy.wcs (test/golden/gen/wcs.py).
const golden = JSON.parse(readFileSync(new URL("../../test/golden/wcs.json", import.meta.url), "utf8")) as Record<
  string,
  { cards: Record<string, string | number>; pixels: [number, number][]; sky: [number, number][] }
>;
const header = (cards: Record<string, string | number>) =>
  Object.entries(cards).map(
    ([key, value]): FitsCard => [key, typeof value === "string" ? `'${value}'` : String(value), ""],
  );

describe("world coordinates", () => {
  it.each(Object.keys(golden))("equal astropy's: %s", (name) => {
    const { cards, pixels, sky } = golden[name];
    const wcs = parseWcs(header(cards));
    let [worstArcsec, worstPixel] = [0, 0];
    for (const [i, [x, y]] of pixels.entries()) {
      const { raDeg, decDeg } = wcs!.pixelToSky(x, y)!;
      const dRa = (((raDeg - sky[i][0] + 540) % 360) - 180) * Math.cos((decDeg * Math.PI) / 180);
      worstArcsec = Math.max(worstArcsec, Math.hypot(dRa, decDeg - sky[i][1]) * 3600);
      const back = wcs!.skyToPixel(raDeg, decDeg);
      worstPixel = Math.max(worstPixel, Math.hypot(back!.x - x, back!.y - y));
    }
    console.log(
      `${name}: largest difference ${worstArcsec.toExponential(1)} arcsec, to the pixel and back ${worstPixel.toExponential(1)} px`,
    );
    expect(worstArcsec).toBeLessThan(1e-6);
    expect(worstPixel).toBeLessThan(1e-6);
  });
  it("refuses other projections, has none without a reference, and no pixel for the far side of the sky", () => {
    expect(() => parseWcs(header({ CTYPE1: "RA---CAR", CTYPE2: "DEC--CAR", CRVAL1: 1, CDELT1: 1 }))).toThrow(
      /projection CAR/,
    );
    expect(parseWcs([])).toBeNull();
    expect(parseWcs(header(golden.cd.cards))?.skyToPixel(330, -2)).toBeNull();
    expect(parseWcs(header(golden.cd.cards))?.pixelScaleArcsec).toBeCloseTo(0.262, 3);
  });
});
