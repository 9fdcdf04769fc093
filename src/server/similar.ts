/** Questions about feature space: what is near an object, and which objects differ most from each other. */
import type { Random } from "../base/random.ts";
import type { FeatureSpace } from "../loop/learn.ts";
import { cosineOf } from "../loop/round.ts";

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

/** Objects far from each other: farthest-point sampling on the cosine, over a random part of a large survey. */
export function diverseRows(space: FeatureSpace, count: number, random: Random): { row: number; similarity: number }[] {
  const part = random.sample(space.count, Math.min(space.count, Math.max(2000, count * 4)));
  const cosine = cosineOf(space);
  const nearest = new Float32Array(part.length).fill(-1);
  const chosen: { row: number; similarity: number }[] = [];
  let next = random.int(part.length);
  while (chosen.length < Math.min(count, part.length)) {
    const row = part[next];
    chosen.push({ row, similarity: nearest[next] });
    nearest[next] = 2;
    for (let i = 0; i < part.length; i++) if (nearest[i] < 2) nearest[i] = Math.max(nearest[i], cosine(row, part[i]));
    next = nearest.indexOf(nearest.reduce((least, value) => Math.min(least, value), 3));
  }
  return chosen;
}
