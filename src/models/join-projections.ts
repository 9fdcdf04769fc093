/**
 * Projections of features side by side: of images read in two ways, of patterns in rings, and of what is told of a
 * galaxy. All columns are turned together by a fixed random rotation, since learners standardise column by column.
 */
import {
  cat,
  eigh,
  keep,
  manualSeed,
  noGrad,
  op,
  qr,
  randn,
  scope,
  type Tensor,
  tensor,
  zeros,
} from "../torch/index.ts";
import { halfWhitened, type Projection, spreadOf } from "./feature-projection.ts";

/** Axes [D, k] of one part of the columns and [E, n] of the other as axes [D + E, k + n], turned at random. */
function sideBySide(left: Tensor, right: Tensor): Tensor {
  const [[D, k], [E, n]] = [left.shape, right.shape];
  return turnedTogether(cat([cat([left, zeros([D, n])], 1), cat([zeros([E, k]), right], 1)], 0));
}

/**
 * How far galaxies lie apart by images as they are, where 1 is how far they lie apart by those in a common range
 * (docs/decisions/feature-reading.md).
 */
const PLAIN_SHARE = 0.7;

/**
 * One projection of features that stand side by side, [N, 2 D]: `plain` of the first half, `inRange` of the second. The
 * columns of both are turned together, for the reason that `fitProjection` gives.
 */
export function joinProjections(plain: Projection, inRange: Projection): Projection {
  const [mean, axes] = noGrad(() =>
    scope(() => {
      return [cat([plain.mean, inRange.mean], 1), sideBySide(plain.axes.mul(PLAIN_SHARE), inRange.axes)];
    }),
  );
  return { mean: keep(mean), axes: keep(axes) };
}

/** Pooled features [N, D] to components [N, d]: the mean subtracted, then turned and weighted by the axes [D, d]. */
/**
 * How far galaxies lie apart by patterns in rings and by those of the light in ellipses, where 1 is how far they lie
 * apart by all that stands before (docs/decisions/feature-reading.md).
 */
export const PATTERN_SHARES = { rings: 0.8, ellipses: 0.5 } as const;

/**
 * `base`, a projection of the first columns of features [N, D], and beside it the first `dim` half-whitened components
 * of the other columns, at `share` of its length; turned together, for the reason that `fitProjection` gives.
 */
export function besideProjection(base: Projection, features: Tensor, dim: number, share: number): Projection {
  const [N, D] = features.shape;
  const first = base.axes.shape[0];
  const n = Math.min(dim, D - first, N - 1);
  const [mean, axes] = noGrad(() =>
    scope(() => {
      const others = features.slice(1, first, D);
      const mean = others.mean(0, true);
      const centred = others.sub(mean);
      const sd = spreadOf(centred);
      const beside = halfWhitened(centred.div(sd).to("float64"), n);
      const rows = features.slice(1, 0, first).matmul(base.axes);
      const length = rows.sub(rows.mean(0, true)).pow(2).sum([1]).mean().sqrt();
      const scale = length.to("float64").div(beside.length).mul(share);
      const axes = beside.axes
        .mul(scale)
        .to("float32")
        .div(sd.reshape(D - first, 1));
      return [cat([base.mean, mean], 1), sideBySide(base.axes, axes)];
    }),
  );
  return { mean: keep(mean), axes: keep(axes) };
}

/** How far galaxies lie apart by what catalogues tell of them, where 1 is how far they lie apart by all else. */
const CATALOGUE_SHARE = 0.8;

/** What is told is shrunk as if so many galaxies more had been seen of which nothing could be told. */
const SILENT_GALAXIES = 250;

/**
 * `base`, and beside it what linear maps of its columns tell of a galaxy: each of m statements, `share` [N, m] with
 * weights [N, m], is foretold from the projected features z [N, k] by ridge regression; the maps, half whitened, stand at
 * `CATALOGUE_SHARE` of the length of the others.
 */
export function tellingProjection(base: Projection, z: Tensor, share: Tensor, weight: Tensor): Projection {
  const k = z.shape[1];
  const m = share.shape[1];
  const axes = noGrad(() =>
    scope(() => {
      const rows = z.to("float64");
      const identity = tensor(
        Float64Array.from({ length: k * k }, (_, i) => (i % (k + 1) === 0 ? 1 : 0)),
        [k, k],
      );
      const maps = Array.from({ length: m }, (_, i) => {
        const counts = weight.slice(1, i, i + 1).to("float64");
        const total = counts.sum().clamp(1);
        const meanOf = (x: Tensor) => x.mul(counts).sum([0]).div(total);
        const x = rows.sub(meanOf(rows));
        const y = share.slice(1, i, i + 1).to("float64");
        const products = x.mul(counts).t();
        const ridge = identity.mul(
          x
            .pow(2)
            .mul(counts)
            .sum()
            .div(total)
            .mul(SILENT_GALAXIES / k),
        );
        return op("linalg_solve", products.matmul(x).add(ridge), products.matmul(y.sub(meanOf(y))), true) as Tensor;
      });
      return columnsBeside(base, rows, cat(maps, 1), CATALOGUE_SHARE);
    }),
  );
  return { mean: keep(base.mean.clone()), axes: keep(axes) };
}

/** How far galaxies lie apart by what painted structures tell of them, where 1 is how far they lie apart by all else. */
const STRUCTURES_SHARE = 0.4;

/**
 * `base`, and beside it one column for each of m structures that were painted into pictures: the direction in which that
 * moves the projected features most, of `changes`, m tensors [n, k] of features with the structure less those without;
 * half whitened over the projected features z [N, k] of galaxies as they are, at `STRUCTURES_SHARE` of the length of the
 * others.
 */
export function structuresProjection(base: Projection, z: Tensor, changes: Tensor[]): Projection {
  const axes = noGrad(() =>
    scope(() => {
      const directions = changes.map((change) => {
        const rows = change.to("float64");
        const [, vectors] = eigh(rows.t().matmul(rows));
        const [k] = vectors.shape;
        const strongest = vectors.slice(1, k - 1, k);
        return strongest.mul(op("sign", rows.mean(0, true).matmul(strongest)));
      });
      return columnsBeside(base, z.to("float64"), cat(directions, 1), STRUCTURES_SHARE);
    }),
  );
  return { mean: keep(base.mean.clone()), axes: keep(axes) };
}

/**
 * The axes of `base` and, at `share` of their length, linear maps [k, m] of its columns, half whitened over rows [N, k]
 * of them; all turned together.
 */
function columnsBeside(base: Projection, rows: Tensor, maps: Tensor, share: number): Tensor {
  const [N, k] = rows.shape;
  const centred = rows.sub(rows.mean(0, true));
  const parameters = maps.div(spreadOf(centred.matmul(maps)));
  const told = halfWhitened(centred.matmul(parameters), Math.min(maps.shape[1], N - 1, k));
  const length = centred.pow(2).sum([1]).mean().sqrt();
  const beside = parameters.matmul(told.axes).mul(length.div(told.length).mul(share));
  return turnedTogether(cat([base.axes, base.axes.to("float64").matmul(beside).to("float32")], 1));
}

/** Axes [D, k], turned at random among each other. */
function turnedTogether(axes: Tensor): Tensor {
  const k = axes.shape[1];
  manualSeed(1);
  const [rotation] = qr(randn([k, k]).to("float64"));
  return axes.to("float64").matmul(rotation).to("float32");
}
