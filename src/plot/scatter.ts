/** Points with error bars beside the line where both axes are equal, as SVG. */
import { type AxisOptions, axisScale, COLOURS, drawAxes, type PlotArea, wrapSvg } from "./axes.ts";

/** Points of predictions against truth; `half` is half the length of an error bar, NaN for none. */
export interface ScatterChart {
  title: string;
  xLabel: string;
  yLabel: string;
  points: readonly { x: number; y: number; half: number }[];
  widthPx?: number;
  heightPx?: number;
}

/** More bars than this hide each other: the first so many are drawn. */
const MOST_BARS = 400;

/** One mark for each point; both axes have the same range. */
export function scatterChart({ title, xLabel, yLabel, points, widthPx = 460, heightPx = 460 }: ScatterChart): string {
  const values = points.flatMap(({ x, y }) => [x, y]).filter(Number.isFinite);
  const [least, most] = values.length === 0 ? [0, 1] : [Math.min(...values), Math.max(...values)];
  const margin = 0.05 * (most - least || 1);
  const [low, high] = [least - margin, most + margin];
  const frame: PlotArea = { widthPx, heightPx, left: 60, right: 16, top: 30, bottom: 42 };
  const [x, y]: AxisOptions[] = [
    { label: xLabel, low, high },
    { label: yLabel, low, high },
  ];
  const [toX, toY] = [
    axisScale(x, frame.left, widthPx - frame.right),
    axisScale(y, heightPx - frame.bottom, frame.top),
  ];
  const inside = (value: number) => toY(Math.min(high, Math.max(low, value))).toFixed(1);
  const marks = points
    .filter((point) => Number.isFinite(point.x) && Number.isFinite(point.y))
    .map((point, i) => {
      const at = toX(point.x).toFixed(1);
      const bar =
        Number.isFinite(point.half) && i < MOST_BARS
          ? `<line x1="${at}" x2="${at}" y1="${inside(point.y - point.half)}" y2="${inside(point.y + point.half)}" stroke="${COLOURS[0]}" opacity="0.15"/>`
          : "";
      return `${bar}<circle cx="${at}" cy="${inside(point.y)}" r="2" fill="${COLOURS[0]}" opacity="0.5"/>`;
    });
  const equal = `<line x1="${toX(low)}" y1="${toY(low)}" x2="${toX(high)}" y2="${toY(high)}" stroke="${COLOURS[1]}" stroke-dasharray="5 4"/>`;
  return wrapSvg(widthPx, heightPx, title, [drawAxes(frame, x, y), equal, ...marks].join("\n"));
}
