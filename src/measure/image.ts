/**
 * How alike two images are. Definitions and defaults are those of scikit-image's `metrics`; arithmetic is in double
 * precision.
 */
import { SkyloopError } from "../base/errors.ts";

type Values = ArrayLike<number>;

function checkLengths(image: Values, reference: Values): void {
  if (image.length !== reference.length || image.length === 0)
    throw new SkyloopError(
      "BAD_MEASURE",
      `images to compare have the same number of values, got ${image.length} and ${reference.length}`,
    );
}

/** Mean squared difference of all values. Throws BAD_MEASURE for unequal lengths. */
export function meanSquaredError(image: Values, reference: Values): number {
  checkLengths(image, reference);
  let sum = 0;
  for (let i = 0; i < image.length; i++) sum += (image[i] - reference[i]) ** 2;
  return sum / image.length;
}

/**
 * Peak signal-to-noise ratio in dB: 10 log10(dataRange^2 / MSE). `dataRange` is the span of possible values, 1 for
 * images in [0, 1]. Infinite for equal images.
 */
export function psnr(image: Values, reference: Values, dataRange: number): number {
  return 10 * Math.log10(dataRange ** 2 / meanSquaredError(image, reference));
}

/** Sums over all `window` x `window` squares that lie wholly in a plane [H, W]: [H - window + 1, W - window + 1]. */
function windowSums(plane: Float64Array, height: number, width: number, window: number): Float64Array {
  const [rows, columns] = [height - window + 1, width - window + 1];
  const across = new Float64Array(height * columns);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < columns; x++) {
      let sum = 0;
      for (let k = 0; k < window; k++) sum += plane[y * width + x + k];
      across[y * columns + x] = sum;
    }
  const out = new Float64Array(rows * columns);
  for (let y = 0; y < rows; y++)
    for (let k = 0; k < window; k++)
      for (let x = 0; x < columns; x++) out[y * columns + x] += across[(y + k) * columns + x];
  return out;
}

/** Shape of an image [channels, H, W] in a flat array. */
export interface ImageShape {
  channels: number;
  heightPx: number;
  widthPx: number;
}

/** scikit-image's window, and the constants of Wang et al. 2004. */
const SSIM = { window: 7, k1: 0.01, k2: 0.03 } as const;

/**
 * Structural similarity (Wang et al. 2004) of images [channels, H, W], averaged over the channels and over all 7 x 7
 * windows that lie wholly in the image, with sample covariances: scikit-image's `structural_similarity` as it comes.
 * Throws BAD_MEASURE for images below 7 px.
 */
export function ssim(
  image: Values,
  reference: Values,
  { channels, heightPx, widthPx }: ImageShape,
  dataRange: number,
): number {
  checkLengths(image, reference);
  const { window, k1, k2 } = SSIM;
  if (image.length !== channels * heightPx * widthPx || heightPx < window || widthPx < window)
    throw new SkyloopError(
      "BAD_MEASURE",
      `structural similarity needs images [channels, H, W] of at least ${window} px, got ${image.length} values as [${channels}, ${heightPx}, ${widthPx}]`,
    );
  const [N, area] = [heightPx * widthPx, window * window];
  const [c1, c2] = [(k1 * dataRange) ** 2, (k2 * dataRange) ** 2];
  const unbiased = area / (area - 1);
  let total = 0;
  for (let c = 0; c < channels; c++) {
    const take = (a: Values, b: Values | null) => {
      const plane = new Float64Array(N);
      for (let p = 0; p < N; p++) plane[p] = b === null ? a[c * N + p] : a[c * N + p] * b[c * N + p];
      return windowSums(plane, heightPx, widthPx, window);
    };
    const [x, y] = [take(image, null), take(reference, null)];
    const [xx, yy, xy] = [take(image, image), take(reference, reference), take(image, reference)];
    let sum = 0;
    for (let p = 0; p < x.length; p++) {
      const [ux, uy] = [x[p] / area, y[p] / area];
      const vx = unbiased * (xx[p] / area - ux * ux);
      const vy = unbiased * (yy[p] / area - uy * uy);
      const vxy = unbiased * (xy[p] / area - ux * uy);
      sum += ((2 * ux * uy + c1) * (2 * vxy + c2)) / ((ux * ux + uy * uy + c1) * (vx + vy + c2));
    }
    total += sum / x.length;
  }
  return total / channels;
}
