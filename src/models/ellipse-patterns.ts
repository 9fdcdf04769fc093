/**
 * Patterns of the light itself in ellipses of the galaxy's own shape: how strong each period of the angle is at each
 * radius. Seen in its own disc a round galaxy without structure has none, however it is tilted; a bar has period two
 * near the middle, a companion or a tail period one, and a ring stands out of what is around it. No network is asked, so
 * what an encoder has averaged away is still here. The Fourier series in the angle is the usual description of bars in
 * images of galaxies (Ohta, Hamabe & Wakamatsu 1990), moments weighted by a Gaussian of the light's own shape are the
 * usual one of shapes (Bernstein & Jarvis 2002).
 */
import { cat, gridSample, type Tensor, tensor } from "../torch/index.ts";

/** Radii in units of the weight's own, and places around each of them. */
const RADII = { count: 20, least: 0.15, most: 3.2 } as const;
const ANGLES = 32;

/** Periods per turn, 1 to this. */
const PERIODS = 6;

/** Lengths of half an image's side. The weight's shape begins round; `hold` is how far its middle may be in one step. */
const SHAPE = { steps: 12, first: 0.3, least: 3 / 32, most: 0.5, flattest: 0.3, hold: 5 / 32 } as const;

/** Standard deviations, in 64ths of the side, of what the shape is measured on and of what local contrast is between. */
const BLUR = { shape: 0.8, fine: 1.2, wide: 4 } as const;

/** Brightness, in a common range, that contrasts are divided by where there is none: noise is no pattern. */
const FAINT = 0.03;

/** Width of a row of `ellipsePatterns`: strengths of the light and of its local contrast, and the contrast's means. */
export const ELLIPSE_PATTERN_DIM: number = RADII.count * (2 * PERIODS + 1);

/** What is the same for all images of one size. */
interface Tables {
  /** [S S, 6]: 1, x, y, xx, xy and yy of each pixel, in units of half the side. */
  powers: Float32Array;
  /** [S, S] each: averages along one side of an image with a Gaussian. */
  blurs: Record<keyof typeof BLUR, Float32Array>;
}

const tables = new Map<number, Tables>();

function tablesOf(sizePx: number): Tables {
  const known = tables.get(sizePx);
  if (known !== undefined) return known;
  const at = (i: number) => (2 * i + 1) / sizePx - 1;
  const powers = Array.from({ length: sizePx * sizePx }, (_, p) => {
    const [x, y] = [at(p % sizePx), at(Math.floor(p / sizePx))];
    return [1, x, y, x * x, x * y, y * y];
  });
  const blur = (sigma: number) => {
    const sigmaPx = (sigma * sizePx) / 64;
    const rows = Array.from({ length: sizePx }, (_, i) => {
      const row = Array.from({ length: sizePx }, (_, k) => Math.exp(-0.5 * ((i - k) / sigmaPx) ** 2));
      const sum = row.reduce((total, value) => total + value, 0);
      return row.map((value) => value / sum);
    });
    return Float32Array.from(rows.flat());
  };
  const made = {
    powers: Float32Array.from(powers.flat()),
    blurs: { shape: blur(BLUR.shape), fine: blur(BLUR.fine), wide: blur(BLUR.wide) },
  };
  tables.set(sizePx, made);
  return made;
}

/** Images [B, S, S], averaged with a Gaussian. */
function blurred(images: Tensor, how: keyof typeof BLUR): Tensor {
  const sizePx = images.shape[2];
  const matrix = tensor(tablesOf(sizePx).blurs[how], [sizePx, sizePx]);
  return matrix.matmul(images).matmul(matrix.t());
}

/** An ellipse of each image: its middle and the symmetric matrix ((xx, xy), (xy, yy)) of second moments, each [B, 1]. */
interface Ellipse {
  x: Tensor;
  y: Tensor;
  xx: Tensor;
  xy: Tensor;
  yy: Tensor;
}

/**
 * The ellipse whose Gaussian, as weight, has the moments of the light under it: adaptive moments of images [B, S, S], in
 * units of half their side.
 */
function ellipseOf(images: Tensor): Ellipse {
  const [B, S] = images.shape;
  const powers = tensor(tablesOf(S).powers, [S * S, 6]);
  const light = images.reshape(B, S * S).clamp(0);
  const zero = light.slice(1, 0, 1).mul(0);
  const round = zero.add(SHAPE.first ** 2);
  let found: Ellipse = { x: zero, y: zero, xx: round, xy: zero, yy: round };
  for (let step = 0; step < SHAPE.steps; step++) {
    const { x, y, xx, xy, yy } = found;
    const area = xx.mul(yy).sub(xy.mul(xy));
    const [a, b, c] = [yy.div(area), xy.neg().div(area), xx.div(area)];
    const [ax, by] = [a.mul(x).add(b.mul(y)), b.mul(x).add(c.mul(y))];
    const distance = cat([ax.mul(x).add(by.mul(y)), ax.mul(-2), by.mul(-2), a, b.mul(2), c], 1).matmul(powers.t());
    const moments = distance.mul(-0.5).exp().mul(light).matmul(powers);
    const sum = moments.slice(1, 0, 1).add(1e-6);
    const [mx, my, mxx, mxy, myy] = [1, 2, 3, 4, 5].map((i) => moments.slice(1, i, i + 1).div(sum));
    const towards = (from: Tensor, to: Tensor) => from.add(to.clamp(-SHAPE.hold, SHAPE.hold).sub(from).mul(0.3));
    const [nx, ny] = [towards(x, mx), towards(y, my)];
    // Light under a Gaussian weight of its own shape has half of the weight's moments.
    const own = {
      xx: mxx.sub(nx.mul(mx).mul(2)).add(nx.mul(nx)).mul(2),
      xy: mxy.sub(nx.mul(my)).sub(ny.mul(mx)).add(nx.mul(ny)).mul(2),
      yy: myy.sub(ny.mul(my).mul(2)).add(ny.mul(ny)).mul(2),
    };
    found = { x: nx, y: ny, ...between({ xx, xy, yy }, bounded(own)) };
  }
  return found;
}

