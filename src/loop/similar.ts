/** Questions about feature space: what is near an object, and which objects stand for the kinds there are. */
import type { Random } from "../base/random.ts";
import { passOver } from "../base/row-matrix.ts";
import { noGrad, op, scope, type Tensor, tensor, where } from "../torch/index.ts";
import { type FeatureSpace, standardised } from "./learn.ts";

/** So many objects are kept at hand by `cosineOf`. */
const KEPT_ROWS = 4096;

/** Cosine of two objects' standardised features; made for one question, in which the same objects come again. */
export function cosineOf({ matrix, dim, mean, sd }: FeatureSpace): (a: number, b: number) => number {
  const kept = new Map<number, Float64Array>();
  const standardisedRow = (row: number) => {
    const known = kept.get(row);
    if (known !== undefined) return known;
    if (kept.size === KEPT_ROWS) kept.clear();
    const made = Float64Array.from(matrix.gather([row]), (value, d) => (value - mean[d]) / sd[d]);
    kept.set(row, made);
    return made;
  };
  return (a, b) => {
    const [one, other] = [standardisedRow(a), standardisedRow(b)];
    let [ab, aa, bb] = [0, 0, 0];
    for (let d = 0; d < dim; d++) {
      const [x, y] = [one[d], other[d]];
      ab += x * y;
      aa += x * x;
      bb += y * y;
    }
    return ab / (Math.sqrt(aa * bb) || 1);
  };
}

/** A place in feature space that others are compared with: a row of the survey, or features from elsewhere, [dim]. */
export type Place = number | Float32Array;

/** What is looked for: places that it is like, and places that it is not like. */
export interface SimilarQuery {
  like: readonly Place[];
  unlike?: readonly Place[];
  k: number;
  /** Near-duplicates of what is listed already are listed with it. Default: each for itself. */
  grouped?: boolean;
}

/** A row that is found: its mean cosine to the examples less that to the counterexamples, and its near-duplicates. */
export interface SimilarRow {
  row: number;
  similarity: number;
  duplicates: number[];
}

/** Two objects are near-duplicates when their standardised features have at least this cosine. */
export const DUPLICATE_COSINE = 0.995;
/** How much of the mean cosine to counterexamples is taken off. */
const UNLIKE_WEIGHT = 0.5;

/** Length of each row's standardised features; of a space once. */
const norms = new WeakMap<FeatureSpace, Float32Array>();

function normsOf(space: FeatureSpace): Float32Array {
  const known = norms.get(space);
  if (known !== undefined) return known;
  const { matrix, count, dim, mean, sd } = space;
  const lengths = new Float32Array(count);
  passOver(matrix, (block, from, to) => {
    for (let i = from, at = 0; i < to; i++) {
      let square = 0;
      for (let d = 0; d < dim; d++, at++) square += ((block[at] - mean[d]) / sd[d]) ** 2;
      lengths[i] = Math.sqrt(square) || 1;
    }
  });
  norms.set(space, lengths);
  return lengths;
}

/** Standardised features of a place, of length 1. */
function directionOf({ matrix, mean, sd }: FeatureSpace, place: Place): Float64Array {
  const from = typeof place === "number" ? matrix.gather([place]) : place;
  const x = Float64Array.from(from, (value, d) => (value - mean[d]) / sd[d]);
  const norm = Math.sqrt(x.reduce((sum, value) => sum + value * value, 0)) || 1;
  return x.map((value) => value / norm);
}

/**
 * The rows that are most like the places of a query, exactly: every row is compared. Rows that are places of the query
 * are left out. Ties go by row.
 */
