/** Shape by adaptive moments: light weighted by a Gaussian that has the shape of the light. */
import type { Ellipse } from "./ellipse.ts";

/** Axis ratio and angle of adaptive moments; the angle from the x axis towards y, in radians. */
export interface AdaptiveShape {
  axisRatio: number;
  theta: number;
}

/** A symmetric matrix of second moments. */
interface Spread {
  xx: number;
  yy: number;
  xy: number;
}

const MOST_ROUNDS = 24;
/** Moments have come to rest when none changes by more than this share of the weight's size squared. */
const AT_REST = 1e-4;
/** Farther from the centre, in units of the weight's variance, its light is nothing. */
const FAR = 14;

const determinant = ({ xx, yy, xy }: Spread) => xx * yy - xy * xy;

function inverse(one: Spread): Spread {
  const by = determinant(one);
  return { xx: one.yy / by, yy: one.xx / by, xy: -one.xy / by };
}

/** Larger eigenvalue of a matrix, and half the distance to the smaller one's. */
function ends({ xx, yy, xy }: Spread): { major: number; minor: number } {
  const middle = (xx + yy) / 2;
  const apart = Math.hypot((xx - yy) / 2, xy);
  return { major: middle + apart, minor: middle - apart };
}

/** Second moments of a plane about a centre, weighted by a Gaussian of the inverse matrix; null without light. */
function weighted(light: Float32Array, W: number, H: number, cx: number, cy: number, by: Spread): Spread | null {
  const halfH = Math.sqrt(FAR * inverse(by).yy);
  const [y0, y1] = [Math.max(0, Math.ceil(cy - halfH)), Math.min(H - 1, Math.floor(cy + halfH))];
  const fall = Math.exp(-by.xx);
  let sum = 0;
  let sxx = 0;
  let syy = 0;
  let sxy = 0;
  for (let y = y0; y <= y1; y++) {
    const dy = y - cy;
    const middle = (-by.xy * dy) / by.xx;
    const half = Math.sqrt(middle * middle - (by.yy * dy * dy - FAR) / by.xx);
    if (!(half >= 0)) continue;
    const x0 = Math.max(0, Math.ceil(cx + middle - half));
    const x1 = Math.min(W - 1, Math.floor(cx + middle + half));
    if (x1 < x0) continue;
    let dx = x0 - cx;
    // From pixel to pixel a Gaussian changes by a factor that itself falls by a factor.
    let weight = Math.exp(-(by.xx * dx * dx + 2 * by.xy * dx * dy + by.yy * dy * dy) / 2);
    let step = Math.exp(-by.xx * (dx + 0.5) - by.xy * dy);
    let row = 0;
    let rowX = 0;
    for (let x = x0, p = y * W + x0; x <= x1; x++, p++) {
      const value = weight * light[p];
      row += value;
      rowX += value * dx;
      sxx += value * dx * dx;
      weight *= step;
      step *= fall;
      dx++;
    }
    sum += row;
    sxy += rowX * dy;
    syy += row * dy * dy;
  }
  return sum > 0 ? { xx: sxx / sum, yy: syy / sum, xy: sxy / sum } : null;
}

/**
 * Axis ratio and angle of a source from moments that are weighted by an elliptical Gaussian about its centre, whose standard
 * deviation along the major axis is `sigmaPx`, and whose axis ratio and angle are those that are found (adaptive moments,
 * Bernstein & Jarvis 2002, with the weight's size held). Noise far from the centre and the outline of a threshold have no part
 * in them. `light` [H, W] has its sky taken off. Null where they do not come to rest: little light, or none.
 */
export function adaptiveShape(
  light: Float32Array,
  W: number,
  H: number,
  { x, y, a, b, theta }: Ellipse,
  sigmaPx: number,
): AdaptiveShape | null {
  const [c, s] = [Math.cos(theta), Math.sin(theta)];
  const [major, minor] = [sigmaPx ** 2, (sigmaPx * Math.max(b / a, 0.1)) ** 2];
  let shape: Spread = {
    xx: major * c * c + minor * s * s,
    yy: major * s * s + minor * c * c,
    xy: (major - minor) * c * s,
  };
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const weight = inverse(shape);
    const found = weighted(light, W, H, x, y, weight);
    if (found === null || !(determinant(found) > 0)) return null;
    // What the light itself spreads: a Gaussian times the weight has the sum of both inverse matrices.
    const sharp = inverse(found);
    const own = inverse({ xx: sharp.xx - weight.xx, yy: sharp.yy - weight.yy, xy: sharp.xy - weight.xy });
    const size = ends(own);
    if (!(size.minor > 0)) return null;
    const scale = major / size.major;
    const next = { xx: own.xx * scale, yy: own.yy * scale, xy: own.xy * scale };
    const change = Math.max(Math.abs(next.xx - shape.xx), Math.abs(next.yy - shape.yy), Math.abs(next.xy - shape.xy));
    shape = next;
    if (change <= AT_REST * major)
      return {
        axisRatio: Math.sqrt(size.minor / size.major),
        theta: Math.atan2(2 * shape.xy, shape.xx - shape.yy) / 2,
      };
  }
  return null;
}
