/** Ellipses on a stamp: moments of light, sums within, and growth of light with radius. */

/** An ellipse: centre and semi-axes in pixels, angle of the major axis from x towards y in radians. */
export interface Ellipse {
  x: number;
  y: number;
  a: number;
  b: number;
  theta: number;
}

/** Variance of a pixel's own width: what a source of one pixel has. */
const PIXEL_VARIANCE = 1 / 12;

/**
 * Centre and second moments of light of the pixels with a label, as an ellipse of one standard deviation (SExtractor's
 * A_IMAGE, B_IMAGE). Null where their light does not add up to more than 0.
 */
export function moments(light: Float32Array, labels: Int32Array, label: number, W: number): Ellipse | null {
  let sum = 0;
  let sx = 0;
  let sy = 0;
  let sxx = 0;
  let syy = 0;
  let sxy = 0;
  for (let y = 0, p = 0; p < labels.length; y++) {
    let row = 0;
    let rowX = 0;
    for (let x = 0; x < W; x++, p++) {
      if (labels[p] !== label) continue;
      const value = light[p];
      row += value;
      rowX += value * x;
      sxx += value * x * x;
    }
    sum += row;
    sx += rowX;
    sy += row * y;
    sxy += rowX * y;
    syy += row * y * y;
  }
  if (!(sum > 0)) return null;
  const [x, y] = [sx / sum, sy / sum];
  let [xx, yy] = [sxx / sum - x * x, syy / sum - y * y];
  const xy = sxy / sum - x * y;
  if (xx * yy - xy * xy < PIXEL_VARIANCE ** 2) {
    xx += PIXEL_VARIANCE;
    yy += PIXEL_VARIANCE;
  }
  const middle = (xx + yy) / 2;
  const spread = Math.hypot((xx - yy) / 2, xy);
  const theta = Math.atan2(2 * xy, xx - yy) / 2;
  return { x, y, a: Math.sqrt(middle + spread), b: Math.sqrt(Math.max(middle - spread, 1e-6)), theta };
}

/** Coefficients of (distance from the centre in units of the ellipse)^2 = xx dx^2 + yy dy^2 + xy dx dy. */
function quadratic({ a, b, theta }: Pick<Ellipse, "a" | "b" | "theta">): [xx: number, yy: number, xy: number] {
  const [c, s] = [Math.cos(theta), Math.sin(theta)];
  return [(c / a) ** 2 + (s / b) ** 2, (s / a) ** 2 + (c / b) ** 2, 2 * c * s * (1 / a ** 2 - 1 / b ** 2)];
}

/** Where an ellipse lies on a plane: its quadratic, its centre's column, and the columns that are looked at. */
interface Columns {
  xx: number;
  yy: number;
  xy: number;
  cx: number;
  x0: number;
  x1: number;
}

/**
 * The columns of a row `dy` above the centre where the quadratic is at most `square`, and perhaps one more to either side;
 * none where `first` is beyond `last`.
 */
function columnsWithin(
  { xx, yy, xy, cx, x0, x1 }: Columns,
  dy: number,
  square: number,
): { first: number; last: number } {
  const middle = (-xy * dy) / (2 * xx);
  const half = Math.sqrt(middle * middle - (yy * dy * dy - square) / xx) + 1e-6;
  if (!(half >= 0)) return { first: x1 + 1, last: x1 };
  return {
    first: Math.max(x0, Math.ceil(cx + (middle - half))),
    last: Math.min(x1, Math.floor(cx + (middle + half))),
  };
}

/** Points along the side of a pixel that decide how much of it lies in an ellipse; those of SEP. */
const SUBPIXELS = 5;

/** Pixels of a plane that an ellipse covers, each with its share, and whether it reaches over the edge. */
export interface Aperture {
  pixels: Int32Array;
  shares: Float32Array;
  /** Sum of the shares. */
  areaPx: number;
  /** The ellipse reaches over the plane's edge. */
  cut: boolean;
}

