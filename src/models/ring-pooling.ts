/**
 * What stands around the middle of a galaxy, ring by ring, in numbers that do not change when it is turned: a bar is a
 * pattern of period two whose angle is the same in every ring, arms are one whose angle moves outwards, a companion is
 * one of period one. The Fourier series in the angle is the usual description of bars in images of galaxies (Ohta,
 * Hamabe & Wakamatsu 1990); here it is taken of an encoder's maps.
 */
import { cat, type Tensor, tensor } from "../torch/index.ts";
import type { Encoded } from "./backbone.ts";
import type { SwinUnet } from "./swin-unet.ts";

/** Periods per turn whose strength is measured; the mean (period 0) is kept of each ring as it is. */
const PERIODS = [1, 2, 4] as const;

/** Rings of each map that is read: of the outputs of the first two stages, and of the input of the third. */
const RINGS = [4, 4, 2] as const;

/** Keeps the gradient of a strength of zero finite. */
const LEAST_POWER = 1e-12;

/** Numbers of one ring map with C channels: means, strengths, and strengths of what is in line over all rings. */
const numbersOf = (rings: number, C: number) => C * (rings + PERIODS.length * (rings + 1));

/** Width of a row of `ringPatterns`. */
export function ringPatternDim({ config: { embedDim: C } }: SwinUnet): number {
  return [C, 2 * C, 4 * C].reduce((sum, width, i) => sum + numbersOf(RINGS[i], width), 0);
}

/**
 * Weights [rings + 2 periods (rings + 1), H W] of the places of a map: for each ring its mean; then for each period the
 * cosine over each ring and over all of them, and the sine likewise. Rings overlap by half; the outermost is fullest
 * half a ring within the map's nearest edge.
 */
function ringWeights(rings: number, H: number, W: number): Float32Array {
  const half = Math.min(H, W) / 2;
  const places = Array.from({ length: H * W }, (_, p) => {
    const [x, y] = [(p % W) + 0.5 - W / 2, Math.floor(p / W) + 0.5 - H / 2];
    return { radius: Math.hypot(x, y) / half, angle: Math.atan2(y, x) };
  });
  const hats = Array.from({ length: rings }, (_, ring) => {
    const hat = places.map(({ radius }) => Math.max(0, 1 - Math.abs(radius * rings - ring - 0.5)));
    const sum = hat.reduce((total, value) => total + value, 0);
    return hat.map((value) => (sum > 0 ? value / sum : 0));
  });
  const all = places.map((_, p) => hats.reduce((sum, hat) => sum + hat[p], 0));
  const waves = PERIODS.flatMap((period) =>
    [Math.cos, Math.sin].flatMap((wave) =>
      [...hats, all].map((hat) => hat.map((value, p) => value * wave(period * places[p].angle))),
    ),
  );
  return Float32Array.from([...hats, ...waves].flat());
}

/** The numbers of one map [B, H W, C]: [B, numbersOf(rings, C)]. */
function ofMap(map: Tensor, rings: number, H: number, W: number): Tensor {
  const count = rings + 2 * PERIODS.length * (rings + 1);
  const sums = tensor(ringWeights(rings, H, W), [1, count, H * W]).matmul(map);
  const strengths = PERIODS.map((_, i) => {
    const at = rings + 2 * i * (rings + 1);
    const [cosine, sine] = [at, at + rings + 1].map((from) => sums.slice(1, from, from + rings + 1));
    return cosine.mul(cosine).add(sine.mul(sine)).add(LEAST_POWER).sqrt();
  });
  return cat([sums.slice(1, 0, rings), ...strengths], 1).flatten(1);
}

/** What an encoder found in images of height H and width W, as patterns in rings, [B, ringPatternDim]. */
export function ringPatterns({ outputs, skips }: Encoded, model: SwinUnet, H: number, W: number): Tensor {
  const patch = model.config.patchSize;
  return cat(
    [outputs[0], outputs[1], skips[2]].map((map, stage) =>
      ofMap(map, RINGS[stage], H / patch / 2 ** stage, W / patch / 2 ** stage),
    ),
    1,
  );
}
