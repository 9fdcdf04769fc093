/**
 * Flux to colour pictures by stretches drawn at random, so that what is learned from flux does not hang on one survey's
 * way to show it.
 */
import { noGrad, op, randn, scope, type Tensor, tensor } from "../torch/index.ts";
import { type Noise, type Randoms, randomOf } from "./noise.ts";

/**
 * Scales of z, r and g (shown red, green, blue) around which stretches are drawn: the Legacy viewer's, for nanomaggies
 * a pixel.
 */
const SCALES = [2.2, 3.4, 6.0] as const;

/**
 * Flux [B, 3, S, S] in nanomaggies (g, r, z) to colour [B, 3, S, S], red first, each image by a Lupton-like arcsinh
 * (Lupton et al. 2004) of its own: softening Q from 4 (SDSS-like, steep) to 30 (Legacy-like, faint parts lifted),
 * brightness over a factor of 4, colour balance, black level, sky noise.
 */
export function randomStretch(flux: Tensor, randoms: Randoms, normal: Noise = randn): Tensor {
  return noGrad(() =>
    scope(() => {
      const [B, , S] = flux.shape;
      const scales = new Float32Array(B * 3);
      const [soft, black, noise] = [new Float32Array(B), new Float32Array(B), new Float32Array(B)];
      for (let b = 0; b < B; b++) {
        const random = randomOf(randoms, b);
        const bright = Math.exp(random.uniform(-0.9, 0.5));
        for (let c = 0; c < 3; c++) scales[b * 3 + c] = SCALES[c] * bright * Math.exp(random.normal(0, 0.05));
        soft[b] = Math.exp(random.uniform(Math.log(4), Math.log(30)));
        black[b] = random.uniform(-0.02, 0.04);
        noise[b] = random.next() < 0.5 ? 0 : random.uniform(0, 0.04);
      }
      const perImage = (values: Float32Array) => tensor(values, [B, 1, 1, 1]);
      const shown = op("flip", flux, [1])
        .mul(tensor(scales, [B, 3, 1, 1]))
        .add(perImage(black))
        .add(normal([B, 3, S, S]).mul(perImage(noise)));
      const intensity = shown.clamp(0).mean(1, true).clamp(1e-5);
      const q = perImage(soft);
      // Divided by asinh(Q) / sqrt(Q) at intensity 1, so that softening changes the curve and not the brightness.
      const lifted = op("asinh", intensity.mul(q)).div(op("asinh", q)).div(intensity);
      return shown.mul(lifted).clamp(0, 1);
    }),
  );
}