/** The aperture of an ellipse on a plane [H, W]; a pixel that its edge cuts counts by its share inside, on 5 x 5 points. */
export function apertureOf(ellipse: Ellipse, W: number, H: number): Aperture {
  const { x: cx, y: cy, a, b, theta } = ellipse;
  const [xx, yy, xy] = quadratic(ellipse);
  const [halfW, halfH] = [
    Math.hypot(a * Math.cos(theta), b * Math.sin(theta)),
    Math.hypot(a * Math.sin(theta), b * Math.cos(theta)),
  ];
  const cut = cx - halfW < -0.5 || cy - halfH < -0.5 || cx + halfW > W - 0.5 || cy + halfH > H - 0.5;
  const [x0, x1] = [Math.max(0, Math.ceil(cx - halfW - 0.5)), Math.min(W - 1, Math.floor(cx + halfW + 0.5))];
  const [y0, y1] = [Math.max(0, Math.ceil(cy - halfH - 0.5)), Math.min(H - 1, Math.floor(cy + halfH + 0.5))];
  const most = Math.max(0, x1 - x0 + 1) * Math.max(0, y1 - y0 + 1);
  const [pixels, shares] = [new Int32Array(most), new Float32Array(most)];
  // Nothing within half a pixel's diagonal of the edge is surely in or out.
  const unsure = 0.7072 / b;
  const [out, sure] = [(1 + unsure) ** 2, unsure < 1 ? (1 - unsure) ** 2 : -1];
  let n = 0;
  let areaPx = 0;
  const columns = { xx, yy, xy, cx, x0, x1 };
  for (let y = y0; y <= y1; y++) {
    const dy = y - cy;
    const { first, last } = columnsWithin(columns, dy, out);
    for (let x = first, p = y * W + x; x <= last; x++, p++) {
      const dx = x - cx;
      const square = xx * dx * dx + yy * dy * dy + xy * dx * dy;
      if (square > out) continue;
      const share = square < sure ? 1 : shareInside(dx, dy, xx, yy, xy);
      if (share === 0) continue;
      pixels[n] = p;
      shares[n++] = share;
      areaPx += share;
    }
  }
  return { pixels: pixels.subarray(0, n), shares: shares.subarray(0, n), areaPx, cut };
}

function shareInside(dx: number, dy: number, xx: number, yy: number, xy: number): number {
  let inside = 0;
  for (let i = 0; i < SUBPIXELS; i++)
    for (let j = 0; j < SUBPIXELS; j++) {
      const u = dx + (i + 0.5) / SUBPIXELS - 0.5;
      const v = dy + (j + 0.5) / SUBPIXELS - 0.5;
      if (xx * u * u + yy * v * v + xy * u * v < 1) inside++;
    }
  return inside / SUBPIXELS ** 2;
}

/**
 * Kron's radius in units of the ellipse: the mean of the elliptical distance, weighted by light, within `most` units
 * (Kron 1980, as SExtractor and SEP have it). Null where the light does not add up to more than 0.
 */
export function kronRadius(light: Float32Array, W: number, H: number, ellipse: Ellipse, most = 6): number | null {
  const { x: cx, y: cy, a, theta, b } = ellipse;
  const [xx, yy, xy] = quadratic(ellipse);
  const halfW = most * Math.hypot(a * Math.cos(theta), b * Math.sin(theta));
  const halfH = most * Math.hypot(a * Math.sin(theta), b * Math.cos(theta));
  const [x0, x1] = [Math.max(0, Math.ceil(cx - halfW)), Math.min(W - 1, Math.floor(cx + halfW))];
  const [y0, y1] = [Math.max(0, Math.ceil(cy - halfH)), Math.min(H - 1, Math.floor(cy + halfH))];
  let sum = 0;
  let weighted = 0;
  const columns = { xx, yy, xy, cx, x0, x1 };
  for (let y = y0; y <= y1; y++) {
    const dy = y - cy;
    const { first, last } = columnsWithin(columns, dy, most * most);
    for (let x = first, p = y * W + x; x <= last; x++, p++) {
      const dx = x - cx;
      const square = xx * dx * dx + yy * dy * dy + xy * dx * dy;
      if (square > most * most) continue;
      const value = light[p];
      sum += value;
      weighted += value * Math.sqrt(square);
    }
  }
  return sum > 0 && weighted > 0 ? weighted / sum : null;
}

/** Width of a step of a growth curve in pixels along the major axis. */
const STEP_PX = 0.25;
/** Out to so many pixels from the centre, the light of a pixel is shared out on a grid of so many points a side. */
const GRIDS = [
  { radiusPx: 6, points: 6 },
  { radiusPx: 20, points: 2 },
] as const;

/** Where points on a pixel's side stand from its centre. */
const offsetsOf = (points: number) => Float64Array.from({ length: points }, (_, i) => (i + 0.5) / points - 0.5);

/** Light and area within each radius, `STEP_PX` apart along the major axis, from 0. */
export interface Growth {
  light: Float64Array;
  area: Float64Array;
}

