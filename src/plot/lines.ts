/** Curves with bands, as SVG. */
import { escapeText } from "../base/markup.ts";
import { type AxisOptions, axisScale, COLOURS, drawAxes, type PlotArea, wrapSvg } from "./axes.ts";

/** One line of a chart: points (x, y) in order, dashed or not. */
export interface Series {
  name: string;
  x: number[];
  y: number[];
  /** Half-width of the band around each point. */
  spread?: number[];
  dashed?: boolean;
}

/** A line chart with its labels, scales and lines; x is logarithmic with `logX`. */
export interface LineChart {
  title: string;
  xLabel: string;
  yLabel: string;
  series: Series[];
  logX?: boolean;
  /** Range of y; that of the data and bands unless given. */
  yRange?: [number, number];
  /** Whether every x of the data gets its number on the axis. */
  markX?: boolean;
  widthPx?: number;
  heightPx?: number;
}

/**
 * Lines with a marker on each point, bands of +- spread and a legend to the right. Points that are not numbers are left
 * out.
 */
export function lineChart(chart: LineChart): string {
  const { title, xLabel, yLabel, logX, widthPx = 640, heightPx = 380 } = chart;
  const series = chart.series.map((line) => {
    const kept = line.x.map((_, i) => i).filter((i) => Number.isFinite(line.x[i]) && Number.isFinite(line.y[i]));
    return {
      ...line,
      x: kept.map((i) => line.x[i]),
      y: kept.map((i) => line.y[i]),
      spread: line.spread && kept.map((i) => line.spread?.[i] ?? 0),
    };
  });
  const xs = series.flatMap((line) => line.x);
  const ys = series.flatMap((line) =>
    line.y.flatMap((y, i) => [y - (line.spread?.[i] ?? 0), y + (line.spread?.[i] ?? 0)]),
  );
  const [low, high] = chart.yRange ?? padded(ys);
  const legend = Math.min(220, 34 + 6.6 * Math.max(0, ...series.map(({ name }) => name.length)));
  const frame: PlotArea = { widthPx, heightPx, left: 56, right: legend, top: 30, bottom: 42 };
  const x: AxisOptions = {
    label: xLabel,
    low: xs.length > 0 ? Math.min(...xs) : 0,
    high: xs.length > 0 ? Math.max(...xs) : 1,
    log: logX,
  };
  if (chart.markX === true || logX === true) x.at = [...new Set(xs)].sort((a, b) => a - b);
  const y: AxisOptions = { label: yLabel, low, high };
  const [toX, toY] = [
    axisScale(x, frame.left, widthPx - frame.right),
    axisScale(y, heightPx - frame.bottom, frame.top),
  ];
  const at = (px: number, py: number) => `${toX(px).toFixed(1)},${toY(Math.min(high, Math.max(low, py))).toFixed(1)}`;
  const parts = series.map((line, k) => {
    const colour = COLOURS[k % COLOURS.length];
    const points = line.x.map((px, i) => at(px, line.y[i]));
    const band =
      line.spread === undefined || points.length < 2
        ? ""
        : `<polygon fill="${colour}" opacity="0.15" points="${[
            ...line.x.map((px, i) => at(px, line.y[i] + (line.spread?.[i] ?? 0))),
            ...line.x.map((px, i) => at(px, line.y[i] - (line.spread?.[i] ?? 0))).reverse(),
          ].join(" ")}"/>`;
    const markers =
      points.length > 40
        ? []
        : points.map(
            (point) => `<circle cx="${point.split(",")[0]}" cy="${point.split(",")[1]}" r="3" fill="${colour}"/>`,
          );
    const row = frame.top + 14 + 18 * k;
    const dash = line.dashed === true ? ' stroke-dasharray="6 4"' : "";
    return [
      band,
      `<polyline fill="none" stroke="${colour}" stroke-width="2"${dash} points="${points.join(" ")}"/>`,
      ...markers,
      `<line x1="${widthPx - legend + 10}" x2="${widthPx - legend + 28}" y1="${row - 4}" y2="${row - 4}" stroke="${colour}" stroke-width="2"${dash}/>`,
      `<text x="${widthPx - legend + 32}" y="${row}">${escapeText(line.name)}</text>`,
    ].join("\n");
  });
  return wrapSvg(widthPx, heightPx, title, `${drawAxes(frame, x, y)}\n${parts.join("\n")}`);
}

function padded(values: number[]): [number, number] {
  if (values.length === 0) return [0, 1];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const margin = (high - low) * 0.05 || Math.abs(high) * 0.05 || 1;
  return [low - margin, high + margin];
}
