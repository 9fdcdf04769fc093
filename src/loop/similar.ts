/** Questions about feature space: what is near an object, and which objects stand for the kinds there are. */
import type { Random } from "../base/random.ts";
import { noGrad, scope, tensor } from "../torch/index.ts";
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

/**
 * One object of each of `count` kinds among `rows` (default: all): features are clustered by their direction (spherical k-means, Dhillon & Modha 2001, started as k-means++ does)
 * and the object nearest each centre is taken, the largest cluster first. `similarity` is the cosine to the centre.
 */
export function diverseRows(
  space: FeatureSpace,
  count: number,
  random: Random,
  { rows, most = CLUSTERED_ROWS }: { rows?: ArrayLike<number>; most?: number } = {},
): { row: number; similarity: number }[] {
  const total = rows?.length ?? space.count;
  const drawn = random.sample(total, Math.min(total, Math.max(most, count * 4)));
  const part = rows === undefined ? drawn : drawn.map((i) => rows[i]);
  const [n, k, dim] = [part.length, Math.min(count, part.length), space.dim];
  const points = new Float32Array(n * dim);
  noGrad(() =>
    scope(() => {
      const x = standardised(space, part);
      x.div(x.mul(x).sum([1], true).sqrt().add(1e-12)).copyTo(points);
    }),
  );
  const centres = new Float32Array(k * dim);
  const distance = new Float64Array(n).fill(1);
  for (let c = 0; c < k; c++) {
    // Points far from every centre so far are likelier to become the next.
    let left = random.next() * distance.reduce((sum, value) => sum + value, 0);
    let next = 0;
    while (next < n - 1 && left >= distance[next]) left -= distance[next++];
    centres.set(points.subarray(next * dim, (next + 1) * dim), c * dim);
    for (let i = 0; i < n; i++) {
      let dot = 0;
      for (let d = 0; d < dim; d++) dot += points[i * dim + d] * centres[c * dim + d];
      distance[i] = Math.min(distance[i], Math.max(0, 1 - dot));
    }
  }
  const cosines = new Float32Array(n * k);
  const own = new Int32Array(n);
  const size = new Int32Array(k);
  for (let step = 0; step <= LLOYD_STEPS; step++) {
    noGrad(() =>
      scope(() =>
        tensor(points, [n, dim])
          .matmul(tensor(centres, [k, dim]).t())
          .copyTo(cosines),
      ),
    );
    size.fill(0);
    for (let i = 0; i < n; i++) {
      let best = 0;
      for (let c = 1; c < k; c++) if (cosines[i * k + c] > cosines[i * k + best]) best = c;
      own[i] = best;
      size[best]++;
    }
    if (step === LLOYD_STEPS) break;
    const sums = new Float64Array(k * dim);
    for (let i = 0; i < n; i++) for (let d = 0; d < dim; d++) sums[own[i] * dim + d] += points[i * dim + d];
    for (let c = 0; c < k; c++) {
      const norm = Math.sqrt(sums.subarray(c * dim, (c + 1) * dim).reduce((sum, value) => sum + value * value, 0));
      if (norm > 0) for (let d = 0; d < dim; d++) centres[c * dim + d] = sums[c * dim + d] / norm;
    }
  }
  const taken = new Set<number>();
  const chosen: { row: number; similarity: number }[] = [];
  for (const c of Array.from(size.keys()).sort((a, b) => size[b] - size[a] || a - b)) {
    let best = -1;
    for (let i = 0; i < n; i++) if (!taken.has(i) && (best < 0 || cosines[i * k + c] > cosines[best * k + c])) best = i;
    if (best < 0) break;
    taken.add(best);
    chosen.push({ row: part[best], similarity: cosines[best * k + c] });
  }
  return chosen;
}
