import { describe, expect, it } from "vitest";
import { convolveBatch } from "../../batches/convolve.ts";
import { apertureLight } from "../../measure/photometry.ts";
import { pointSpread } from "../../stamps/degrade.ts";
import { manualSeed, randn, scope, type Tensor, tensor } from "../../torch/index.ts";
import { conserveLight } from "./conserve.ts";

const S = 96;
const SIGMA = 0.01;

/** A compact galaxy in the middle of [1, 3, S, S], each band half as bright as the one before. */
function galaxy(): Tensor {
  const plane = (band: number) =>
    Float32Array.from(
      { length: S * S },
      (_, p) => (10 / 2 ** band) * Math.exp(-Math.hypot((p % S) - (S - 1) / 2, Math.floor(p / S) - (S - 1) / 2) / 5),
    );
  return tensor(Float32Array.from([0, 1, 2].flatMap((band) => [...plane(band)])), [1, 3, S, S]);
}
const lights = (images: Tensor): number[] => {
  const all = images.toFloat32Array();
  return [0, 1, 2].map((band) => apertureLight(all.slice(band * S * S, (band + 1) * S * S), S, S, S / 4));
};

describe("light in restored fluxes", () => {
  it.each([3, 5, 8])("is what was measured, whatever the network made of it (point spread of %i px)", (fwhmPx) =>
    scope(() => {
      manualSeed(1);
      const clean = galaxy();
      const given = convolveBatch(clean, [pointSpread({ fwhmPx, beta: 3 })]).add(randn([1, 3, S, S]).mul(SIGMA));
      const before = lights(given);
      for (const factor of [0.6, 1.4, 2.5]) {
        // As networks fail: too bright or too faint where it is bright.
        const wrong = clean.mul(
          clean
            .gt(0.3)
            .to("float32")
            .mul(factor - 1)
            .add(1),
        );
        expect(Math.max(...lights(wrong).map((light, band) => Math.abs(light / before[band] - 1)))).toBeGreaterThan(
          0.2,
        );
        for (const [band, light] of lights(conserveLight(wrong, given)).entries())
          expect(Math.abs(light / before[band] - 1)).toBeLessThan(0.03);
      }
    }),
  );
  it("leaves a true restoration nearly as it is, and noise without light too", () =>
    scope(() => {
      manualSeed(2);
      const clean = galaxy();
      const given = convolveBatch(clean, [pointSpread({ fwhmPx: 5, beta: 3 })]).add(randn([1, 3, S, S]).mul(SIGMA));
      const kept = conserveLight(clean, given);
      expect(kept.sub(clean).abs().max().item() / clean.max().item()).toBeLessThan(0.06);
      const noise = randn([1, 3, S, S]).mul(SIGMA);
      expect(conserveLight(noise.mul(0.3), noise).sub(noise.mul(0.3)).abs().max().item()).toBeLessThan(0.5 * SIGMA);
      const nothing = tensor(new Float32Array(3 * S * S), [1, 3, S, S]);
      expect(conserveLight(nothing, nothing).abs().max().item()).toBe(0);
    }));
});
