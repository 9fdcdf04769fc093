/**
 * The unusual first: objects by how alone they are in feature space, as a place to begin a search. Two ways that fail on
 * different objects, joined by their mean rank: how soon random cuts isolate an object (isolation forest, Liu, Ting &
 * Zhou 2008), and how far its neighbours are.
 */
import { Random } from "../base/random.ts";
import { passOver } from "../base/row-matrix.ts";
import { ranksOfValues } from "../measure/ranks.ts";
import { noGrad, ops, scope } from "../torch/index.ts";
import { type FeatureSpace, type Learner, standardised } from "./learn.ts";

/** How the unusual is searched for. */
export interface OutlierOptions {
  seed: number;
  trees?: number;
  /** Objects that a tree is grown on. */
  sample?: number;
  /** Which neighbour's distance counts. */
  neighbour?: number;
  /** Of a larger survey so many objects, drawn at random, stand for all as neighbours. */
  most?: number;
}

/** Defaults of the search: the forest's are its authors'. */
const OUTLIERS = { trees: 200, sample: 256, neighbour: 10, most: 20_000 } as const;

/** Mean depth at which a random search in a binary tree of n ends: what a leaf of n objects would have added. */
function meanDepth(n: number): number {
  return n <= 1 ? 0 : n === 2 ? 1 : 2 * (Math.log(n - 1) + 0.5772156649) - (2 * (n - 1)) / n;
}

/** A tree in flat arrays: at an inner node the feature, the cut and the left child (right: + 1); at a leaf depth. */
interface Tree {
  feature: Int32Array;
  cut: Float32Array;
  left: Int32Array;
  depth: Float32Array;
}

function growTree({ matrix, dim }: FeatureSpace, rows: readonly number[], random: Random): Tree {
  const values = matrix.gather(rows);
  const most = 2 * rows.length;
  const tree = {
    feature: new Int32Array(most).fill(-1),
    cut: new Float32Array(most),
    left: new Int32Array(most),
    depth: new Float32Array(most),
  };
  const deepest = Math.ceil(Math.log2(rows.length));
  let next = 1;
  const split = (node: number, part: Int32Array, depth: number): void => {
    // A feature that is the same for all cuts nothing; a few draws find one that is not, if there is any.
    for (let draw = 0; draw < 8 && part.length > 1 && depth < deepest; draw++) {
      const feature = random.int(dim);
      let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
      for (const row of part) {
        const value = values[row * dim + feature];
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
      if (!(high > low)) continue;
      const cut = random.uniform(low, high);
      const left = next;
      next += 2;
      tree.feature[node] = feature;
      tree.cut[node] = cut;
      tree.left[node] = left;
      split(
        left,
        part.filter((row) => values[row * dim + feature] < tree.cut[node]),
        depth + 1,
      );
      split(
        left + 1,
        part.filter((row) => !(values[row * dim + feature] < tree.cut[node])),
        depth + 1,
      );
      return;
    }
    tree.depth[node] = depth + meanDepth(part.length);
  };
  split(0, Int32Array.from(rows.keys()), 0);
  return tree;
}

/** Isolation score of each object, from about 0.4 (ordinary) to 1 (alone), [count]. */
function isolation(space: FeatureSpace, options: OutlierOptions): Float32Array {
  const { trees = OUTLIERS.trees, sample = OUTLIERS.sample, seed } = options;
  const { matrix, count, dim } = space;
  const random = new Random(seed).fork("isolation");
  const size = Math.min(sample, count);
  const depths = new Float64Array(count);
  const grown = Array.from({ length: trees }, () => growTree(space, random.sample(count, size), random));
  passOver(matrix, (block, from, to) => {
    for (const { feature, cut, left, depth } of grown)
      for (let row = from; row < to; row++) {
        let node = 0;
        while (feature[node] >= 0) node = left[node] + (block[(row - from) * dim + feature[node]] < cut[node] ? 0 : 1);
        depths[row] += depth[node];
      }
  });
  return Float32Array.from(depths, (sum) => 2 ** -(sum / trees / (meanDepth(size) || 1)));
}

const BLOCK_ROWS = 1024;

/** Distance of each object to its k-th nearest neighbour in standardised features, [count]. */
function neighbourDistance(space: FeatureSpace, options: OutlierOptions): Float32Array {
  const { neighbour = OUTLIERS.neighbour, most = OUTLIERS.most, seed } = options;
  const { count } = space;
  const all = Int32Array.from({ length: count }, (_, row) => row);
  const drawn = count <= most ? all : Int32Array.from(new Random(seed).fork("neighbours").sample(count, most)).sort();
  const among = new Uint8Array(count);
  for (const row of drawn) among[row] = 1;
  const k = Math.min(neighbour, drawn.length - 1);
  const out = new Float32Array(count);
  if (k < 1) return out;
  noGrad(() =>
    scope(() => {
      const others = standardised(space, drawn);
      const square = others.mul(others).sum([1], false);
      for (let from = 0; from < count; from += BLOCK_ROWS) {
        const rows = all.subarray(from, Math.min(count, from + BLOCK_ROWS));
        const nearest = scope(() => {
          const x = standardised(space, rows);
          const distance = square.sub(x.matmul(others.t()).mul(2)).add(x.mul(x).sum([1], true));
          const [values] = ops("topk", distance, k + 1, 1, false, true);
          return values.toFloat32Array();
        });
        // An object among those drawn is its own nearest neighbour.
        for (const [i, row] of rows.entries())
          out[row] = Math.sqrt(Math.max(0, nearest[i * (k + 1) + k - 1 + among[row]]));
      }
    }),
  );
  return out;
}

/** How unusual each object is: columns of a table, and its numbers [count, columns]. */
export interface UnusualTable {
  columns: string[];
  values: Float32Array;
}

/** How unusual each object is, from 0 to 1: the mean rank of isolation and of the distance to neighbours, and both. */
function unusualness(space: FeatureSpace, options: OutlierOptions): UnusualTable {
  const parts = [isolation(space, options), neighbourDistance(space, options)];
  const most = Math.max(1, space.count - 1);
  const ranks = parts.map((part) => ranksOfValues(part).map((rank) => rank / most));
  const columns = ["score", "isolation", "distance"];
  const values = new Float32Array(space.count * columns.length);
  for (let row = 0; row < space.count; row++)
    values.set([(ranks[0][row] + ranks[1][row]) / 2, parts[0][row], parts[1][row]], row * columns.length);
  return { columns, values };
}

/** Of each space, so that pages of one session are not computed again and again. */
const known = new WeakMap<FeatureSpace, Map<number, UnusualTable>>();

/** How unusual each object is: score, isolation and distance; computed once for a space and a seed. */
export function unusualTable(space: FeatureSpace, seed: number): UnusualTable {
  const own = known.get(space) ?? new Map<number, UnusualTable>();
  known.set(space, own);
  const table = own.get(seed) ?? unusualness(space, { seed });
  own.set(seed, table);
  return table;
}

/** A scorer of how unusual objects are, for rounds that have nothing to learn from. */
export function unusualLearner(space: FeatureSpace, seed: number): Learner {
  const { columns, values } = unusualTable(space, seed);
  const of = (row: number) => values[row * columns.length];
  return {
    score: (from, to) => Float32Array.from({ length: to - from }, (_, i) => of(from + i)),
    scoreRows: (rows) => Float32Array.from(rows, of),
    // Of what is no row of the space nothing is known.
    scoreBlock: (block) => new Float32Array(block.length / space.dim).fill(0.5),
    kernel: (rows) => new Float64Array(rows.length ** 2),
    ridge: 1,
    dispose() {},
  };
}
