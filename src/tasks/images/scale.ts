/** Images in their own unit to the numbers that a network sees, and back. */
import type { PixelKind } from "../../contract/survey.ts";
import { op, type Tensor, tensor } from "../../torch/index.ts";

/** How pixels go into a network and come back. */
export interface ImageScale {
  /** [B, 3, H, W] in the image's unit to the network's. */
  toNetwork(images: Tensor): Tensor;
  /** The inverse. */
  toImage(values: Tensor): Tensor;
}

/** Colour in [0, 1] goes in as it is. */
const COLOUR: ImageScale = { toNetwork: (images) => images, toImage: (values) => values };

/** Flux of one noise sigma becomes 0.1, and of ten thousand about 1. */
const FLUX_UNIT = 10;
/** Where there is no noise to speak of, this share of the brightest pixel takes its place. */
const LEAST_SHARE = 1e-4;

/** What an image of nothing is divided by: above the smallest number of single precision. */
export const LEAST_UNIT = 1e-30;

/**
 * Sigma of a plane's noise, from the differences between neighbouring pixels: half of them are smaller than 0.954
 * sigma. Hidden pixels are left out.
 */
export function noiseSigma(plane: Float32Array, widthPx: number, mask: Uint8Array | null = null): number {
  const steps: number[] = [];
  for (let p = 1; p < plane.length; p++)
    if (p % widthPx !== 0 && (mask === null || (mask[p] === 0 && mask[p - 1] === 0)))
      steps.push(Math.abs(plane[p] - plane[p - 1]));
  if (steps.length === 0) return 0;
  return Float64Array.from(steps).sort()[steps.length >> 1] / (0.6745 * Math.SQRT2);
}

/**
 * The scale of a batch: none for colour; for flux an arcsinh softened by each band's own noise, so that noise looks
 * alike in all images and a core that is ten thousand times brighter still fits in. `images` are [3, S, S] each,
 * `masks` [S, S] where pixels are hidden.
 */
export function scaleOf(
  kind: PixelKind,
  images: Float32Array[],
  widthPx: number,
  masks: (Uint8Array | null)[] = images.map(() => null),
): ImageScale {
  if (kind === "colour") return COLOUR;
  const sigmas = images.flatMap((image, b) =>
    [0, 1, 2].map((band) => {
      const plane = image.subarray((band * image.length) / 3, ((band + 1) * image.length) / 3);
      let brightest = 0;
      for (let p = 0; p < plane.length; p++)
        if (masks[b]?.[p] !== 1) brightest = Math.max(brightest, Math.abs(plane[p]));
      return Math.max(noiseSigma(plane, widthPx, masks[b]), LEAST_SHARE * brightest, LEAST_UNIT);
    }),
  );
  const soft = () => tensor(sigmas, [images.length, 3, 1, 1]);
  return {
    toNetwork: (fluxes) => op("asinh", fluxes.div(soft())).div(FLUX_UNIT),
    toImage: (values) => op("sinh", values.mul(FLUX_UNIT)).mul(soft()),
  };
}
