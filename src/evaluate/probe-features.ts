/** The features of several surveys, one below the other, for a probe. */
import { blocks } from "../base/blocks.ts";
import { SkyloopError } from "../base/errors.ts";
import { loadBlocks } from "../batches/loader.ts";
import { createModel, featuresOf } from "../models/index.ts";
import { openFeatures } from "../store/features.ts";
import type { Survey } from "../survey/folder.ts";
import { manualSeed, noGrad, scope, tensor } from "../torch/index.ts";
import { loadFeatures, type Matrix, PIXELS_PCA } from "./spaces.ts";

const BLOCK = 64;

/**
 * Rows of all surveys in order. Components of pixels are fitted on the first survey. Throws FEATURES_MISSING,
 * OTHER_WEIGHTS.
 */
export async function jointFeatures(surveys: Survey[], model: string): Promise<Matrix> {
  if (model === PIXELS_PCA.name) {
    const [first, ...others] = surveys;
    const parts = [(await loadFeatures(first, null, model))[0]];
    for (const other of others) {
      const [, components] = await loadFeatures(first, other, model);
      if (components !== null) parts.push(components);
    }
    return joined(parts);
  }
  if (model.startsWith("random:")) return joined(await randomFeatures(surveys, model.slice("random:".length)));
  const sets = surveys.map(({ folder }) => openFeatures(folder, model));
  if (sets.some(({ weightsHash }) => weightsHash !== sets[0].weightsHash))
    throw new SkyloopError(
      "OTHER_WEIGHTS",
      `the surveys have features of ${model} from different weights; run \`skyloop embed\` on all of them with the same`,
    );
  const matrix = joined(sets.map((set) => ({ data: set.matrix(), dim: set.dim })));
  for (const set of sets) set.close();
  return matrix;
}

function joined(parts: Matrix[]): Matrix {
  const data = new Float32Array(parts.reduce((sum, part) => sum + part.data.length, 0));
  let at = 0;
  for (const part of parts) {
    data.set(part.data, at);
    at += part.data.length;
  }
  return { data, dim: parts[0].dim };
}

/**
 * Features of the network with its initial weights (seed 1), read as released ones are: what its structure alone gives.
 */
async function randomFeatures(surveys: Survey[], name: string): Promise<Matrix[]> {
  manualSeed(1);
  const model = createModel(name).eval();
  const { dim, of, sizePx } = featuresOf(model, {
    sizePx: 64,
    pooling: "stages",
    commonRange: true,
    rings: false,
    ellipses: false,
    views: 1,
    projection: null,
  });
  const length = 3 * sizePx * sizePx;
  const found: Matrix[] = [];
  for (const { folder, header } of surveys) {
    const data = new Float32Array(header.count * dim);
    const ranges = blocks(header.count, BLOCK);
    for await (const { from, pixels } of loadBlocks(folder, sizePx, ranges))
      noGrad(() =>
        scope(() => {
          const count = pixels.length / length;
          of(tensor(pixels, [count, 3, sizePx, sizePx])).copyTo(data.subarray(from * dim, (from + count) * dim));
        }),
      );
    found.push({ data, dim });
  }
  model.dispose();
  return found;
}