export function similarRows(
  space: FeatureSpace,
  { like, unlike = [], k, grouped = false }: SimilarQuery,
): SimilarRow[] {
  const { matrix, count, dim, mean, sd } = space;
  const wanted = new Float64Array(dim);
  const add = (places: readonly Place[], weight: number) => {
    for (const place of places)
      for (const [d, value] of directionOf(space, place).entries()) wanted[d] += (weight * value) / places.length;
  };
  add(like, 1);
  add(unlike, -UNLIKE_WEIGHT);
  // dot(standardised x, q) = dot(x, q / sd) - dot(mean / sd, q): one product a row and feature, and no division.
  const query = Float32Array.from(wanted, (value, d) => value / sd[d]);
  const offset = wanted.reduce((sum, value, d) => sum + (value * mean[d]) / sd[d], 0);
  const lengths = normsOf(space);
  const similarity = new Float32Array(count);
  noGrad(() =>
    scope(() => {
      const direction = tensor(query, [dim]);
      passOver(matrix, (block, from, to) => {
        scope(() =>
          tensor(block, [to - from, dim])
            .matmul(direction)
            .copyTo(similarity.subarray(from, to)),
        );
        for (let i = from; i < to; i++) similarity[i] = (similarity[i] - offset) / lengths[i];
      });
    }),
  );
  const given = new Set([...like, ...unlike].filter((place) => typeof place === "number"));
  const cosine = cosineOf(space);
  const found: SimilarRow[] = [];
  const rows = bestRows(similarity, Math.min(count, grouped ? 4 * k + 64 : k) + given.size);
  for (const row of rows) {
    if (given.has(row)) continue;
    const twin = grouped ? found.find((one) => cosine(one.row, row) >= DUPLICATE_COSINE) : undefined;
    if (twin !== undefined) twin.duplicates.push(row);
    else if (found.length < k) found.push({ row, similarity: similarity[row], duplicates: [] });
  }
  return found;
}

/** The `limit` rows of the largest values, largest first, ties by row; without sorting all of millions. */
function bestRows(values: Float32Array, limit: number): Uint32Array {
  const n = values.length;
  const least = n > 8 * limit ? floorOf(values, limit) : Number.NEGATIVE_INFINITY;
  let count = 0;
  for (let row = 0; row < n; row++) if (values[row] >= least) count++;
  const all = count < limit;
  const rows = new Uint32Array(all ? n : count);
  for (let row = 0, at = 0; row < n; row++) if (all || values[row] >= least) rows[at++] = row;
  rows.sort((a, b) => values[b] - values[a] || a - b);
  return rows.subarray(0, limit);
}

/** A value that by a sample some more than `limit` values reach. */
function floorOf(values: Float32Array, limit: number): number {
  const n = values.length;
  const step = Math.max(1, Math.floor(n / 20_000));
  const sample = Float32Array.from({ length: Math.floor(n / step) }, (_, i) => values[i * step]).sort();
  return sample[Math.max(0, sample.length - 1 - Math.ceil((4 * limit) / step) - 8)];
}

/** The k rows with the largest cosine of standardised features, the row itself left out. */
export function nearestRows(space: FeatureSpace, row: number, k: number): { row: number; similarity: number }[] {
  return similarRows(space, { like: [row], k }).map(({ row: near, similarity }) => ({ row: near, similarity }));
}

/** Of more rows so many, drawn at random, are clustered. */
const CLUSTERED_ROWS = 6000;
const LLOYD_STEPS = 8;

/** Which objects are looked at, and which kinds are known already. */
export interface Among {
  /** Default: all. */
  rows?: ArrayLike<number>;
  /** Of more rows so many, drawn at random, are looked at. */
  most?: number;
  /** Objects that stand for their kinds already: each is a centre that does not move, and none of the answer. */
  known?: ArrayLike<number>;
  /** Clusterings from different starts, of which the closest is taken. */
  starts?: number;
}

/** Standardised features of some rows, each of length 1, [n, dim]. */
export function directions(space: FeatureSpace, rows: ArrayLike<number>): Tensor {
  const x = standardised(space, rows);
  return x.div(x.mul(x).sum([1], true).sqrt().add(1e-12));
}

/**
 * One object of each of `count` kinds among `rows`: features are clustered by their direction (spherical k-means,
 * Dhillon & Modha 2001, started as k-means++ does) and the object nearest each centre is taken, the largest cluster
 * first. `similarity` is the cosine to the centre.
 */
