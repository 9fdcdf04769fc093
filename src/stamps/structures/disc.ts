/** Where a galaxy stands in a picture: its middle, flattening, size and the sky around it, from moments of its light. */

/** A square picture [3, S, S] in [0, 1], band after band. */
export interface Picture {
  sizePx: number;
  pixels: Float32Array;
}

/** A galaxy as a flat disc that is seen inclined; lengths in pixels, angles in radians from +x. */
export interface Disc {
  x: number;
  y: number;
  /** Minor over major axis. */
  axisRatio: number;
  /** Of the major axis. */
  angle: number;
  /** Radius along the major axis that holds half of the light. */
  halfLight: number;
  /** Brightness of the sky in the mean of the bands. */
  sky: number;
  /** Places of the pixels in the plane of the disc: along the major axis, across it, and how far from the middle. */
  u: Float32Array;
  v: Float32Array;
  r: Float32Array;
  /** Mean of each band in rings of one pixel, [3, rings]. */
  rings: Float32Array[];
}

/** Width of the border from which the sky is taken, px. */
const BORDER_PX = 4;
/** Light below this above the sky counts as none. */
const FAINT = 0.02;
/** Sigma of the window in which moments are taken, and how far from the middle a galaxy may stand, in sides. */
const WINDOW = 0.325;
const MIDDLE: readonly [number, number] = [0.35, 0.65];
const ROUNDS = 4;

/** The galaxy in the middle of a picture. */
export function discIn({ sizePx: S, pixels }: Picture): Disc {
  const N = S * S;
  const mean = Float32Array.from({ length: N }, (_, p) => (pixels[p] + pixels[N + p] + pixels[2 * N + p]) / 3);
  const sky = skyOf(mean, S);
  const light = mean.map((value) => Math.max(0, value - sky - FAINT));
  const { x, y, angle, axisRatio } = momentsOf(light, S);
  const [u, v, r] = [new Float32Array(N), new Float32Array(N), new Float32Array(N)];
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  for (let p = 0; p < N; p++) {
    const dx = (p % S) - x;
    const dy = Math.floor(p / S) - y;
    u[p] = dx * cos + dy * sin;
    v[p] = (dy * cos - dx * sin) / Math.max(axisRatio, 0.25);
    r[p] = Math.sqrt(u[p] * u[p] + v[p] * v[p]);
  }
  return { x, y, angle, axisRatio, halfLight: halfLightOf(light, r), sky, u, v, r, rings: ringsOf(pixels, r, S) };
}

/** Median of the border. */
function skyOf(mean: Float32Array, S: number): number {
  const inner = (i: number) => i >= BORDER_PX && i < S - BORDER_PX;
  const border = mean.filter((_, p) => !(inner(p % S) && inner(Math.floor(p / S)))).sort();
  return border[border.length >> 1];
}

/** Middle, angle and axis ratio, from second moments in a window that follows the galaxy's own shape. */
function momentsOf(light: Float32Array, S: number) {
  let [x, y, angle, axisRatio] = [(S - 1) / 2, (S - 1) / 2, 0, 1];
  for (let round = 0; round < ROUNDS; round++) {
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    const [along, across] = [WINDOW * S, WINDOW * S * Math.max(axisRatio, 0.3)];
    let [sum, sx, sy, sxx, syy, sxy] = [1e-6, 0, 0, 0, 0, 0];
    for (let p = 0; p < light.length; p++) {
      const dx = (p % S) - x;
      const dy = Math.floor(p / S) - y;
      const u = (dx * cos + dy * sin) / along;
      const v = (dy * cos - dx * sin) / across;
      const weight = light[p] * Math.exp(-0.5 * (u * u + v * v));
      sum += weight;
      sx += weight * dx;
      sy += weight * dy;
      sxx += weight * dx * dx;
      syy += weight * dy * dy;
      sxy += weight * dx * dy;
    }
    const [mx, my] = [sx / sum, sy / sum];
    const [a, b, c] = [sxx / sum - mx * mx, syy / sum - my * my, sxy / sum - mx * my];
    const near = (value: number) => Math.min(MIDDLE[1] * S, Math.max(MIDDLE[0] * S, value));
    [x, y] = [near(x + mx), near(y + my)];
    angle = 0.5 * Math.atan2(2 * c, a - b);
    const [half, difference] = [(a + b) / 2, Math.hypot((a - b) / 2, c)];
    axisRatio = Math.sqrt(Math.max(half - difference, 1e-3) / Math.max(half + difference, 1e-3));
  }
  return { x, y, angle, axisRatio };
}

function halfLightOf(light: Float32Array, r: Float32Array): number {
  const within = new Float64Array(Math.ceil(r.reduce((most, value) => Math.max(most, value), 0)) + 2);
  for (const [p, value] of light.entries()) within[Math.floor(r[p])] += value;
  const total = within.reduce((sum, value) => sum + value, 0);
  let sum = 0;
  for (const [ring, value] of within.entries()) {
    if (value > 0 && sum + value >= total / 2) return ring + (total / 2 - sum) / value;
    sum += value;
  }
  return 0;
}

function ringsOf(pixels: Float32Array, r: Float32Array, S: number): Float32Array[] {
  const count = S >> 1;
  const ring = r.map((radius) => Math.min(count - 1, Math.floor(radius)));
  const members = new Float32Array(count);
  for (const at of ring) members[at]++;
  return [0, 1, 2].map((band) => {
    const means = new Float32Array(count);
    for (const [p, at] of ring.entries()) means[at] += pixels[band * S * S + p] / Math.max(1, members[at]);
    return means;
  });
}

/** Mean brightness of the bands above the sky, [3], in the ring at a radius. */
export function levelAt({ rings, sky }: Disc, radius: number): number[] {
  return rings.map((means) => means[Math.min(means.length - 1, Math.max(1, Math.floor(radius)))] - sky);
}
