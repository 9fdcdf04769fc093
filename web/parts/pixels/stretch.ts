/**
 * Float pixels to a picture, in the browser: the astronomer's limits and stretch, applied to the numbers themselves.
 */
import type { Pixels } from "../../client/api.ts";

/** How flux becomes brightness: the Legacy Survey viewer's colours, or a curve for each band. */
export type Curve = "legacy" | "asinh" | "log" | "sqrt" | "linear";

/** What the pixel viewer shows of a stamp. */
export interface View {
  curve: Curve;
  /** Which band is shown; "colour" for all in one, "side by side" for each by itself. */
  band: string;
  /** Limits as percentiles of the pixels shown, or IRAF's zscale. */
  limits: "percentiles" | "zscale" | "values";
  /** Percentiles. */
  low: number;
  high: number;
  /** Values, in the pixels' unit. */
  from: number;
  to: number;
  invert: boolean;
}

const CURVES: Record<Exclude<Curve, "legacy">, (x: number) => number> = {
  linear: (x) => x,
  sqrt: Math.sqrt,
  log: (x) => Math.log10(1 + 999 * x) / 3,
  asinh: (x) => Math.asinh(x / 0.03) / Math.asinh(1 / 0.03),
};

/** Planes that are shown red, green, blue. */
function planesOf({ data, bands, widthPx, heightPx, kind }: Pixels, band: string): Float32Array[] {
  const N = widthPx * heightPx;
  const plane = (index: number) => data.subarray(index * N, (index + 1) * N);
  const one = bands.indexOf(band);
  if (one >= 0) return [plane(one), plane(one), plane(one)];
  const order =
    kind === "flux"
      ? [bands.length - 1, Math.floor((bands.length - 1) / 2), 0]
      : [0, Math.min(1, bands.length - 1), Math.min(2, bands.length - 1)];
  return order.map(plane);
}

/** The value below which `share` percent of the finite pixels lie. */
function percentile(sorted: Float32Array, share: number): number {
  return sorted.length === 0
    ? 0
    : sorted[Math.min(sorted.length - 1, Math.max(0, Math.floor((share / 100) * sorted.length)))];
}

/**
 * Limits that show faint structure without being led by bright pixels: a line through the sorted values around the
 * median, outliers left out, its slope divided by the contrast (IRAF's zscale; contrast 0.25, at most 1000 values).
 */
function zscale(sorted: Float32Array, contrast = 0.25): [number, number] {
  const n = Math.min(1000, sorted.length);
  if (n < 2) return [sorted[0] ?? 0, sorted[0] ?? 1];
  const values = Float64Array.from({ length: n }, (_, i) => sorted[Math.floor((i * (sorted.length - 1)) / (n - 1))]);
  const kept = new Uint8Array(n).fill(1);
  let [slope, intercept, count] = [0, 0, n];
  for (let pass = 0; pass < 5; pass++) {
    let [sx, sy, sxx, sxy, m] = [0, 0, 0, 0, 0];
    for (let i = 0; i < n; i++)
      if (kept[i] === 1) {
        sx += i;
        sy += values[i];
        sxx += i * i;
        sxy += i * values[i];
        m++;
      }
    slope = (m * sxy - sx * sy) / (m * sxx - sx * sx || 1);
    intercept = (sy - slope * sx) / m;
    let squares = 0;
    for (let i = 0; i < n; i++) if (kept[i] === 1) squares += (values[i] - intercept - slope * i) ** 2;
    const limit = 2.5 * Math.sqrt(squares / m);
    let left = 0;
    for (let i = 0; i < n; i++) {
      kept[i] = kept[i] === 1 && Math.abs(values[i] - intercept - slope * i) <= limit ? 1 : 0;
      left += kept[i];
    }
    if (left === count || left < Math.max(5, n / 2)) {
      count = left;
      break;
    }
    count = left;
  }
  const [low, high] = [values[0], values[n - 1]];
  // Too few values near a line: it says nothing, and the whole range is shown.
  if (count < n / 2) return [low, high];
  const [middle, median] = [(n - 1) / 2, values[Math.floor(n / 2)]];
  const steep = slope / contrast;
  return [Math.max(low, median - steep * middle), Math.min(high, median + steep * (n - 1 - middle))];
}

/** Width of the picture in stamps: one, or one for each band. */
export const panelsOf = (pixels: Pixels, view: View): number =>
  view.band === "side by side" ? pixels.bands.length : 1;

function planeLimits(plane: Float32Array, { limits, low, high, from, to }: View): [number, number] {
  if (limits === "values") return [from, to];
  const sorted = plane.filter(Number.isFinite).sort();
  return limits === "zscale" ? zscale(sorted) : [percentile(sorted, low), percentile(sorted, high)];
}

/** The limits of what is shown, rounded for people: the least and the greatest over its planes. */
export function limitsOf(pixels: Pixels, view: View): [number, number] {
  const each = planesOf(pixels, view.band).map((plane) => planeLimits(plane, view));
  return [
    Number(Math.min(...each.map(([low]) => low)).toPrecision(3)),
    Number(Math.max(...each.map(([, high]) => high)).toPrecision(3)),
  ];
}

/** Draws into an image as high as the stamp and as wide as its panels, top of the sky up. */
export function drawPixels(pixels: Pixels, view: View, image: ImageData): void {
  const bands = view.band === "side by side" ? pixels.bands : [view.band];
  for (const [panel, band] of bands.entries()) drawPanel(pixels, { ...view, band }, image, panel * pixels.widthPx);
}

function drawPanel(pixels: Pixels, view: View, image: ImageData, left: number): void {
  const { data, widthPx: W, heightPx: H, kind, rendering } = pixels;
  const out = image.data;
  const legacy = view.curve === "legacy" && kind === "flux" && view.band === "colour";
  const planes = legacy
    ? rendering.map(({ band }) => data.subarray(band * W * H, (band + 1) * W * H))
    : planesOf(pixels, view.band);
  const limits = legacy ? [] : planes.map((plane) => planeLimits(plane, view));
  const onScale = (c: number, p: number) => (planes[c][p] - rendering[c].zero) * rendering[c].scale + 0.03;
  const curve = CURVES[view.curve === "legacy" ? (kind === "flux" ? "asinh" : "linear") : view.curve];
  const plain = kind !== "flux" && view.curve === "legacy";
  for (let y = 0; y < H; y++)
    for (let x = 0; x < W; x++) {
      const p = (kind === "flux" ? H - 1 - y : y) * W + x;
      const to = (y * image.width + left + x) * 4;
      let factor = 1;
      if (legacy) {
        const mean = planes.reduce((sum, _, c) => sum + Math.max(0, onScale(c, p)), 0) / 3;
        factor = mean > 0 ? Math.asinh(20 * mean) / Math.sqrt(20) / mean : 0;
      }
      for (let c = 0; c < 3; c++) {
        const [low, high] = limits[c] ?? [0, 1];
        const value = legacy
          ? onScale(c, p) * factor
          : plain
            ? planes[c][p]
            : curve(Math.min(1, Math.max(0, (planes[c][p] - low) / (high - low || 1))));
        const shown = Math.min(1, Math.max(0, value || 0));
        out[to + c] = 255 * (view.invert ? 1 - shown : shown);
      }
      out[to + 3] = 255;
    }
}
