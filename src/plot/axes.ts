/**
 * What every chart is made of: escaped text, ticks at round numbers, axes. Charts are SVG texts that need nothing else
 * to be shown.
 */
import { escapeText } from "../base/markup.ts";

/** Colours that people with any colour vision can tell apart (Okabe & Ito 2008). */
export const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8a6d00"];

/** Round numbers (1, 2, 5 times a power of ten) inside [low, high], about `wanted` of them. */
export function ticks(low: number, high: number, wanted = 5): number[] {
  if (!(high > low)) return [low];
  const raw = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= raw * 0.999) ?? 10);
  const found: number[] = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++)
    found.push(Number((k * step).toPrecision(12)));
  return found;
}

/** The drawing area of a chart: its size, and the margins around the plotted rectangle, in px. */
export interface PlotArea {
  widthPx: number;
  heightPx: number;
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** An axis from `low` to `high` in the data's units; logarithmic with `log`. */
export interface AxisOptions {
  label: string;
  low: number;
  high: number;
  log?: boolean;
  /** Where to write numbers; round ones unless given. */
  at?: number[];
}

/** From values to pixels along one axis. */
export function axisScale({ low, high, log }: AxisOptions, from: number, to: number): (value: number) => number {
  const f = log === true ? Math.log : (value: number) => value;
  const span = f(high) - f(low) || 1;
  return (value) => from + ((f(value) - f(low)) / span) * (to - from);
}

const round = (value: number) => Number(value.toFixed(2));
const shown = (value: number) =>
  Math.abs(value) >= 1e5 || (value !== 0 && Math.abs(value) < 1e-3) ? value.toExponential(0) : String(value);

/** Grid lines, numbers and labels of both axes. */
export function drawAxes(frame: PlotArea, x: AxisOptions, y: AxisOptions): string {
  const { widthPx, heightPx, left, right, top, bottom } = frame;
  const [toX, toY] = [axisScale(x, left, widthPx - right), axisScale(y, heightPx - bottom, top)];
  const columns = (x.at ?? ticks(x.low, x.high)).map((value) => {
    const at = round(toX(value));
    return `<line x1="${at}" x2="${at}" y1="${top}" y2="${heightPx - bottom}" stroke="#ddd"/><text x="${at}" y="${heightPx - bottom + 16}" text-anchor="middle">${shown(value)}</text>`;
  });
  const rows = (y.at ?? ticks(y.low, y.high)).map((value) => {
    const at = round(toY(value));
    return `<line x1="${left}" x2="${widthPx - right}" y1="${at}" y2="${at}" stroke="#ddd"/><text x="${left - 6}" y="${at + 4}" text-anchor="end">${shown(value)}</text>`;
  });
  const middle = round((top + heightPx - bottom) / 2);
  return [
    ...columns,
    ...rows,
    `<text x="${round((left + widthPx - right) / 2)}" y="${heightPx - 8}" text-anchor="middle">${escapeText(x.label)}</text>`,
    `<text transform="translate(14 ${middle}) rotate(-90)" text-anchor="middle">${escapeText(y.label)}</text>`,
  ].join("\n");
}

/** The whole picture around its parts. */
export function wrapSvg(widthPx: number, heightPx: number, title: string, body: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${widthPx}" height="${heightPx}" viewBox="0 0 ${widthPx} ${heightPx}" role="img" aria-label="${escapeText(title)}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
<text x="${widthPx / 2}" y="18" text-anchor="middle" font-size="14">${escapeText(title)}</text>
${body}
</svg>
`;
}
