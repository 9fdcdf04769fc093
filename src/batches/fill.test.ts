import { describe, expect, it } from "vitest";
import { wavesImage } from "../../test/fixtures/formulas.ts";
import { inpaintBiharmonic } from "../stamps/inpaint.ts";
import { scope, tensor } from "../torch/index.ts";
import { firstGuess, pushPull } from "./fill.ts";

describe("first guesses of hidden pixels", () => {
  it("leave known pixels alone, give a constant back whole, and lie between the known values, at odd sizes too", () => {
    for (const [H, W] of [
      [16, 16],
      [13, 22],
    ]) {
      const mask = Float32Array.from({ length: H * W }, (_, p) =>
        (p % W) % 5 < 3 && Math.floor(p / W) % 7 < 5 ? 0 : 1,
      );
      const values = Float32Array.from({ length: H * W }, (_, p) => ((p * 7919) % 101) / 101);
      scope(() => {
        const known = tensor(mask, [1, 1, H, W]);
        const flat = pushPull(known.mul(0.3), known).toFloat32Array();
        expect(Math.max(...flat.map((value) => Math.abs(value - 0.3)))).toBeLessThan(1e-6);
        const found = pushPull(tensor(values, [1, 1, H, W]), known).toFloat32Array();
        const seen = [...values].filter((_, p) => mask[p] === 1);
        for (const [p, value] of found.entries()) {
          if (mask[p] === 1) expect(value).toBe(values[p]);
          expect(value).toBeGreaterThanOrEqual(Math.min(...seen));
          expect(value).toBeLessThanOrEqual(Math.max(...seen));
        }
      });
    }
  });

  it("are the biharmonic solution of each image by its own mask", () => {
    const images = [0.1, 0.7].map((phase) =>
      Float32Array.from([0, 1, 2].flatMap((band) => [...wavesImage(16, phase + band)])),
    );
    const masks = [4, 9].map((from) =>
      Uint8Array.from({ length: 256 }, (_, p) => (p % 16 >= from && p % 16 < from + 4 && p > 64 && p < 160 ? 1 : 0)),
    );
    const found = scope(() =>
      firstGuess(
        tensor(Float32Array.from(images.flatMap((image) => [...image])), [2, 3, 16, 16]),
        masks,
      ).toFloat32Array(),
    );
    for (const [b, image] of images.entries()) {
      const wanted = inpaintBiharmonic(image, { bands: 3, heightPx: 16, widthPx: 16, mask: masks[b] });
      expect(Math.max(...wanted.map((value, i) => Math.abs(value - found[b * 768 + i])))).toBeLessThan(1e-6);
    }
  });
});
