/**
 * Pooled features brought down to the few numbers that vary among galaxies: fitted once on unlabelled images, kept with
 * the weights.
 */
import {
  cat,
  eigh,
  gridSample,
  keep,
  manualSeed,
  noGrad,
  qr,
  randn,
  readSafetensors,
  scope,
  type Tensor,
  tensor,
  turned,
} from "../torch/index.ts";

/** Features x [B, D] become (x - mean) axes, [B, k]. */
export interface Projection {
  /** [1, D] */
  mean: Tensor;
  /** [D, k] */
  axes: Tensor;
}

/**
 * Share of the whitening: each component is divided by its standard deviation to this power. 0 leaves a handful of
 * components (brightness, size) to decide every distance, 1 gives noise the same say as shape.
 */
const WHITENING = 0.5;

/**
 * How far galaxies lie apart by what is told of them, where 1 is how far they lie apart by how they look
 * (docs/decisions/feature-reading.md).
 */
const TOLD_SHARE = 0.6;

/**
 * The first k principal axes [D, k] of centred rows [N, D], half whitened, and the root mean square length of the rows
 * along them.
 */
export function halfWhitened(rows: Tensor, k: number): { axes: Tensor; length: Tensor } {
  const [N, D] = rows.shape;
  // The directions of fewer rows than columns follow from the products of the rows, a smaller matrix.
  const few = N < D;
  const size = few ? N : D;
  const [values, vectors] = eigh((few ? rows.matmul(rows.t()) : rows.t().matmul(rows)).div(N));
  const strength = values.slice(0, size - k, size).clamp(1e-8);
  const own = vectors.slice(1, size - k, size);
  const directions = few ? rows.t().matmul(own).div(strength.mul(N).sqrt()) : own;
  return {
    axes: directions.mul(strength.pow(-WHITENING / 2)),
    length: strength
      .pow(1 - WHITENING)
      .sum()
      .sqrt(),
  };
}

/** Standard deviation [1, D] of centred rows [N, D]. */
export function spreadOf(rows: Tensor): Tensor {
  return rows.pow(2).mean(0, true).sqrt().clamp(1e-6);
}

/**
 * `dim` columns: the first principal components of standardised features [N, D], half whitened, and, where an objective
 * has learned to tell n parameters of a galaxy as linear maps `told` [n, D] of its features, those, half whitened too,
 * at `TOLD_SHARE` of the components' size. All are turned by a fixed random rotation: learners standardise column by
 * column, and would undo the weights of components that stood in columns of their own.
 */
export function fitProjection(features: Tensor, dim: number, told: Tensor | null = null): Projection {
  const [N, D] = features.shape;
  const k = Math.min(dim, D, N - 1);
  const n = told === null ? 0 : Math.min(told.shape[0], Math.floor(k / 2));
  const [mean, axes] = noGrad(() =>
    scope(() => {
      const mean = features.mean(0, true);
      const centred = features.sub(mean);
      const sd = spreadOf(centred);
      const z = centred.div(sd).to("float64");
      const looks = halfWhitened(z, k - n);
      const parts = [looks.axes];
      if (told !== null && n > 0) {
        const weight = told.mul(sd).to("float64").t();
        const parameters = weight.div(spreadOf(z.matmul(weight)));
        const tells = halfWhitened(z.matmul(parameters), n);
        parts.push(parameters.matmul(tells.axes).mul(looks.length.div(tells.length)).mul(TOLD_SHARE));
      }
      manualSeed(1);
      const [rotation] = qr(randn([k, k]).to("float64"));
      return [mean, cat(parts, 1).matmul(rotation).to("float32").div(sd.reshape(D, 1))];
    }),
  );
  return { mean: keep(mean), axes: keep(axes) };
}

/** Features [B, D] in a projection's columns, [B, k]. */
export function project(features: Tensor, { mean, axes }: Projection): Tensor {
  return features.sub(mean).matmul(axes);
}

const NAMES = { mean: "projection.mean", axes: "projection.axes" } as const;

