import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { convolve } from "../../test/fixtures/convolve.ts";
import { lopsidedKernel, type RestorationGolden, wavesImage } from "../../test/fixtures/formulas.ts";
import { PACKAGE_ROOT } from "../base/paths.ts";
import { type PsfKernel, pointSpread } from "../stamps/degrade.ts";
import { scope, type Tensor, tensor } from "../torch/index.ts";
import { richardsonLucy, richardsonLucyMirrored, wiener, wienerMirrored } from "./deconvolve.ts";

const golden = JSON.parse(
  readFileSync(join(PACKAGE_ROOT, "test/golden/restoration.json"), "utf8"),
) as RestorationGolden;
const S = golden.sizePx;
const worst = (found: ArrayLike<number>, wanted: ArrayLike<number>) =>
  Math.max(...Array.from(found, (value, i) => Math.abs(value - wanted[i])));

/** Two images in one batch, of which the first is the golden one, and another kernel for the second. */
function first(method: (images: Tensor, kernels: PsfKernel[]) => Tensor): Float64Array {
  return scope(() => {
    const images = tensor(Float64Array.from([...wavesImage(S, 0.4), ...wavesImage(S, 1)]), [2, 1, S, S], "float64");
    return method(images, [lopsidedKernel(7), lopsidedKernel(9)])
      .slice(0, 0, 1)
      .toFloat64Array();
  });
}

describe("deconvolution", () => {
  it("equals scikit-image's Richardson-Lucy and Wiener within 1e-6", () => {
    const lucy = worst(
      first((images, kernels) => richardsonLucy(images, kernels, 12)),
      golden.richardsonLucy,
    );
    const hunt = worst(
      first((images, kernels) => wiener(images, kernels, [0.02, 0.3])),
      golden.wiener,
    );
    console.log(`largest difference: Richardson-Lucy ${lucy.toExponential(1)}, Wiener ${hunt.toExponential(1)}`);
    expect(lucy).toBeLessThan(1e-6);
    expect(hunt).toBeLessThan(1e-6);
  });

  it("sharpens a blurred image, up to its edges", () => {
    const sharp = Float32Array.from({ length: 32 * 32 }, (_, i) => {
      const blob = (x: number, y: number) => Math.exp(-(((i % 32) - x) ** 2 + (Math.floor(i / 32) - y) ** 2) / 4);
      return 0.05 + blob(15, 16) + 0.6 * blob(21, 12) + 0.5 * blob(30, 31);
    });
    const kernel = pointSpread({ fwhmPx: 3, beta: 3 });
    const blurred = convolve(sharp, { bands: 1, heightPx: 32, widthPx: 32 }, kernel);
    const mean = (image: Float32Array) =>
      image.reduce((sum, value, i) => sum + (value - sharp[i]) ** 2, 0) / sharp.length;
    for (const method of [
      (x: Tensor) => richardsonLucyMirrored(x, [kernel], 20),
      (x: Tensor) => wienerMirrored(x, [kernel], [1e-4]),
    ]) {
      const found = scope(() => method(tensor(blurred, [1, 1, 32, 32])).toFloat32Array());
      expect(found.length).toBe(1024);
      expect(mean(found)).toBeLessThan(mean(blurred) / 2);
    }
  });
});