type Moments = Pick<Ellipse, "xx" | "xy" | "yy">;

const between = (a: Moments, b: Moments): Moments => ({
  xx: a.xx.add(b.xx).div(2),
  xy: a.xy.add(b.xy).div(2),
  yy: a.yy.add(b.yy).div(2),
});

/** Moments with axes that are neither too short nor too long nor too different. */
function bounded({ xx, xy, yy }: Moments): Moments {
  const mean = xx.add(yy).div(2);
  const half = xx.sub(yy).div(2);
  const apart = half.mul(half).add(xy.mul(xy)).add(1e-9).sqrt();
  const bounds = [SHAPE.least ** 2, SHAPE.most ** 2] as const;
  const long = mean.add(apart).clamp(...bounds);
  const flattest = long.mul(SHAPE.flattest ** 2);
  const short = flattest.add(
    mean
      .sub(apart)
      .clamp(...bounds)
      .sub(flattest)
      .clamp(0),
  );
  const [middle, reach] = [long.add(short).div(2), long.sub(short).div(2)];
  const turn = reach.div(apart);
  return { xx: middle.add(turn.mul(half)), xy: turn.mul(xy), yy: middle.sub(turn.mul(half)) };
}

/** The radii and angles as places (x, y) around a unit circle, radius after radius. */
const CIRCLES = Array.from({ length: RADII.count * ANGLES }, (_, i) => {
  const radius = RADII.least * (RADII.most / RADII.least) ** (Math.floor(i / ANGLES) / (RADII.count - 1));
  const angle = (2 * Math.PI * (i % ANGLES)) / ANGLES;
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
});

/** Images [B, C, S, S] at the radii and angles of ellipses: [B, C, radii, angles]. */
function around(images: Tensor, { x, y, xx, xy, yy }: Ellipse): Tensor {
  const [B] = images.shape;
  const side = (i: 0 | 1) =>
    tensor(
      Float32Array.from(CIRCLES, (place) => place[i]),
      [1, CIRCLES.length],
    );
  const [u, v] = [side(0), side(1)];
  // The symmetric square root of the moments leads from the unit circle to the ellipse.
  const root = xx.mul(yy).sub(xy.mul(xy)).sqrt();
  const trace = xx.add(yy).add(root.mul(2)).sqrt();
  const [a, b, c] = [xx.add(root).div(trace), xy.div(trace), yy.add(root).div(trace)];
  const grid = cat([a.mul(u).add(b.mul(v)).add(x).unsqueeze(2), b.mul(u).add(c.mul(v)).add(y).unsqueeze(2)], 2);
  return gridSample(images, grid.reshape(B, RADII.count, ANGLES, 2));
}

/** Of values [B, radii, angles] the mean [B, radii, 1] of each radius and the strengths [B, radii, periods] of periods. */
function series(values: Tensor): { mean: Tensor; strengths: Tensor } {
  const waves = (wave: (angle: number) => number) =>
    tensor(
      Float32Array.from({ length: ANGLES * PERIODS }, (_, i) => {
        const [k, period] = [Math.floor(i / PERIODS), (i % PERIODS) + 1];
        return wave((2 * Math.PI * k * period) / ANGLES) / ANGLES;
      }),
      [ANGLES, PERIODS],
    );
  const [cosine, sine] = [values.matmul(waves(Math.cos)), values.matmul(waves(Math.sin))];
  return { mean: values.mean([2], true), strengths: cosine.mul(cosine).add(sine.mul(sine)).add(1e-12).sqrt() };
}

/**
 * The patterns [B, ELLIPSE_PATTERN_DIM] of images [B, 3, S, S] in a common range: strengths of periods 1 to 6 at 20 radii,
 * relative to the light there; the same of local contrast; and its means. Strengths as their square roots.
 */
export function ellipsePatterns(images: Tensor): Tensor {
  const light = images.mean([1]);
  const shape = ellipseOf(blurred(light, "shape"));
  const shown = cat(
    [light, blurred(light, "fine"), blurred(light, "wide")].map((one) => one.unsqueeze(1)),
    1,
  );
  const seen = around(shown, shape);
  const [own, fine, wide] = [0, 1, 2].map((i) => seen.slice(1, i, i + 1).flatten(0, 1));
  const ofLight = series(own);
  const ofContrast = series(fine.sub(wide).div(wide.clamp(0).add(FAINT)));
  return cat(
    [ofLight.strengths.div(ofLight.mean.clamp(0).add(FAINT)).sqrt(), ofContrast.strengths.sqrt(), ofContrast.mean].map(
      (part) => part.flatten(1),
    ),
    1,
  );
}
