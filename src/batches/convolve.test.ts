import { describe, expect, it } from "vitest";
import { convolve } from "../../test/fixtures/convolve.ts";
import { Random } from "../base/random.ts";
import { pointSpread } from "../stamps/degrade.ts";
import { scope, tensor } from "../torch/index.ts";
import { convolveBatch } from "./convolve.ts";

describe("convolution of a batch", () => {
  it("is that of each image with its own kernel, up to the mirrored edges", () => {
    const random = new Random(1);
    const images = Float32Array.from({ length: 2 * 3 * 20 * 20 }, () => random.next());
    const kernels = [pointSpread({ fwhmPx: 2, beta: 3 }), pointSpread({ fwhmPx: 7.5, beta: 3 })];
    // A kernel that is not symmetric tells a convolution from a correlation.
    kernels[0].values[0] += 0.3;
    const found = scope(() => convolveBatch(tensor(images, [2, 3, 20, 20]), kernels).toFloat32Array());
    const shape = { bands: 3, heightPx: 20, widthPx: 20 };
    const wanted = [0, 1].flatMap((b) => [...convolve(images.subarray(b * 1200, (b + 1) * 1200), shape, kernels[b])]);
    const worst = Math.max(...found.map((value, i) => Math.abs(value - wanted[i])));
    console.log(`largest difference ${worst.toExponential(1)}`);
    expect(worst).toBeLessThan(1e-5);
  });
});
