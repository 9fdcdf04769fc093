/**
 * Why an object has its score. Two answers: the labelled examples that pull its score most, and the regions of its
 * image that do.
 *
 * Examples: learning is kernel regression with the learner's own gradients as the kernel (neural
 * tangent kernel, Jacot et al. 2018), and there the change of a score when one example is left out has a closed form,
 * f(x) - f_i(x) = a_i (k A)_i / A_ii, with A = (K + L)^-1, a = A y, k the kernel of x with the examples and L the ridge
 * divided by the example's weight (Cook 1977). Regions: a patch is replaced by a blurred copy of itself and the score taken
 * again (occlusion sensitivity, Zeiler & Fergus 2014): where the log odds fall, what is there speaks for the object.
 */
import { setImmediate } from "node:timers/promises";
import { SkyloopError } from "../base/errors.ts";
import { logit } from "../measure/platt.ts";
import { loadModel, releasedWeights } from "../models/index.ts";
import { adaptiveCrop, centralSquare } from "../stamps/crop.ts";
import { modelInput } from "../stamps/model-input.ts";
import { renderFlux } from "../stamps/render.ts";
import type { Survey } from "../survey/folder.ts";
import { noGrad, op, scope, type Tensor, tensor } from "../torch/index.ts";
import { type Example, exampleWeights, type Learner } from "./learn.ts";

/** What the page says about how reasons for a score are computed. */
export const HOW =
  "Examples: how much this object's score would change if the example had no label (in closed form, for kernel regression with the learner's own gradients as the kernel). Regions: each patch of the image is blurred away in turn, and the change of the log odds is drawn: green patches raise the score, magenta ones lower it.";

/** What the page says where nothing is positive yet. */
export const HOW_UNUSUAL =
  "Nothing is positive yet, so nothing has been learned: the most unusual objects come first. The score is the mean of two ranks in feature space, how soon random cuts leave the object alone and how far its neighbours are.";

/**
 * Signed change of the score of `row` that leaving out each example would take back, the largest magnitude scaled to 1,
 * strongest first.
 */
export function influences(
  learner: Learner,
  examples: Example[],
  row: number,
): { row: number; positive: boolean; influence: number }[] {
  const n = examples.length;
  const all = learner.kernel([row, ...examples.map((example) => example.row)]);
  const K = (i: number, j: number) => all[(i + 1) * (n + 1) + j + 1];
  const ridge = (learner.ridge / n) * examples.reduce((sum, _, i) => sum + K(i, i), 0);
  const weights = exampleWeights(examples);
  const regular = Float64Array.from({ length: n * n }, (_, at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    return K(i, j) + (i === j ? ridge / weights[i] : 0);
  });
  const A = new Float64Array(n * n);
  noGrad(() => scope(() => (op("linalg_inv", tensor(regular, [n, n])) as Tensor).copyTo(A)));
  const pull = examples.map((_, i) => {
    let [a, kA] = [0, 0];
    for (let j = 0; j < n; j++) {
      a += A[i * n + j] * (examples[j].positive ? 1 : -1);
      kA += all[j + 1] * A[j * n + i];
    }
    return (a * kA) / A[i * n + i];
  });
  const largest = pull.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-30);
  return examples
    .map(({ row: at, positive }, i) => ({ row: at, positive, influence: pull[i] / largest }))
    .sort((a, b) => Math.abs(b.influence) - Math.abs(a.influence));
}

/** Patches a side of the heat map. */
const HEAT_SIZE = 8;
const BATCH = 16;

/** Which regions of an image matter for its score, as a map of `size` x `size` patches over `box`. */
export interface Heat {
  size: number;
  /** Log odds lost when the patch is blurred away, [size, size], first row as the model sees it. */
  values: number[];
  box: { x0: number; y0: number; sizePx: number };
}

/**
 * The heat map of one object. Throws WEIGHTS_MISSING and OTHER_WEIGHTS where the weights that made the features are not
 * here.
 */
export async function heatMap(
  survey: Survey,
  row: number,
  learner: Learner,
  modelName: string,
  featuresHash: string,
): Promise<Heat> {
  const { model, reader, weightsHash } = await loadModel(modelName, releasedWeights(modelName));
  try {
    if (weightsHash !== featuresHash)
      throw new SkyloopError(
        "OTHER_WEIGHTS",
        `the features of ${modelName} are of other weights than those released; embed again to see regions`,
      );
    const { sizePx } = reader;
    const stamp = await survey.readStamp(row);
    const { adaptiveCrop: cropped } = survey.header;
    const whole = modelInput(stamp, { sizePx, adaptiveCrop: cropped });
    const rgb = stamp.kind === "flux" ? renderFlux(stamp) : stamp.data;
    const box = cropped
      ? adaptiveCrop(rgb, stamp.widthPx, stamp.heightPx)
      : centralSquare(stamp.widthPx, stamp.heightPx);
    const soft = blurred(whole, sizePx);
    const patch = sizePx / HEAT_SIZE;
    const images = [
      whole,
      ...Array.from({ length: HEAT_SIZE ** 2 }, (_, p) =>
        withPatch(whole, soft, sizePx, (p % HEAT_SIZE) * patch, Math.floor(p / HEAT_SIZE) * patch, patch),
      ),
    ];
    const odds: number[] = [];
    for (let from = 0; from < images.length; from += BATCH) {
      const part = images.slice(from, from + BATCH);
      const pixels = new Float32Array(part.length * 3 * sizePx * sizePx);
      for (const [i, image] of part.entries()) pixels.set(image, i * 3 * sizePx * sizePx);
      const features = new Float32Array(part.length * reader.dim);
      noGrad(() => scope(() => reader.of(tensor(pixels, [part.length, 3, sizePx, sizePx])).copyTo(features)));
      odds.push(...Array.from(learner.scoreRows(Uint32Array.from(part.keys()), features), logit));
      await setImmediate();
    }
    return { size: HEAT_SIZE, values: odds.slice(1).map((value) => odds[0] - value), box };
  } finally {
    reader.dispose();
    model.dispose();
  }
}

/** Planes [3, S, S] through a box blur three times, which is close to a Gaussian with sigma of S/10. */
export function blurred(image: Float32Array, S: number): Float32Array {
  const radius = Math.max(1, Math.round(S / 10));
  let source = image;
  for (let pass = 0; pass < 6; pass++) {
    const out = new Float32Array(source.length);
    const [along, across] = pass % 2 === 0 ? [1, S] : [S, 1];
    for (let plane = 0; plane < 3; plane++)
      for (let line = 0; line < S; line++) {
        const start = plane * S * S + line * across;
        for (let i = 0; i < S; i++) {
          let [sum, n] = [0, 0];
          for (let j = Math.max(0, i - radius); j <= Math.min(S - 1, i + radius); j++, n++)
            sum += source[start + j * along];
          out[start + i * along] = sum / n;
        }
      }
    source = out;
  }
  return source;
}

function withPatch(
  image: Float32Array,
  other: Float32Array,
  S: number,
  x0: number,
  y0: number,
  size: number,
): Float32Array {
  const out = image.slice();
  for (let plane = 0; plane < 3; plane++)
    for (let y = y0; y < y0 + size; y++) {
      const at = (plane * S + y) * S + x0;
      out.set(other.subarray(at, at + size), at);
    }
  return out;
}
