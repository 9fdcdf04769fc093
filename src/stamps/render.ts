/**
 * Pixels to pictures. Flux keeps its file order (row 0 first); only `renderRgb8` turns it so that north-up FITS shows
 * up.
 */
import { wavelengthNm } from "../survey/bands.ts";
import type { Stamp } from "../survey/folder.ts";
import { unitFactor } from "../survey/units.ts";

/** Contrast of the Legacy Survey viewer: arcsinh of band * scale + M, softened by Q; scales for nanomaggies a pixel. */
const LEGACY = { Q: 20, M: 0.03, scale: { g: 6.0, r: 3.4, z: 2.2 } as Record<string, number> };

/** Flux [bands, H, W] with the bands' names. */
export type FluxPlanes = { data: Float32Array; widthPx: number; heightPx: number; bands: string[] };

/**
 * Which band is shown red, green and blue: reddest first. Bands whose names tell a wavelength are ordered by it, others
 * as they stand.
 */
export function colourBands(bands: string[]): [number, number, number] {
  const order = bands.map((_, i) => i);
  if (bands.every((name) => Number.isFinite(wavelengthNm(name))))
    order.sort((a, b) => wavelengthNm(bands[b]) - wavelengthNm(bands[a]));
  const middle = order[Math.floor((order.length - 1) / 2)];
  return [order[0], middle, order[order.length - 1]];
}

/**
 * Flux [bands, H, W] to colour [3, H, W] in [0, 1], red first, by the Legacy viewer's arcsinh. Bands other than g, r, z
 * take the scale of the one they are shown as. NaN pixels come out black.
 */
export function renderLegacy(plane: FluxPlanes): Float32Array {
  return renderFlux({ ...plane, unit: "nanomaggy" });
}

/**
 * Flux [3, N] of g, r, z in nanomaggies from colour [3, N] by `renderLegacy`, red first: its inverse where no channel is 0 or 1. A
 * channel at 0 may have been below, one at 1 above.
 */
export function legacyFlux(rgb: Float32Array): Float32Array {
  const N = rgb.length / 3;
  const out = new Float32Array(3 * N);
  const { Q, M, scale } = LEGACY;
  for (let p = 0; p < N; p++) {
    const shown = (rgb[p] + rgb[N + p] + rgb[2 * N + p]) / 3;
    const intensity = Math.sinh(Math.sqrt(Q) * shown) / Q;
    const factor = intensity > 0 ? shown / intensity : Math.sqrt(Q);
    for (const [c, band] of ["z", "r", "g"].entries())
      out[(2 - c) * N + p] = (rgb[c * N + p] / factor - M) / scale[band];
  }
  return out;
}

/** Where the brightest two-hundredth of a stamp comes to lie on the Legacy viewer's scale, and where noise at most does. */
const OWN = { high: 1.2, noise: 0.03 };

/** How a colour is made: (values of a band - zero) * scale lie on the Legacy viewer's scale. */
export interface ShownBand {
  band: number;
  zero: number;
  scale: number;
}

/**
 * The bands that flux [bands, H, W] in any unit is shown by, red first. What can be turned into nanomaggies is (and looks
 * as the Legacy Surveys' viewer shows it); where the unit says nothing, each band is put on that viewer's scale by its own
 * pixels: the sky (25th percentile) to 0, the 99.5th percentile to 1.2 unless that would lift the noise above 0.03.
 */
export function shownBands({ data, widthPx, heightPx, bands, unit }: FluxPlanes & { unit: string }): ShownBand[] {
  const factor = unitFactor(unit, "nanomaggy");
  const N = widthPx * heightPx;
  return colourBands(bands).map((band, i) => {
    if (factor !== null) {
      const scale = LEGACY.scale[bands[band].toLowerCase()] ?? LEGACY.scale[["z", "r", "g"][i]];
      return { band, zero: 0, scale: scale * factor };
    }
    const plane = data.subarray(band * N, (band + 1) * N);
    const [low, sky, middle, high, highest] = percentiles(plane, [16, 25, 50, 99.5, 100]);
    const range = high > sky ? high - sky : highest - sky;
    return { band, zero: sky, scale: Math.min(OWN.high / (range || 1), OWN.noise / (middle - low || 1e-30)) };
  });
}

/**
 * Flux [bands, H, W] in any unit to colour [3, H, W] in [0, 1], red first: `shownBands` (or the given ones, of a whole of
 * which this is a part) under the Legacy viewer's curve.
 */
