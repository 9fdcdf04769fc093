/** Questions about feature space: what is near an object, and which objects stand for the kinds there are. */
import type { Random } from "../base/random.ts";
import { noGrad, op, scope, type Tensor, tensor, where } from "../torch/index.ts";
import { type FeatureSpace, standardised } from "./learn.ts";

/** Cosine of two objects' standardised features. */
export function cosineOf({ matrix, dim, mean, sd }: FeatureSpace): (a: number, b: number) => number {
  return (a, b) => {
    let [ab, aa, bb] = [0, 0, 0];
    for (let d = 0; d < dim; d++) {
      const x = (matrix[a * dim + d] - mean[d]) / sd[d];
      const y = (matrix[b * dim + d] - mean[d]) / sd[d];
      ab += x * y;
      aa += x * x;
      bb += y * y;
    }
    return ab / (Math.sqrt(aa * bb) || 1);
  };
}

/** The k rows with the largest cosine of standardised features, the row itself left out. */
export function nearestRows(space: FeatureSpace, row: number, k: number): { row: number; similarity: number }[] {
  const { matrix, count, dim, mean, sd } = space;
  // dot(x, q) with q = standardised row / sd turns standardising every row into one constant.
  const query = new Float32Array(dim);
  for (let d = 0; d < dim; d++) query[d] = (matrix[row * dim + d] - mean[d]) / sd[d];
  const similarity = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    let [dot, norm] = [0, 0];
    for (let d = 0, at = i * dim; d < dim; d++, at++) {
      const x = (matrix[at] - mean[d]) / sd[d];
      dot += x * query[d];
      norm += x * x;
    }
    similarity[i] = dot / (Math.sqrt(norm) || 1);
  }
  const own = Math.sqrt(query.reduce((sum, value) => sum + value * value, 0)) || 1;
  const order = Uint32Array.from({ length: count }, (_, i) => i).filter((i) => i !== row);
  order.sort((a, b) => similarity[b] - similarity[a] || a - b);
  return Array.from(order.subarray(0, k), (i) => ({ row: i, similarity: similarity[i] / own }));
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

/** Standardised features of some rows, each of length 1. */
function directions(space: FeatureSpace, rows: ArrayLike<number>): Tensor {
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
