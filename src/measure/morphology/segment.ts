/** Which pixels of a stamp belong to which source. */
import { descendingBy } from "./radix.ts";

/** Sources of a plane: `labels` [H, W] is 0 for sky, else the source's number, from 1. */
export interface Segments {
  labels: Int32Array;
  /** How many there are. */
  count: number;
  /** For each source, from 1, the number of the connected region that it was split from. */
  regionOf: Int32Array;
}

/** How sources are found and told apart. */
export interface SegmentOptions {
  /** A pixel of the smoothed plane is of a source above this. */
  threshold: number;
  /** Sources of fewer pixels are none. */
  minAreaPx: number;
  /** A peak is a source of its own where it holds more than this share of its region's light above the saddle. */
  contrast: number;
}

/** Groups of pixels that are joined again and again: each pixel points towards its group's first one. */
class Groups {
  readonly parent: Int32Array;
  readonly flux: Float64Array;
  readonly area: Int32Array;

  constructor(N: number) {
    this.parent = new Int32Array(N).fill(-1);
    this.flux = new Float64Array(N);
    this.area = new Int32Array(N);
  }

  root(p: number): number {
    const { parent } = this;
    let at = p;
    while (parent[at] !== at) {
      parent[at] = parent[parent[at]];
      at = parent[at];
    }
    return at;
  }

  /** Gives pixel p with its value to a group. */
  add(root: number, p: number, value: number): void {
    this.parent[p] = root;
    this.flux[root] += value;
    this.area[root]++;
  }

  join(into: number, root: number): void {
    this.parent[root] = into;
    this.flux[into] += this.flux[root];
    this.area[into] += this.area[root];
  }
}

/** Pixels above the threshold, brightest first; equal ones in the order of the plane. */
function descending(plane: Float32Array, threshold: number): Int32Array {
  let n = 0;
  for (let p = 0; p < plane.length; p++) if (plane[p] > threshold) n++;
  const [above, places] = [new Float32Array(n), new Int32Array(n)];
  for (let p = 0, i = 0; p < plane.length; p++)
    if (plane[p] > threshold) {
      above[i] = plane[p] - threshold;
      places[i++] = p;
    }
  return descendingBy(above, places);
}

/** Offsets of the eight neighbours of (x, y), within the plane. */
function neighbours(p: number, W: number, H: number, into: Int32Array): number {
  const x = p % W;
  const y = (p - x) / W;
  if (x > 0 && y > 0 && x < W - 1 && y < H - 1) {
    into[0] = p - W - 1;
    into[1] = p - W;
    into[2] = p - W + 1;
    into[3] = p - 1;
    into[4] = p + 1;
    into[5] = p + W - 1;
    into[6] = p + W;
    into[7] = p + W + 1;
    return 8;
  }
  let n = 0;
  for (let dy = y > 0 ? -1 : 0; dy <= (y < H - 1 ? 1 : 0); dy++)
    for (let dx = x > 0 ? -1 : 0; dx <= (x < W - 1 ? 1 : 0); dx++)
      if (dx !== 0 || dy !== 0) into[n++] = p + dy * W + dx;
  return n;
}

/**
 * Sources of a plane [H, W] that is smoothed and free of sky. Regions above the threshold are flooded from their
 * brightest pixel down; where two floods meet and each holds more than `contrast` of the region's light above the
 * meeting level, they stay two sources: SExtractor's rule (Bertin & Arnouts 1996) with a threshold at every level
 * instead of 32. What lies between goes to the side of its brightest neighbour.
 */
export function segmentSources(
  plane: Float32Array,
  W: number,
  H: number,
  { threshold, minAreaPx, contrast }: SegmentOptions,
): Segments {
  const order = descending(plane, threshold);
  const near = new Int32Array(8);
  const regions = regionsOf(order, plane, W, H, near);
  const sources = flood(order, plane, W, H, near, (groups, a, b, level) => {
    const least = contrast * regions.flux[regions.of[a]];
    const holds = (root: number) =>
      groups.area[root] >= minAreaPx && groups.flux[root] - level * groups.area[root] > least;
    return holds(a) && holds(b);
  });
  const labels = new Int32Array(W * H);
  const numbers = new Int32Array(W * H);
  const regionOf = [0];
  for (const p of order) {
    const root = sources.root(p);
    if (sources.area[root] < minAreaPx) continue;
    if (numbers[root] === 0) {
      numbers[root] = regionOf.length;
      regionOf.push(regions.of[p]);
    }
    labels[p] = numbers[root];
  }
  return { labels, count: regionOf.length - 1, regionOf: Int32Array.from(regionOf) };
}

/** Connected regions of the pixels in `order`: the number of each pixel's, from 1, and the light of each. */
function regionsOf(
  order: Int32Array,
  plane: Float32Array,
  W: number,
  H: number,
  near: Int32Array,
): { of: Int32Array; flux: number[] } {
  const of = new Int32Array(W * H);
  for (const p of order) of[p] = -1;
  const stack = new Int32Array(order.length);
  const flux = [0];
  for (const first of order) {
    if (of[first] !== -1) continue;
    const number = flux.length;
    let [top, light] = [1, 0];
    stack[0] = first;
    of[first] = number;
    while (top > 0) {
      const p = stack[--top];
      light += plane[p];
      const n = neighbours(p, W, H, near);
      for (let i = 0; i < n; i++)
        if (of[near[i]] === -1) {
          of[near[i]] = number;
          stack[top++] = near[i];
        }
    }
    flux.push(light);
  }
  return { of, flux };
}

/** Groups pixels from the brightest down; `apart` says of two groups that meet at a level whether they stay two. */
function flood(
  order: Int32Array,
  plane: Float32Array,
  W: number,
  H: number,
  near: Int32Array,
  apart: (groups: Groups, a: number, b: number, level: number) => boolean,
): Groups {
  const groups = new Groups(W * H);
  for (const p of order) {
    const n = neighbours(p, W, H, near);
    let [best, brightest] = [-1, Number.NEGATIVE_INFINITY];
    for (let i = 0; i < n; i++)
      if (groups.parent[near[i]] >= 0 && plane[near[i]] > brightest) [best, brightest] = [near[i], plane[near[i]]];
    if (best < 0) {
      groups.add(p, p, plane[p]);
      continue;
    }
    let home = groups.root(best);
    groups.add(home, p, plane[p]);
    for (let i = 0; i < n; i++) {
      if (groups.parent[near[i]] < 0 || groups.parent[near[i]] === home) continue;
      const other = groups.root(near[i]);
      if (other === home || apart(groups, home, other, plane[p])) continue;
      if (groups.flux[other] > groups.flux[home]) {
        groups.join(other, home);
        home = other;
      } else groups.join(home, other);
    }
  }
  return groups;
}
