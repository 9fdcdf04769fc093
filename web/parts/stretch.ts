/** Float pixels to a picture, in the browser: the astronomer's limits and stretch, applied to the numbers themselves. */
import type { Pixels } from "../api.ts";

export type Curve = "legacy" | "asinh" | "log" | "sqrt" | "linear";

export interface View {
  curve: Curve;
  /** Which band is shown; "colour" for all. */
  band: string;
  /** Limits as percentiles of the pixels shown. */
  low: number;
  high: number;
  invert: boolean;
}

const CURVES: Record<Exclude<Curve, "legacy">, (x: number) => number> = {
  linear: (x) => x,
  sqrt: Math.sqrt,
  log: (x) => Math.log10(1 + 999 * x) / 3,
  asinh: (x) => Math.asinh(1000 * x) / Math.asinh(1000),
};

const LEGACY_SCALE: Record<string, number> = { g: 6.0, r: 3.4, z: 2.2, i: 3.0 };

/** Planes that are shown red, green, blue. */
function planesOf({ data, bands, widthPx, heightPx, kind }: Pixels, band: string): Float32Array[] {
  const N = widthPx * heightPx;
  const plane = (index: number) => data.subarray(index * N, (index + 1) * N);
  const one = bands.indexOf(band);
  if (one >= 0) return [plane(one), plane(one), plane(one)];
  const order = kind === "flux" ? [bands.length - 1, Math.floor((bands.length - 1) / 2), 0] : [0, Math.min(1, bands.length - 1), Math.min(2, bands.length - 1)];
  return order.map(plane);
}

/** The value below which `share` percent of the finite pixels lie. */
export function percentile(sorted: Float32Array, share: number): number {
  return sorted.length === 0 ? 0 : sorted[Math.min(sorted.length - 1, Math.max(0, Math.floor((share / 100) * sorted.length)))];
}

/** Draws into an image of the stamp's size, top of the sky up. */
export function drawPixels(pixels: Pixels, view: View, image: ImageData): void {
  const { widthPx: W, heightPx: H, kind, bands } = pixels;
  const planes = planesOf(pixels, view.band);
  const out = image.data;
  const legacy = view.curve === "legacy" && kind === "flux" && view.band === "colour";
  const limits = planes.map((plane) => {
    const sorted = plane.filter(Number.isFinite).sort();
    return [percentile(sorted, view.low), percentile(sorted, view.high)];
  });
  const scales = legacy ? [bands[bands.length - 1], bands[Math.floor((bands.length - 1) / 2)], bands[0]].map((name) => LEGACY_SCALE[name] ?? 3.4) : [];
  const curve = CURVES[view.curve === "legacy" ? (kind === "flux" ? "asinh" : "linear") : view.curve];
  const plain = kind !== "flux" && view.curve === "legacy";
  for (let y = 0; y < H; y++)
    for (let x = 0; x < W; x++) {
      const p = (kind === "flux" ? H - 1 - y : y) * W + x;
      const to = (y * W + x) * 4;
      let factor = 1;
      if (legacy) {
        const mean = planes.reduce((sum, plane, c) => sum + Math.max(0, plane[p] * scales[c] + 0.03), 0) / 3;
        factor = mean > 0 ? Math.asinh(20 * mean) / Math.sqrt(20) / mean : 0;
      }
      for (let c = 0; c < 3; c++) {
        const [low, high] = limits[c];
        const value = legacy
          ? (planes[c][p] * scales[c] + 0.03) * factor
          : plain
            ? planes[c][p]
            : curve(Math.min(1, Math.max(0, (planes[c][p] - low) / (high - low || 1))));
        const shown = Math.min(1, Math.max(0, value || 0));
        out[to + c] = 255 * (view.invert ? 1 - shown : shown);
      }
      out[to + 3] = 255;
    }
}
