import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Random } from "../base/random.ts";
import { adaptiveCrop, otsuThreshold, resizeArea } from "./crop.ts";
import { boxAround, type CutOptions, padStamp, type Wide } from "./cut.ts";
import { colourBands, percentiles, renderFlux, renderLegacy, renderRgb8, renderStretch } from "./render.ts";

/** A stamp as a survey of wide images cuts it: the box, what of it lies on the image, and the rest. */
function cutStamp(image: Wide, place: { x: number; y: number }, options: CutOptions) {
  const box = boxAround(image, place, options);
  return padStamp(image.section(box.x0, box.y0, box.width, box.height), image.planes, box, options);
}

describe("adaptive crop", () => {
  const blob = (size: number, cx: number, cy: number, radius: number) => {
    const rgb = new Float32Array(3 * size * size);
    for (let c = 0; c < 3; c++)
      for (let y = 0; y < size; y++)
        for (let x = 0; x < size; x++) if (Math.hypot(x - cx, y - cy) <= radius) rgb[(c * size + y) * size + x] = 0.9;
    return rgb;
  };
  it("takes the central region's farthest edge and ten pixels more", () => {
    // The box of a disc of radius 12 around (63.5, 63.5) reaches 11.5 px from the centre.
    expect(adaptiveCrop(blob(128, 63.5, 63.5, 12), 128, 128)).toEqual({ x0: 42, y0: 42, sizePx: 44 });
  });
  it("stays on the image, and takes the whole square where nothing covers the centre", () => {
    expect(adaptiveCrop(blob(128, 63.5, 63.5, 60), 128, 128)).toEqual({ x0: 0, y0: 0, sizePx: 128 });
    expect(adaptiveCrop(blob(128, 20, 20, 9), 128, 128)).toEqual({ x0: 0, y0: 0, sizePx: 128 });
    expect(adaptiveCrop(new Float32Array(3 * 64 * 100), 100, 64)).toEqual({ x0: 18, y0: 0, sizePx: 64 });
  });
  it("thresholds between two levels", () => {
    expect(otsuThreshold(Uint8Array.from([10, 12, 11, 200, 201, 202]))).toBeGreaterThanOrEqual(12);
    expect(otsuThreshold(Uint8Array.from([10, 12, 11, 200, 201, 202]))).toBeLessThan(200);
  });
});

describe("resize", () => {
  it("keeps constants, the mean when shrinking whole, and pixels at the same size", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 4, max: 40 }),
        fc.integer({ min: 2, max: 40 }),
        fc.double({ min: -5, max: 5, noNaN: true }),
        (size, out, value) => {
          const result = resizeArea(
            new Float32Array(size * size).fill(value),
            1,
            size,
            size,
            { x0: 0, y0: 0, sizePx: size },
            out,
          );
          for (const pixel of result) expect(pixel).toBeCloseTo(value, 4);
        },
      ),
      { numRuns: 40 },
    );
    const ramp = Float32Array.from({ length: 64 }, (_, i) => i);
    expect(resizeArea(ramp, 1, 8, 8, { x0: 0, y0: 0, sizePx: 8 }, 8)).toEqual(ramp);
    const half = resizeArea(ramp, 1, 8, 8, { x0: 0, y0: 0, sizePx: 8 }, 4);
    expect(half.reduce((sum, value) => sum + value, 0) / 16).toBeCloseTo(31.5, 0);
  });
  it("repeats edges where the box sticks out", () => {
    const result = resizeArea(Float32Array.of(1, 2, 3, 4), 1, 2, 2, { x0: -2, y0: -2, sizePx: 6 }, 6);
    expect([result[0], result[5], result[30], result[35]]).toEqual([1, 2, 3, 4]);
  });
});

describe("rendering", () => {
  it("follows the Legacy viewer's formula", () => {
    const [g, r, z] = [0.01, 0.02, 0.05];
    const rgb = renderLegacy({ data: Float32Array.of(g, r, z), widthPx: 1, heightPx: 1, bands: ["g", "r", "z"] });
    const values = [z * 2.2 + 0.03, r * 3.4 + 0.03, g * 6 + 0.03];
    const mean = values.reduce((sum, value) => sum + value, 0) / 3;
    for (const [c, value] of values.entries())
      expect(rgb[c]).toBeCloseTo((value * Math.asinh(20 * mean)) / Math.sqrt(20) / mean, 5);
  });
  it("shows the reddest band red whatever the order, and NaN black", () => {
    expect(colourBands(["g", "r", "z"])).toEqual([2, 1, 0]);
    expect(colourBands(["z", "g"])).toEqual([0, 0, 1]);
    expect(
      Array.from(
        renderLegacy({ data: Float32Array.of(Number.NaN, 1, 1), widthPx: 1, heightPx: 1, bands: ["g", "r", "z"] }),
      ),
    ).toEqual([0, 0, 0]);
  });
  it("stretches from 0 to 1, rising", () => {
    for (const stretch of ["linear", "log", "asinh", "sqrt"] as const) {
      const out = renderStretch(Float32Array.of(-1, 0, 1, 5, 10, 20, Number.NaN), { stretch, low: 0, high: 10 });
      expect([out[0], out[1], out[6]]).toEqual([0, 0, 0]);
      expect(out[4]).toBeCloseTo(1, 6);
      expect(out[5]).toBeCloseTo(1, 6);
      expect(out[2]).toBeLessThan(out[3]);
    }
    expect(percentiles(Float32Array.of(3, 1, Number.NaN, 2), [0, 50, 100])).toEqual([1, 2, 3]);
  });
  it("turns flux upside down for the screen, not pictures", () => {
    const stamp = {
      id: "a",
      index: 0,
      bands: ["r", "g", "b"],
      unit: "colour",
      widthPx: 1,
      heightPx: 2,
      data: Float32Array.of(1, 0, 1, 0, 1, 0),
    };
    expect(Array.from(renderRgb8({ ...stamp, kind: "colour" }))).toEqual([255, 255, 255, 0, 0, 0]);
    const flux = renderRgb8({ ...stamp, kind: "flux", unit: "nanomaggy", bands: ["g", "r", "z"] });
    expect(flux[0]).toBeLessThan(flux[3]);
  });
});