/** The projection as tensors of a weights file. */
export function projectionState({ mean, axes }: Projection): Record<string, Tensor> {
  return { [NAMES.mean]: mean, [NAMES.axes]: axes };
}

/** The largest number that half precision holds. */
const HALF_MOST = 65504;

/** A projection with its axes in half precision, or as they are where a column that hardly varies has numbers too large. */
export function halved({ mean, axes }: Projection): Projection {
  return { mean, axes: axes.abs().max().item() <= HALF_MOST ? axes.to("float16") : axes };
}

/** Whether a tensor of a weights file belongs to its projection. */
export function isProjectionName(name: string): boolean {
  return name.startsWith("projection.");
}

/** The projection among the tensors of a weights file, kept from the scope around; null where there is none. */
export function projectionIn(tensors: Record<string, Tensor>): Projection | null {
  return NAMES.mean in tensors && NAMES.axes in tensors
    ? { mean: keep(tensors[NAMES.mean]), axes: keep(tensors[NAMES.axes].to("float32")) }
    : null;
}

/** The projection in a weights file; null where it has none. */
export function readProjection(path: string): Projection | null {
  return scope(() => projectionIn(readSafetensors(path, isProjectionName).tensors));
}

/**
 * Ways to show an image by which nothing of a galaxy changes: the image itself; quarter turns; those and their mirror
 * images; quarter turns of the image and of its inner square (`zoomed`); those two as they are and turned by one quarter
 * (`zoomed-2`), which costs half; and the middle of it once besides (`zoomed-3`).
 */
export const VIEWS = [1, 4, 8, "zoomed", "zoomed-2", "zoomed-3"] as const;

/** A way of VIEWS to look at one image several times. */
export type Views = (typeof VIEWS)[number];

/** How many images the ways make of one. */
export function viewCount(views: Views): number {
  return typeof views === "number" ? views : { zoomed: 8, "zoomed-2": 4, "zoomed-3": 5 }[views];
}

/**
 * The square that stands on a corner within images [B, C, S, S], turned upright and as large as they are: details 1.4
 * times as large, and the middle seen at another angle.
 */
export function innerSquare(images: Tensor): Tensor {
  return shownFrom(images, (x, y) => [(x - y) / 2, (x + y) / 2]);
}

/** The middle of images [B, C, S, S], half as wide and high, as large as they are. */
function middle(images: Tensor): Tensor {
  return shownFrom(images, (x, y) => [x / 2, y / 2]);
}

/** Images whose point (x, y), from -1 to 1, shows the point that `from` says. */
function shownFrom(images: Tensor, from: (x: number, y: number) => [number, number]): Tensor {
  const [B, C, S] = images.shape;
  const at = (i: number) => (2 * i + 1) / S - 1;
  const grid = Float32Array.from({ length: 2 * S * S }, (_, i) => {
    const place = i >> 1;
    return from(at(place % S), at(Math.floor(place / S)))[i % 2];
  });
  return gridSample(images.reshape(1, B * C, S, S), tensor(grid, [1, S, S, 2])).reshape(B, C, S, S);
}

/**
 * Images [B, C, S, S] in each of `views` ways, [viewCount B, C, S, S]: all in the first way, then all in the second, …
 * `prepare` is done to what is turned, and must give the same in whatever way an image is turned.
 */
export function turnedViews(images: Tensor, views: Views, prepare = (images: Tensor) => images): Tensor {
  const turnings = (of: Tensor, count: number) => {
    const prepared = prepare(of);
    return Array.from({ length: count }, (_, view) => (view === 0 ? prepared : turned(prepared, view % 4, view >= 4)));
  };
  if (views === 1) return prepare(images);
  if (typeof views === "number") return cat(turnings(images, views), 0);
  const turns = views === "zoomed" ? 4 : 2;
  const closest = views === "zoomed-3" ? turnings(middle(images), 1) : [];
  return cat([...turnings(images, turns), ...turnings(innerSquare(images), turns), ...closest], 0);
}
