/** Pooled features brought down to the few numbers that vary among galaxies: fitted once on unlabelled images, kept with the weights. */
import { cat, eigh, keep, manualSeed, noGrad, qr, randn, readSafetensors, scope, type Tensor, turned } from "../torch/index.ts";

/** Features x [B, D] become (x - mean) axes, [B, k]. */
export interface Projection {
  /** [1, D] */
  mean: Tensor;
  /** [D, k] */
  axes: Tensor;
}

/**
 * Share of the whitening: each component is divided by its standard deviation to this power. 0 leaves a handful of components (brightness, size) to decide
 * every distance, 1 gives noise the same say as shape.
 */
const WHITENING = 0.5;

/**
 * The first `dim` principal components of standardised features [N, D], half whitened. The components are turned by a fixed random rotation: learners standardise
 * column by column, and would undo the weights of components that stood in columns of their own.
 */
export function fitProjection(features: Tensor, dim: number): Projection {
  const [N, D] = features.shape;
  const k = Math.min(dim, D, N - 1);
  const [mean, axes] = noGrad(() =>
    scope(() => {
      const mean = features.mean(0, true);
      const centred = features.sub(mean);
      const sd = centred.pow(2).mean(0, true).sqrt().clamp(1e-6);
      const z = centred.div(sd).to("float64");
      const [values, vectors] = eigh(z.t().matmul(z).div(N));
      const strength = values.slice(0, D - k, D).clamp(1e-8);
      const weighted = vectors.slice(1, D - k, D).mul(strength.pow(-WHITENING / 2));
      manualSeed(1);
      const [rotation] = qr(randn([k, k]).to("float64"));
      return [mean, weighted.matmul(rotation).to("float32").div(sd.reshape(D, 1))];
    }),
  );
  return { mean: keep(mean), axes: keep(axes) };
}

export function project(features: Tensor, { mean, axes }: Projection): Tensor {
  return features.sub(mean).matmul(axes);
}

const NAMES = { mean: "projection.mean", axes: "projection.axes" } as const;

/** The projection as tensors of a weights file. */
export function projectionState({ mean, axes }: Projection): Record<string, Tensor> {
  return { [NAMES.mean]: mean, [NAMES.axes]: axes };
}

/** The projection in a weights file; null where it has none. */
export function readProjection(path: string): Projection | null {
  const { tensors } = scope(() => {
    const file = readSafetensors(path, (name) => name.startsWith("projection."));
    return { tensors: Object.fromEntries(Object.entries(file.tensors).map(([name, value]) => [name, keep(value)])) };
  });
  return NAMES.mean in tensors && NAMES.axes in tensors ? { mean: tensors[NAMES.mean], axes: tensors[NAMES.axes] } : null;
}

/** Ways to turn and mirror an image by which nothing of a galaxy changes: the image itself; quarter turns; those and their mirror images. */
export const VIEWS = [1, 4, 8] as const;
export type Views = (typeof VIEWS)[number];

/** Images [B, C, S, S] in each of `views` ways, [views B, C, S, S]: all in the first way, then all in the second, … */
export function turnedViews(images: Tensor, views: Views): Tensor {
  if (views === 1) return images;
  return cat(
    Array.from({ length: views }, (_, view) => turned(images, view % 4, view >= 4)),
    0,
  );
}
