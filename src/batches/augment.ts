/**
 * Random views of galaxy images, a whole batch at a time, by what telescope, sky and distance change but the galaxy's
 * kind does not.
 */
import { gridSample, noGrad, op, randn, scope, type Tensor, tensor } from "../torch/index.ts";
import { type Noise, type Randoms, randomOf } from "./noise.ts";

/** How strongly random views differ from their image. Amounts are in units of brightness from 0 to 1. */
export interface AugmentOptions {
  /** Side of the views. */
  sizePx: number;
  /** Views show between these shares of the image's side. */
  zoom: [number, number];
  /** Centres move by up to this share of the side. */
  shift: number;
  /** Sigma of the logarithm of brightness, common to the bands and of each band by itself (reddening, calibration). */
  gain: number;
  bandGain: number;
  /** Sigma of the logarithm of an exponent on brightness: another stretch. 0: none. */
  gamma: number;
  /** Colours, the differences from grey, are multiplied by a factor between these. */
  saturation: [number, number];
  /** Largest offset of the background. */
  offset: number;
  /** Largest share of a 3 x 3 mean mixed in (seeing). */
  blur: number;
  /** Largest sigma of the noise, in units of the image. */
  noise: number;
}

/** The views of the released encoders' pre-training. */
export const DEFAULT_AUGMENT: Omit<AugmentOptions, "sizePx"> = {
  zoom: [0.8, 1.05],
  shift: 0.05,
  gain: 0.12,
  bandGain: 0.06,
  gamma: 0.15,
  saturation: [0.7, 1.2],
  offset: 0.02,
  blur: 1,
  noise: 0.03,
};

/**
 * Images [B, 3, S, S] in [0, 1] to views [B, 3, size, size]: turned by any angle, mirrored, zoomed, shifted;
 * brightness, stretch, colour, seeing and noise changed.
 */
export function augment(images: Tensor, randoms: Randoms, options: AugmentOptions, normal: Noise = randn): Tensor {
  return noGrad(() =>
    scope(() => {
      const { sizePx, zoom, shift, gain, bandGain, gamma, saturation, offset, blur, noise } = options;
      const [B, C] = images.shape;
      const affine = new Float32Array(B * 6);
      const gains = new Float32Array(B * C);
      const [offsets, blurs, noises, gammas, saturations] = Array.from({ length: 5 }, () => new Float32Array(B));
      for (let b = 0; b < B; b++) {
        const random = randomOf(randoms, b);
        const angle = random.uniform(0, 2 * Math.PI);
        const scale = random.uniform(...zoom);
        const mirror = random.next() < 0.5 ? -1 : 1;
        const [cos, sin] = [scale * Math.cos(angle), scale * Math.sin(angle)];
        affine.set(
          [mirror * cos, -sin, random.uniform(-2, 2) * shift, mirror * sin, cos, random.uniform(-2, 2) * shift],
          b * 6,
        );
        const common = random.normal(0, gain);
        for (let c = 0; c < C; c++) gains[b * C + c] = Math.exp(common + random.normal(0, bandGain));
        offsets[b] = random.uniform(-offset, offset);
        blurs[b] = random.next() < 0.5 ? random.uniform(0, blur) : 0;
        noises[b] = random.uniform(0, noise);
        gammas[b] = Math.exp(random.normal(0, gamma));
        saturations[b] = random.uniform(...saturation);
      }
      const perImage = (values: Float32Array) => tensor(values, [B, 1, 1, 1]);
      const grid = op("affine_grid_generator", tensor(affine, [B, 2, 3]), [B, C, sizePx, sizePx], false);
      const turned = gridSample(images, grid);
      const soft = op("avg_pool2d", turned, [3, 3], [1, 1], [1, 1], false, false);
      const blurred = turned.add(soft.sub(turned).mul(perImage(blurs)));
      const grey = blurred.mean(1, true);
      const coloured = grey.add(blurred.sub(grey).mul(perImage(saturations)));
      const curved = op("pow.Tensor_Tensor", coloured.clamp(1e-4), perImage(gammas));
      const bright = curved.mul(tensor(gains, [B, C, 1, 1])).add(perImage(offsets));
      return bright.add(normal([B, C, sizePx, sizePx]).mul(perImage(noises)));
    }),
  );
}
