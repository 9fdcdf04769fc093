import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type RestorationGolden, wavesImage } from "../../test/fixtures/formulas.ts";
import { PACKAGE_ROOT } from "../base/paths.ts";
import { inpaintBiharmonic, inpaintNearest } from "./inpaint.ts";

const golden = JSON.parse(
  readFileSync(join(PACKAGE_ROOT, "test/golden/restoration.json"), "utf8"),
) as RestorationGolden;
const S = golden.sizePx;
const mask = Uint8Array.from(golden.mask);
const masked = { bands: 1, heightPx: S, widthPx: S, mask };

describe("inpainting", () => {
  it("by the biharmonic equation equals scikit-image within 1e-6, in patches, at edges and in corners", () => {
    const found = inpaintBiharmonic(wavesImage(S, 0.4), masked);
    const worst = Math.max(...found.map((value, i) => Math.abs(value - golden.biharmonic[i])));
    console.log(`largest difference ${worst.toExponential(1)}`);
    expect(mask.filter(Boolean).length).toBeGreaterThan(100);
    expect(worst).toBeLessThan(1e-6);
  });

  it("by the nearest pixel takes one at the distance that scipy's distance transform gives", () => {
    // Each pixel's value says where it came from.
    const places = Float32Array.from(mask, (_, p) => p);
    const found = inpaintNearest(places, masked);
    for (const [p, from] of found.entries()) {
      expect(mask[from]).toBe(0);
      expect(Math.hypot((from % S) - (p % S), Math.floor(from / S) - Math.floor(p / S))).toBeCloseTo(
        golden.distance[p],
        6,
      );
    }
  });

  it("does every band by itself and leaves known pixels alone", () => {
    const [a, b] = [wavesImage(S, 0.4), wavesImage(S, 1.1)];
    const both = Float32Array.from([...a, ...b]);
    for (const method of [inpaintBiharmonic, inpaintNearest]) {
      const found = method(both, { ...masked, bands: 2 });
      expect(found.slice(0, S * S)).toEqual(method(a, masked));
      expect(found.slice(S * S)).toEqual(method(b, masked));
      expect(found.every((value, i) => mask[i % (S * S)] === 1 || value === both[i])).toBe(true);
    }
  });

  it("refuses masks of another size and masks that hide everything", () => {
    expect(() => inpaintNearest(new Float32Array(16), masked)).toThrow(/one value a pixel/);
    expect(() => inpaintBiharmonic(wavesImage(S, 0), { ...masked, mask: new Uint8Array(S * S).fill(1) })).toThrow(
      /hides every pixel/,
    );
  });
});
