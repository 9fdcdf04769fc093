/**
 * Every chart of src/plot as it was when somebody looked at it: `kept/NAME.svg`. The text and the shapes are the same,
 * and no number differs by more than TOLERANCE. After a wanted change: `KEEP_PLOTS=1 npx vitest run test/plots`, and look
 * at what changed.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { PACKAGE_ROOT } from "../../src/base/paths.ts";
import { drawAxes, wrapSvg } from "../../src/plot/axes.ts";
import { lineChart } from "../../src/plot/lines.ts";
import { confusionChart } from "../../src/plot/matrix.ts";
import { scatterChart } from "../../src/plot/scatter.ts";

/** Tenths are what a chart's points are rounded to; a change that can be seen is larger. In px, and in other numbers. */
const TOLERANCE = 0.11;
const KEPT = join(PACKAGE_ROOT, "test/plots/kept");

const steps = (count: number, of: (i: number) => number) => Array.from({ length: count }, (_, i) => of(i));
const KINDS = ["spiral", "barred spiral", "ring", "edge-on", "lens", "merger", "irregular", "lenticular", "elliptical"];

const CHARTS: Record<string, () => string> = {
  scatter: () =>
    scatterChart({
      title: "Bulge & total",
      xLabel: "catalogue",
      yLabel: "predicted",
      points: steps(30, (i) => i / 30).map((x, i) => ({
        x,
        y: x + 0.1 * Math.sin(7 * i),
        half: i % 5 === 0 ? Number.NaN : 0.1,
      })),
    }),
  "lines-with-bands": () =>
    lineChart({
      title: "Accuracy & examples",
      xLabel: "images a class",
      yLabel: "accuracy",
      logX: true,
      series: [
        { name: "<frozen>", x: [5, 10, 20, 50], y: [0.52, 0.61, Number.NaN, 0.78], spread: [0.08, 0.05, 0.03, 0.01] },
        { name: "from scratch", x: [5, 20, 50], y: [0.3, 0.4, 0.66], dashed: true },
      ],
    }),
  "lines-many-points": () =>
    lineChart({
      title: "Loss",
      xLabel: "step",
      yLabel: "",
      yRange: [0, 1],
      widthPx: 520,
      heightPx: 300,
      series: [{ name: "", x: steps(60, (i) => 100 * i), y: steps(60, (i) => 1.2 * Math.exp(-i / 20)) }],
    }),
  "lines-marked": () =>
    lineChart({
      title: "Small and large numbers",
      xLabel: "round",
      yLabel: "share",
      markX: true,
      series: [{ name: "one", x: [1, 2, 3, 7], y: [1e-5, 2e-5, 2e-5, 8e-5] }],
    }),
  "lines-nothing": () => lineChart({ title: "Nothing yet", xLabel: "x", yLabel: "y", series: [] }),
  "confusion-small": () =>
    confusionChart(
      "Test objects",
      ["spiral", "edge-on", "A < B"],
      [
        [8, 2, 0],
        [0, 0, 0],
        [1, 3, 6],
      ],
    ),
  "confusion-large": () =>
    confusionChart(
      "Nine kinds",
      KINDS,
      KINDS.map((_, i) => KINDS.map((__, j) => (i === j ? 20 - i : (3 * i + j) % 4))),
    ),
  axes: () =>
    wrapSvg(
      300,
      200,
      "Axes",
      drawAxes(
        { widthPx: 300, heightPx: 200, left: 50, right: 20, top: 30, bottom: 40 },
        { label: "logarithmic", low: 1, high: 1000, log: true, at: [1, 10, 100, 1000] },
        { label: "from -2e5", low: -2e5, high: 1e5 },
      ),
    ),
};

const NUMBER = /-?\d+(?:\.\d+)?(?:e[+-]?\d+)?/g;
/** The text between the numbers, colours as they are, and the numbers. */
function partsOf(svg: string): { text: string; numbers: number[] } {
  const plain = svg.replace(/#[0-9a-f]{3,6}/g, (colour) =>
    colour.replaceAll(/\d/g, (digit) => "ghijklmnop"[Number(digit)]),
  );
  return { text: plain.replace(NUMBER, "0"), numbers: (plain.match(NUMBER) ?? []).map(Number) };
}

describe("charts as they were looked at", () => {
  it.each(Object.keys(CHARTS))("%s", async (name) => {
    const svg = CHARTS[name]();
    const path = join(KEPT, `${name}.svg`);
    if (process.env.KEEP_PLOTS === "1") writeFileSync(path, svg);
    const [found, kept] = [svg, readFileSync(path, "utf8")].map(partsOf);
    expect(found.text).toBe(kept.text);
    const worst = Math.max(...found.numbers.map((value, i) => Math.abs(value - kept.numbers[i])));
    expect(worst).toBeLessThanOrEqual(TOLERANCE);
    // It is well formed, and something is drawn on the white.
    const { data } = await sharp(Buffer.from(svg)).greyscale().raw().toBuffer({ resolveWithObject: true });
    expect(data.filter((value) => value < 200).length).toBeGreaterThan(100);
  });

  it("there is a picture for every chart, and none of a chart that is gone", () => {
    expect(existsSync(KEPT) ? readdirSync(KEPT).sort() : []).toEqual(
      Object.keys(CHARTS)
        .map((name) => `${name}.svg`)
        .sort(),
    );
  });

  it("a point that moves by a fifth of a pixel, another word or another colour is seen", () => {
    const svg = CHARTS["lines-marked"]();
    const [now, moved] = [svg, svg.replace(/points="(\d+\.\d),/, (_, x) => `points="${Number(x) + 0.2},`)].map(partsOf);
    expect(Math.max(...now.numbers.map((value, i) => Math.abs(value - moved.numbers[i])))).toBeGreaterThan(TOLERANCE);
    expect(partsOf(svg.replace("round", "rounds")).text).not.toBe(now.text);
    expect(partsOf(svg.replace("#0072b2", "#0073b2")).text).not.toBe(now.text);
  });

  it("every chart of the folder is among them", async () => {
    const files = readdirSync(join(PACKAGE_ROOT, "src/plot")).filter((file) =>
      /^(?!html).*(?<!\.test)\.ts$/.test(file),
    );
    const names = files.flatMap((file) =>
      [
        ...readFileSync(join(PACKAGE_ROOT, "src/plot", file), "utf8").matchAll(
          /export function (\w*(?:Chart|Axes|Svg))\(/g,
        ),
      ].map(([, name]) => name),
    );
    const used = readFileSync(fileURLToPath(import.meta.url), "utf8");
    expect(names.length).toBeGreaterThan(3);
    expect(names.filter((name) => !used.includes(`${name}(`))).toEqual([]);
  });
});
