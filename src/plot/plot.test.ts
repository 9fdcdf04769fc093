import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { axisScale, ticks } from "./axes.ts";
import { lineChart } from "./lines.ts";
import { confusionChart } from "./matrix.ts";

/** Renders an SVG, which fails where it is not well formed, and gives its size and how many colours it shows. */
async function rendered(svg: string) {
  const { data, info } = await sharp(Buffer.from(svg)).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const colours = new Set<number>();
  for (let p = 0; p < data.length; p += info.channels) colours.add((data[p] << 16) | (data[p + 1] << 8) | data[p + 2]);
  return { width: info.width, height: info.height, colours };
}

describe("axes", () => {
  it("write round numbers inside the range", () => {
    expect(ticks(0, 1)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(ticks(-3, 12)).toEqual([0, 5, 10]);
    expect(ticks(2, 2)).toEqual([2]);
  });
  it("place values, by their logarithm where asked", () => {
    expect(axisScale({ label: "", low: 0, high: 10 }, 100, 200)(5)).toBe(150);
    expect(axisScale({ label: "", low: 10, high: 1000, log: true }, 0, 100)(100)).toBeCloseTo(50, 9);
  });
});

describe("charts", () => {
  it("show every line in its colour, also with one point, missing values and names that need escaping", async () => {
    const svg = lineChart({
      title: "A & B",
      xLabel: "images a class",
      yLabel: "accuracy",
      logX: true,
      series: [
        { name: "<lvm>", x: [10, 20, 50], y: [0.5, Number.NaN, 0.8], spread: [0.1, 0.1, 0.05] },
        { name: "one", x: [10], y: [0.4], dashed: true },
      ],
    });
    const { width, height, colours } = await rendered(svg);
    expect([width, height]).toEqual([640, 380]);
    expect(colours.has(0x0072b2) && colours.has(0xd55e00)).toBe(true);
    expect(svg).not.toContain("NaN");
  });
  it("shade a confusion matrix by rows", async () => {
    const svg = confusionChart(
      "test",
      ["spiral", "edge-on"],
      [
        [8, 2],
        [0, 0],
      ],
    );
    expect((await rendered(svg)).colours.has(0xffffff)).toBe(true);
    expect(svg).toContain('fill-opacity="0.800"');
    expect(svg).not.toContain("NaN");
  });
  it("hold where there is nothing to show", async () => {
    expect((await rendered(lineChart({ title: "", xLabel: "", yLabel: "", series: [] }))).width).toBe(640);
  });
});
