import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PACKAGE_ROOT } from "../base/paths.ts";
import { meanSquaredError, psnr, ssim } from "./image.ts";

interface Case {
  channels: number;
  height: number;
  width: number;
  phase: number;
  dataRange: number;
  mse: number;
  psnr: number;
  ssim: number;
}

/** The formula of test/golden/gen/image_measures.py. */
function image({ channels, height, width, dataRange }: Case, phase: number): Float64Array {
  return Float64Array.from({ length: channels * height * width }, (_, i) => {
    const [x, y, c] = [i % width, Math.floor(i / width) % height, Math.floor(i / width / height)];
    const wave = 0.3 * Math.sin(0.37 * x + 0.11 * c + phase) * Math.cos(0.23 * y - 0.5 * phase);
    return dataRange * (0.5 + wave + 0.15 * Math.sin((1.7 * x * (y + 1)) / 9 + phase));
  });
}

describe("image measures", () => {
  it("equal scikit-image within 1e-6", () => {
    const { cases } = JSON.parse(readFileSync(join(PACKAGE_ROOT, "test/golden/image-measures.json"), "utf8")) as {
      cases: Case[];
    };
    let worst = 0;
    for (const golden of cases) {
      const [a, b] = [image(golden, 0), image(golden, golden.phase)];
      const shape = { channels: golden.channels, heightPx: golden.height, widthPx: golden.width };
      worst = Math.max(
        worst,
        Math.abs(meanSquaredError(a, b) / golden.mse - 1),
        Math.abs(psnr(a, b, golden.dataRange) - golden.psnr),
        Math.abs(ssim(a, b, shape, golden.dataRange) - golden.ssim),
      );
    }
    console.log(`largest difference ${worst.toExponential(1)}`);
    expect(cases.length).toBe(4);
    expect(worst).toBeLessThan(1e-6);
  });

  it("are best for equal images: infinite PSNR and SSIM 1", () => {
    const a = Float32Array.from({ length: 100 }, (_, i) => (i % 7) / 7);
    expect(psnr(a, a, 1)).toBe(Number.POSITIVE_INFINITY);
    expect(ssim(a, a, { channels: 1, heightPx: 10, widthPx: 10 }, 1)).toBeCloseTo(1, 12);
  });

  it("refuse images that do not belong together or are smaller than the window", () => {
    expect(() => meanSquaredError([1], [1, 2])).toThrow(/same number/);
    expect(() => ssim(new Float32Array(36), new Float32Array(36), { channels: 1, heightPx: 6, widthPx: 6 }, 1)).toThrow(
      /at least 7 px/,
    );
  });
});
