/**
 * Restoration of flux moves light and must not make any: what a network wrote is brought to the light that was
 * measured.
 */
import { convolveBatch } from "../../batches/convolve.ts";
import { DEGRADE, type PsfKernel, pointSpread } from "../../stamps/degrade.ts";
import { op, type Tensor, tensor } from "../../torch/index.ts";
import { LEAST_UNIT, noiseSigma } from "./scale.ts";

/**
 * Full width of the Gaussian through which light is compared, in px: much wider than the point spreads that are undone
 * (2 to 8), so that these hardly matter.
 */
const SMOOTH_PX = 12;
/**
 * Full width of the point spread that lies between the restored image and the measured one, in px: the middle of the
 * range.
 */
const SPREAD_PX = 5;
const ITERATIONS = 4;
/** A correction beyond this factor is none. */
const MOST = 3;

function gaussian(fwhmPx: number): PsfKernel {
  const sigma = fwhmPx / Math.sqrt(8 * Math.log(2));
  const half = Math.ceil(3.5 * sigma);
  const along = Float64Array.from({ length: 2 * half + 1 }, (_, i) => Math.exp(-((i - half) ** 2) / (2 * sigma ** 2)));
  const sum = along.reduce((total, value) => total + value, 0);
  const size = along.length;
  return {
    size,
    values: Float32Array.from(
      { length: size * size },
      (_, i) => (along[Math.floor(i / size)] * along[i % size]) / sum ** 2,
    ),
  };
}

/**
 * Restored fluxes [B, 3, H, W] with the light of the given ones, by a few iterations of Richardson and Lucy (1972,
 * 1974) on both smoothed: a pixel is multiplied by how much brighter its surroundings were measured than they are
 * written. Detail below about ten pixels stays as the network drew it; where there is no light above the noise nothing
 * changes.
 */
export function conserveLight(restored: Tensor, given: Tensor): Tensor {
  const [B, C, H, W] = given.shape;
  const planes = given.toFloat32Array();
  const sigmas = Array.from({ length: B * C }, (_, i) =>
    Math.max(noiseSigma(planes.subarray(i * H * W, (i + 1) * H * W), W), LEAST_UNIT),
  );
  const soft = tensor(sigmas, [B, C, 1, 1]);
  const through = (images: Tensor, kernel: PsfKernel) =>
    convolveBatch(
      images,
      Array.from({ length: B }, () => kernel),
    );
  const [smooth, spread] = [gaussian(SMOOTH_PX), pointSpread({ fwhmPx: SPREAD_PX, beta: DEGRADE.beta })];
  const both = (images: Tensor) => through(through(images, spread), smooth);
  const measured = through(given, smooth).add(soft);
  let out = restored;
  for (let i = 0; i < ITERATIONS; i++) {
    const written = op("maximum", both(out).add(soft), soft.mul(0.1));
    out = out.mul(both(measured.div(written).clamp(1 / MOST, MOST)));
  }
  return out;
}
