/**
 * A survey in two dimensions: principal components of its standardised features, or UMAP of a part of it with the
 * others laid beside their nearest.
 */
import { setImmediate } from "node:timers/promises";
import { UMAP } from "umap-js";
import { SkyloopError } from "../base/errors.ts";
import { Random } from "../base/random.ts";
import type { MapMethod } from "../store/maps.ts";
import { noGrad, op, ops, scope, tensor } from "../torch/index.ts";
import { type FeatureSpace, standardised } from "./learn.ts";

type Report = (done: number, total: number) => void;

/** Rows from which principal components are estimated; more change nothing that is seen. */
const PCA_ROWS = 20_000;
/** UMAP's time grows faster than its rows: so many are laid out, the others put between their nearest of them. */
const UMAP_ROWS = 2000;
const COMPONENTS = 32;
const NEIGHBOURS = 3;
const BLOCK = 8192;
const SEED = 1;

const range = (from: number, to: number) => Uint32Array.from({ length: to - from }, (_, i) => from + i);

/**
 * The first `k` principal components of all rows, [count, k], largest variance first; each axis has its largest loading
 * positive.
 */
export async function principalComponents(
  space: FeatureSpace,
  k: number,
  report: Report = () => {},
): Promise<Float32Array> {
  const { count, dim } = space;
  const kept = Math.min(k, dim);
  const sample = new Random(SEED).sample(count, Math.min(count, PCA_ROWS)).sort((a, b) => a - b);
  const axes = new Float32Array(dim * kept);
  noGrad(() =>
    scope(() => {
      const x = standardised(space, sample);
      const covariance = x.t().matmul(x).div(sample.length);
      const [, vectors] = ops("linalg_eigh", covariance);
      // Eigenvalues come in rising order.
      vectors
        .slice(1, dim - kept, dim)
        .contiguous()
        .copyTo(axes);
    }),
  );
  for (let c = 0; c < kept; c++) {
    let largest = 0;
    for (let d = 0; d < dim; d++) if (Math.abs(axes[d * kept + c]) > Math.abs(largest)) largest = axes[d * kept + c];
    if (largest < 0) for (let d = 0; d < dim; d++) axes[d * kept + c] *= -1;
  }
  const out = new Float32Array(count * kept);
  for (let from = 0; from < count; from += BLOCK) {
    const to = Math.min(count, from + BLOCK);
    noGrad(() =>
      scope(() =>
        standardised(space, range(from, to))
          .matmul(tensor(axes, [dim, kept]))
          .copyTo(out.subarray(from * kept, to * kept)),
      ),
    );
    report(to, count);
    await setImmediate();
  }
  // Columns from smallest to largest variance become largest first.
  for (let row = 0; row < count; row++) out.subarray(row * kept, (row + 1) * kept).reverse();
  return out;
}

/**
 * UMAP (McInnes, Healy & Melville 2018) of a sample, `most` rows at most, on its first principal components, all other rows
 * between their nearest of the sample; [count, 2].
 */
export async function umapLayout(
  space: FeatureSpace,
  report: Report = () => {},
  most = UMAP_ROWS,
): Promise<Float32Array> {
  const k = Math.min(COMPONENTS, space.dim);
  const components = await principalComponents(space, k);
  const { count } = space;
  const random = new Random(SEED).fork("umap");
  const sample = random.sample(count, Math.min(count, most)).sort((a, b) => a - b);
  const points = sample.map((row) => Array.from(components.subarray(row * k, (row + 1) * k)));
  const umap = new UMAP({
    nNeighbors: Math.min(15, Math.max(2, sample.length - 1)),
    minDist: 0.1,
    random: () => random.next(),
  });
  const epochs = umap.initializeFit(points);
  for (let epoch = 0; epoch < epochs; epoch++) {
    umap.step();
    if (epoch % 10 === 0) {
      report(epoch, epochs);
      await setImmediate();
    }
  }
  const laid = umap.getEmbedding();
  const out = new Float32Array(count * 2);
  const known = Float32Array.from(points.flat());
  for (let from = 0; from < count; from += BLOCK) {
    const to = Math.min(count, from + BLOCK);
    const near = new Float32Array((to - from) * NEIGHBOURS);
    let at: ArrayLike<number> = [];
    noGrad(() =>
      scope(() => {
        const distance = op(
          "cdist",
          tensor(components.subarray(from * k, to * k), [to - from, k]),
          tensor(known, [sample.length, k]),
          2,
        );
        const [values, indices] = ops("topk", distance, NEIGHBOURS, 1, false, true);
        values.copyTo(near);
        at = indices.toIntegers();
      }),
    );
    for (let i = 0; i < to - from; i++) {
      let [x, y, sum] = [0, 0, 0];
      for (let j = 0; j < NEIGHBOURS; j++) {
        const weight = 1 / (near[i * NEIGHBOURS + j] ** 2 + 1e-9);
        const [px, py] = laid[at[i * NEIGHBOURS + j]];
        x += weight * px;
        y += weight * py;
        sum += weight;
      }
      out.set([x / sum, y / sum], (from + i) * 2);
    }
    await setImmediate();
  }
  return out;
}

/** Lays a survey out, [count, 2]. Throws MAP_TOO_SMALL. */
export async function layOut(space: FeatureSpace, method: MapMethod, report?: Report): Promise<Float32Array> {
  if (space.count < 4 || space.dim < 2)
    throw new SkyloopError(
      "MAP_TOO_SMALL",
      `a map needs at least four objects with two features each; there are ${space.count} with ${space.dim}`,
    );
  return method === "pca" ? principalComponents(space, 2, report) : umapLayout(space, report);
}