/** Growth of light with the semi-major axis of ellipses of one centre, angle and axis ratio, out to `mostPx`. */
export function growthOf(
  light: Float32Array,
  W: number,
  H: number,
  { x: cx, y: cy, a, b, theta }: Ellipse,
  mostPx: number,
): Growth {
  const bins = Math.max(2, Math.ceil(mostPx / STEP_PX) + 1);
  const within = { light: new Float64Array(bins), area: new Float64Array(bins) };
  const [xx, yy, xy] = quadratic({ a: STEP_PX, b: (STEP_PX * b) / a, theta });
  const reach = Math.ceil(mostPx) + 1;
  const [x0, x1] = [Math.max(0, Math.floor(cx - reach)), Math.min(W - 1, Math.ceil(cx + reach))];
  const [y0, y1] = [Math.max(0, Math.floor(cy - reach)), Math.min(H - 1, Math.ceil(cy + reach))];
  const [fine, coarse] = GRIDS.map(({ radiusPx }) => (radiusPx / STEP_PX) ** 2);
  const [fineOffsets, coarseOffsets] = GRIDS.map(({ points }) => offsetsOf(points));
  const { light: sums, area } = within;
  // Of a pixel that is shared out, a part may be within where its centre is not.
  const far = Math.max((bins - 1) ** 2, Math.min(coarse, (bins + (2 * a) / (STEP_PX * b)) ** 2));
  const columns = { xx, yy, xy, cx, x0, x1 };
  for (let y = y0; y <= y1; y++) {
    const dy = y - cy;
    const { first, last } = columnsWithin(columns, dy, far);
    for (let x = first, p = y * W + x; x <= last; x++, p++) {
      const dx = x - cx;
      const square = xx * dx * dx + yy * dy * dy + xy * dx * dy;
      if (square >= coarse) {
        const bin = (Math.sqrt(square) | 0) + 1;
        if (bin >= bins) continue;
        sums[bin] += light[p];
        area[bin]++;
        continue;
      }
      const offsets = square < fine ? fineOffsets : coarseOffsets;
      const points = offsets.length;
      const share = 1 / (points * points);
      // Points beside each other mostly fall into one bin, and adding to it once takes a third of the time.
      let bin = bins;
      let run = 0;
      for (let i = 0; i < points; i++) {
        const u = dx + offsets[i];
        const uu = xx * u * u;
        const uxy = xy * u;
        for (let j = 0; j < points; j++) {
          const v = dy + offsets[j];
          const next = (Math.sqrt(uu + (yy * v + uxy) * v) | 0) + 1;
          if (next === bin) {
            run++;
            continue;
          }
          if (bin < bins) {
            sums[bin] += light[p] * run * share;
            area[bin] += run * share;
          }
          bin = next;
          run = 1;
        }
      }
      if (bin < bins) {
        sums[bin] += light[p] * run * share;
        area[bin] += run * share;
      }
    }
  }
  for (let bin = 1; bin < bins; bin++) {
    within.light[bin] += within.light[bin - 1];
    within.area[bin] += within.area[bin - 1];
  }
  return within;
}

/** The smallest radius in pixels that holds so much light; null where the curve does not reach it. */
export function radiusOf({ light }: Growth, wanted: number): number | null {
  for (let bin = 1; bin < light.length; bin++)
    if (light[bin] >= wanted) {
      const step = light[bin] - light[bin - 1];
      return (bin - 1 + (step > 0 ? (wanted - light[bin - 1]) / step : 0)) * STEP_PX;
    }
  return null;
}

/** Light (or area) within a radius in pixels, between the steps of a curve. */
function within(curve: Float64Array, radiusPx: number): number {
  const at = Math.min(radiusPx / STEP_PX, curve.length - 1);
  const bin = Math.min(Math.floor(at), curve.length - 2);
  return curve[bin] + (at - bin) * (curve[bin + 1] - curve[bin]);
}

/** What the surface brightness at Petrosian's radius is of the mean within, and the first radius that is looked at. */
const PETROSIAN = { eta: 0.2, from: 1.5 } as const;

/**
 * Petrosian's radius in pixels along the major axis: where the mean surface brightness from 0.8 to 1.25 radii is 0.2 of
 * the mean within (Petrosian 1976, as Strauss et al. 2002). Null where the curve ends before.
 */
export function petrosianRadius({ light, area }: Growth): number | null {
  const last = ((light.length - 1) * STEP_PX) / 1.25;
  for (let radius = PETROSIAN.from; radius <= last; radius += STEP_PX) {
    const ring = [1.25 * radius, 0.8 * radius].map((r) => [within(light, r), within(area, r)]);
    const brightness = (ring[0][0] - ring[1][0]) / (ring[0][1] - ring[1][1]);
    if (brightness <= (PETROSIAN.eta * within(light, radius)) / within(area, radius)) return radius;
  }
  return null;
}