describe("cutting", () => {
  const wide = {
    widthPx: 10,
    heightPx: 8,
    planes: 2,
    section: (x0: number, y0: number, w: number, h: number) =>
      Float32Array.from(
        { length: 2 * w * h },
        (_, i) => Math.floor(i / (w * h)) * 1000 + (y0 + (Math.floor(i / w) % h)) * 10 + x0 + (i % w),
      ),
  };
  it("puts the position in the middle pixel of an odd stamp", () => {
    const { data, quality } = cutStamp(wide, { x: 4, y: 3 }, { sizePx: 3, pad: "error" });
    expect([data[4], data[13], quality]).toEqual([34, 1034, 0]);
  });
  it("pads what is off the image and flags it, or refuses", () => {
    const { data, quality } = cutStamp(wide, { x: 0, y: 0 }, { sizePx: 3, pad: "nan" });
    expect(Array.from(data.subarray(0, 9))).toEqual([
      Number.NaN,
      Number.NaN,
      Number.NaN,
      Number.NaN,
      0,
      1,
      Number.NaN,
      10,
      11,
    ]);
    expect(quality).toBe(4);
    expect(() => cutStamp(wide, { x: 0, y: 0 }, { sizePx: 3, pad: "error" })).toThrow(/leaves the image of 10x8/);
    expect(() => cutStamp(wide, { x: 50, y: 0 }, { sizePx: 3, pad: "zero" })).toThrow(/leaves the image/);
  });
});

describe("flux in other units", () => {
  const size = 32;
  const galaxy = (peak: number, sky: number) => {
    const random = new Random(3);
    return Float32Array.from({ length: 3 * size ** 2 }, (_, i) => {
      const [x, y] = [(i % size) - 16, (Math.floor(i / size) % size) - 16];
      return sky + peak * (Math.exp(-(x ** 2 + y ** 2) / 25) + random.normal(0, 0.02));
    });
  };
  const plane = (data: Float32Array, unit: string) => ({
    data,
    unit,
    widthPx: size,
    heightPx: size,
    bands: ["g", "r", "z"],
  });

  it("looks as in nanomaggies where it can be turned into them", () => {
    const flux = galaxy(0.2, 0);
    const jansky = flux.map((value) => value * 3.631e-6);
    const [a, b] = [renderFlux(plane(flux, "nanomaggy")), renderFlux(plane(jansky, "Jy"))];
    expect(Math.max(...a.map((value, i) => Math.abs(value - b[i])))).toBeLessThan(1e-6);
    expect(a).toEqual(renderLegacy(plane(flux, "nanomaggy")));
  });

  it("shows the galaxy whatever the zero point and the sky are", () => {
    const [counts, tiny] = [galaxy(30000, 5000), galaxy(1e-18, 1e-19)].map((data) => renderFlux(plane(data, "adu")));
    for (const rgb of [counts, tiny]) {
      const centre = rgb[16 * size + 16];
      const corner = rgb.subarray(0, 4 * size).reduce((sum, value) => sum + value, 0) / (4 * size);
      expect(centre).toBeGreaterThan(0.6);
      expect(corner).toBeLessThan(0.3);
      expect(rgb.filter((value) => value >= 1).length).toBeLessThan(0.2 * rgb.length);
    }
    expect(Math.max(...counts.map((value, i) => Math.abs(value - tiny[i])))).toBeLessThan(0.02);
  });

  it("is shown reddest first by the wavelengths in bands' names", () => {
    expect(colourBands(["F475W", "F606W", "F814W"])).toEqual([2, 1, 0]);
    expect(colourBands(["F090W", "F444W", "F200W"])).toEqual([1, 2, 0]);
    expect(colourBands(["VIS", "Y", "J", "H"])).toEqual([3, 2, 0]);
  });
});