export function renderFlux(
  plane: FluxPlanes & { unit: string },
  bands: readonly ShownBand[] = shownBands(plane),
): Float32Array {
  const N = plane.widthPx * plane.heightPx;
  const out = new Float32Array(3 * N);
  const { Q, M } = LEGACY;
  const shown = bands.map((one) => ({
    ...one,
    values: plane.data.subarray(one.band * N, (one.band + 1) * N),
  }));
  const values = [0, 0, 0];
  for (let p = 0; p < N; p++) {
    for (let c = 0; c < 3; c++) values[c] = (shown[c].values[p] - shown[c].zero) * shown[c].scale + M;
    const intensity = values.reduce((sum, one) => sum + Math.max(0, one), 0) / 3;
    const factor = intensity > 0 ? Math.asinh(Q * intensity) / Math.sqrt(Q) / intensity : 0;
    for (let c = 0; c < 3; c++) {
      const bright = values[c] * factor;
      out[c * N + p] = bright > 0 ? Math.min(bright, 1) : 0;
    }
  }
  return out;
}

/** Whether `renderFlux` takes the brightness of such a unit from the pixels themselves. */
const ownStretch = (unit: string): boolean => unitFactor(unit, "nanomaggy") === null;

/** Curves that turn flux into brightness on the screen. */
export type Stretch = "linear" | "log" | "asinh" | "sqrt";

/**
 * One plane to [0, 1]: (value - low) / (high - low), clipped, then stretched; log and asinh show a dynamic range of
 * 1000. NaN becomes 0.
 */
export function renderStretch(
  plane: Float32Array,
  { stretch, low, high }: { stretch: Stretch; low: number; high: number },
): Float32Array {
  const range = high > low ? high - low : 1;
  const curves: Record<Stretch, (x: number) => number> = {
    linear: (x) => x,
    sqrt: Math.sqrt,
    log: (x) => Math.log10(1 + 999 * x) / 3,
    asinh: (x) => Math.asinh(1000 * x) / Math.asinh(1000),
  };
  const curve = curves[stretch];
  return plane.map((value) => {
    const x = (value - low) / range;
    return x > 0 ? curve(Math.min(x, 1)) : 0;
  });
}

/** The values below which the given shares of the finite pixels lie (0 to 100). [0, 1] where no pixel is finite. */
export function percentiles(plane: Float32Array, shares: number[]): number[] {
  const finite = plane.filter(Number.isFinite).sort();
  return shares.map((share) =>
    finite.length === 0 ? share / 100 : finite[Math.min(finite.length - 1, Math.floor((share / 100) * finite.length))],
  );
}

/** Pixels of a survey's kind: flux as in its file or a picture in [0, 1], without a name. */
type Pixels = Omit<Stamp, "id" | "index">;

/** Pixels of one size to colour [3, H, W], red first. */
type Renderer = (part: Pick<Stamp, "data" | "widthPx" | "heightPx">) => Float32Array;

/**
 * How pixels come to be colour: flux of three bands or of an unknown scale by `renderFlux`, calibrated flux of fewer bands by
 * asinh between percentiles. What is taken from the pixels themselves is taken from `sample`, so that parts of an image
 * are rendered alike.
 */
export function rendererOf(sample: Pixels): Renderer {
  const { bands, kind, unit, widthPx, heightPx, data } = sample;
  if (kind === "colour") return (part) => part.data;
  if (bands.length >= 3 || ownStretch(unit)) {
    const shown = shownBands(sample);
    return (part) => renderFlux({ ...part, bands, unit }, shown);
  }
  const N = widthPx * heightPx;
  const shown = colourBands(bands).map((band) => {
    const [low, high] = percentiles(data.subarray(band * N, (band + 1) * N), [20, 99.7]);
    return { band, low, high: low + (high - low) * 3 };
  });
  return (part) => {
    const size = part.widthPx * part.heightPx;
    const rgb = new Float32Array(3 * size);
    for (const [c, { band, low, high }] of shown.entries())
      rgb.set(
        renderStretch(part.data.subarray(band * size, (band + 1) * size), { stretch: "asinh", low, high }),
        c * size,
      );
    return rgb;
  };
}

/** Pixels as 8-bit colour [H, W, 3], top row first, each rendered by itself unless a renderer is given. */
export function renderRgb8(stamp: Pixels, render: Renderer = rendererOf(stamp)): Uint8Array {
  const { widthPx: W, heightPx: H, kind } = stamp;
  const N = W * H;
  const rgb = render(stamp);
  const out = new Uint8Array(3 * N);
  for (let y = 0; y < H; y++) {
    const row = kind === "flux" ? H - 1 - y : y;
    for (let x = 0; x < W; x++)
      for (let c = 0; c < 3; c++)
        out[(y * W + x) * 3 + c] = Math.round(255 * Math.min(1, Math.max(0, rgb[c * N + row * W + x] || 0)));
  }
  return out;
}