export function diverseRows(
  space: FeatureSpace,
  count: number,
  random: Random,
  { rows, most = CLUSTERED_ROWS, known = [], starts = 1 }: Among = {},
): { row: number; similarity: number }[] {
  const total = rows?.length ?? space.count;
  const drawn = random.sample(total, Math.min(total, Math.max(most, count * 4)));
  const part = rows === undefined ? drawn : drawn.map((i) => rows[i]);
  return noGrad(() =>
    scope(() => {
      const points = directions(space, part);
      const nearestKnown = new Float32Array(part.length).fill(-1);
      if (known.length > 0) op("amax", points.matmul(directions(space, known).t()), [1], false).copyTo(nearestKnown);
      let best: Clusters | null = null;
      for (let start = 0; start < starts; start++) {
        const next = cluster(points, nearestKnown, Math.min(count, part.length), random);
        if (best === null || next.cost < best.cost) best = next;
      }
      return best === null ? [] : middles(best, part);
    }),
  );
}

interface Clusters {
  /** Of each point to each centre, [n, k]. */
  cosines: Float32Array;
  /** Points of each cluster. */
  sizes: Int32Array;
  /** Sum over points of 1 - cosine to the nearest centre, known ones included. */
  cost: number;
}

/**
 * Points [n, dim] of length 1 in k clusters, beside those around known centres, to the nearest of which the points have
 * the given cosines.
 */
function cluster(points: Tensor, nearestKnown: Float32Array, k: number, random: Random): Clusters {
  const [n] = points.shape;
  const cosines = new Float32Array(n * k);
  const column = new Float32Array(n);
  const distance = Float64Array.from(nearestKnown, (cosine) => Math.min(1, Math.max(0, 1 - cosine)));
  const first: number[] = [];
  while (first.length < k) {
    // Points far from every centre so far are likelier to become the next.
    let left = random.next() * distance.reduce((sum, value) => sum + value, 0);
    let next = 0;
    while (next < n - 1 && left >= distance[next]) left -= distance[next++];
    first.push(next);
    scope(() => points.matmul(points.slice(0, next, next + 1).t()).copyTo(column));
    for (let i = 0; i < n; i++) distance[i] = Math.min(distance[i], Math.max(0, 1 - column[i]));
  }
  let centres = points.indexSelect(0, tensor(first, [k], "int64"));
  const sizes = new Int32Array(k);
  for (let step = 0; ; step++) {
    scope(() => points.matmul(centres.t()).copyTo(cosines));
    sizes.fill(0);
    let cost = 0;
    const belongs = new Float32Array(k * n);
    for (let i = 0; i < n; i++) {
      let best = 0;
      for (let c = 1; c < k; c++) if (cosines[i * k + c] > cosines[i * k + best]) best = c;
      const cosine = cosines[i * k + best];
      cost += 1 - Math.max(cosine, nearestKnown[i]);
      if (cosine < nearestKnown[i]) continue;
      belongs[best * n + i] = 1;
      sizes[best]++;
    }
    if (step === LLOYD_STEPS) return { cosines, sizes, cost };
    const sums = tensor(belongs, [k, n]).matmul(points);
    const norms = sums.mul(sums).sum([1], true).sqrt();
    // A cluster that has lost all its points stays where it was.
    centres = where(norms.gt(0), sums.div(norms.clamp(1e-12)), centres);
  }
}

/** The point nearest each centre, no point twice, the largest cluster first. */
function middles({ cosines, sizes }: Clusters, rows: number[]): { row: number; similarity: number }[] {
  const k = sizes.length;
  const taken = new Set<number>();
  const chosen: { row: number; similarity: number }[] = [];
  for (const c of Array.from(sizes.keys()).sort((a, b) => sizes[b] - sizes[a] || a - b)) {
    let best = -1;
    for (let i = 0; i < rows.length; i++)
      if (!taken.has(i) && (best < 0 || cosines[i * k + c] > cosines[best * k + c])) best = i;
    if (best < 0) break;
    taken.add(best);
    chosen.push({ row: rows[best], similarity: cosines[best * k + c] });
  }
  return chosen;
}
