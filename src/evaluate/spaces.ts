/** Features for the loop by name: a computed set of a survey, or the baseline `pixels-pca`, computed when asked for. */

import { blocks } from "../base/blocks.ts";
import { SkyloopError } from "../base/errors.ts";
import { loadBlocks } from "../batches/loader.ts";
import { openFeatures } from "../store/features.ts";
import type { Survey } from "../survey/folder.ts";
import { noGrad, scope, svd, tensor } from "../torch/index.ts";

/** A matrix [rows, dim], row by row. */
export interface Matrix {
  data: Float32Array;
  dim: number;
}

/** The baseline that any learned feature has to beat: principal components of the pixels. */
export const PIXELS_PCA = { name: "pixels-pca", sizePx: 32, components: 64 } as const;

/** Features of a survey, and of a second one in the same space. Throws FEATURES_MISSING, OTHER_WEIGHTS. */
export async function loadFeatures(
  survey: Survey,
  test: Survey | null,
  model: string,
): Promise<[Matrix, Matrix | null]> {
  if (model === PIXELS_PCA.name) return pixelComponents(survey, test);
  const own = openFeatures(survey.folder, model);
  const other = test === null ? null : openFeatures(test.folder, model);
  if (other !== null && other.weightsHash !== own.weightsHash)
    throw new SkyloopError(
      "OTHER_WEIGHTS",
      `${survey.folder} and ${test?.folder} have features of ${model} from different weights; run \`skyloop embed\` on both with the same`,
    );
  const matrices: [Matrix, Matrix | null] = [
    { data: own.matrix(), dim: own.dim },
    other === null ? null : { data: other.matrix(), dim: other.dim },
  ];
  own.close();
  other?.close();
  return matrices;
}

async function pixels(survey: Survey): Promise<Float32Array> {
  const { sizePx } = PIXELS_PCA;
  const length = 3 * sizePx * sizePx;
  const count = survey.header.count;
  const all = new Float32Array(count * length);
  const ranges = blocks(count, 256);
  for await (const { from, pixels: block } of loadBlocks(survey.folder, sizePx, ranges)) all.set(block, from * length);
  return all.map((value) => (Number.isFinite(value) ? value : 0));
}

/** Components are fitted on the first survey alone. */
async function pixelComponents(survey: Survey, test: Survey | null): Promise<[Matrix, Matrix | null]> {
  const [own, other] = [await pixels(survey), test === null ? null : await pixels(test)];
  const length = 3 * PIXELS_PCA.sizePx ** 2;
  return noGrad(() =>
    scope(() => {
      const x = tensor(own, [own.length / length, length]);
      const mean = x.mean(0, true);
      const centred = x.sub(mean);
      const [, , vt] = svd(centred.t().matmul(centred));
      const k = Math.min(PIXELS_PCA.components, x.shape[0]);
      const axes = vt.slice(0, 0, k).t();
      const project = (data: Float32Array): Matrix => ({
        data: tensor(data, [data.length / length, length])
          .sub(mean)
          .matmul(axes)
          .toFloat32Array(),
        dim: k,
      });
      return [project(own), other === null ? null : project(other)];
    }),
  );
}
