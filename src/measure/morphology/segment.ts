/** Which pixels of a stamp belong to which source. */
import { descendingBy } from "./radix.ts";
import { reused } from "./scratch.ts";

/** Sources of a plane: `labels` [H, W] is 0 for sky, else the source's number, from 1. */
export interface Segments {
  labels: Int32Array;
  /** How many there are. */
  count: number;
  /** For each source, from 1, the number of the connected region that it was split from. */
  regionOf: Int32Array;
  /** How many pixels each source has, from 1. */
  areaPx: Int32Array;
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

/** Things with a number, from 1, that are joined again and again: each points towards the first one of its set. */
class Sets {
  parent = new Int32Array(0);
  flux = new Float64Array(0);
  area = new Int32Array(0);
  count = 0;

  /** Forgets all, and has room for so many. */
  clear(most: number): this {
    this.count = 0;
    if (this.parent.length > most) return this;
    this.parent = new Int32Array(most + 1);
    this.flux = new Float64Array(most + 1);
    this.area = new Int32Array(most + 1);
    return this;
  }

  /** The number of a new one. */
  begin(): number {
    const number = ++this.count;
    this.parent[number] = number;
    this.flux[number] = 0;
    this.area[number] = 0;
    return number;
  }

  root(number: number): number {
    const { parent } = this;
    let at = number;
    while (parent[at] !== at) {
      parent[at] = parent[parent[at]];
      at = parent[at];
    }
    return at;
  }

  /** Whether the set of a root has so many pixels, and more than `least` of light above a level. */
  isOwn(root: number, level: number, minAreaPx: number, least: number): boolean {
    return this.area[root] >= minAreaPx && this.flux[root] - level * this.area[root] > least;
  }

  /** Puts the set of one root into that of another. */
  join(into: number, root: number): void {
    this.parent[root] = into;
    this.flux[into] += this.flux[root];
    this.area[into] += this.area[root];
  }
}

const [valuesMemory, aboveMemory] = [1, 2].map(() => reused((n) => new Float32Array(n)));
const [runMemory, placesMemory, basinMemory, groupRegionMemory, labelMemory] = [1, 2, 3, 4, 5].map(() =>
  reused((n) => new Int32Array(n)),
);
const [regionSets, groupSets] = [new Sets(), new Sets()];

/**
 * The pixels above the threshold, on a plane with a border of one pixel, where each pixel has eight neighbours. Pixels
 * of a row without a gap are a run, and runs that touch are a region.
 */
interface Above {
  /** Width with the border. */
  wide: number;
  /** Places on the wide plane, brightest first; equal ones in the order of the plane. */
  order: Int32Array;
  /** Values on the wide plane; 0 where a pixel is not above the threshold. */
  values: Float32Array;
  /** The run of each pixel of the wide plane; 0 for none. */
  runOf: Int32Array;
  /** Runs with their light, joined into regions. */
  regions: Sets;
}

function pixelsAbove(plane: Float32Array, W: number, H: number, threshold: number): Above {
  const wide = W + 2;
  const values = valuesMemory(wide * (H + 2)).fill(0);
  const runOf = runMemory(wide * (H + 2)).fill(0);
  const above = aboveMemory(W * H);
  const places = placesMemory(W * H);
  const regions = regionSets.clear((H * (W + 1)) >> 1);
  let n = 0;
  for (let y = 0, p = 0; y < H; y++) {
    let run = 0;
    let light = 0;
    let touched = 0;
    // The border after the row ends its last run.
    for (let x = 0, q = (y + 1) * wide + 1; x <= W; x++, q++) {
      const value = x < W ? plane[p++] : Number.NEGATIVE_INFINITY;
      if (!(value > threshold)) {
        if (run !== 0) regions.flux[regions.root(run)] += light;
        run = 0;
        continue;
      }
      if (run === 0) {
        run = regions.begin();
        light = 0;
        touched = 0;
        touch(regions, run, runOf[q - wide - 1]);
        touch(regions, run, runOf[q - wide]);
      }
      const below = runOf[q - wide + 1];
      if (below !== 0 && below !== touched) touch(regions, run, below);
      touched = below;
      light += value;
      values[q] = value;
      runOf[q] = run;
      above[n] = value - threshold;
      places[n++] = q;
    }
  }
  return { wide, order: descendingBy(above, places.subarray(0, n)), values, runOf, regions };
}

/** Joins a run with one that it touches; 0 is none. */
function touch(regions: Sets, run: number, other: number): void {
  if (other === 0) return;
  const [here, there] = [regions.root(run), regions.root(other)];
  if (here !== there) regions.join(there, here);
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
  const above = pixelsAbove(plane, W, H, threshold);
  const { groups, groupOf, regionOf } = flood(above, minAreaPx, contrast);
  const numbers = new Int32Array(groups.count + 1);
  const [regions, areas] = [[0], [0]];
  // A group began at its brightest pixel, so that the first one of a set has the brightest of all.
  for (let group = 1; group <= groups.count; group++) {
    const root = groups.root(group);
    if (groups.area[root] < minAreaPx) continue;
    if (numbers[root] === 0) {
      numbers[root] = regions.length;
      regions.push(regionOf[group]);
      areas.push(groups.area[root]);
    }
    numbers[group] = numbers[root];
  }
  // Group 0, of pixels that are not above the threshold, has number 0.
  const labels = labelMemory(W * H);
  for (let y = 0, p = 0; y < H; y++)
    for (let x = 0, q = (y + 1) * above.wide + 1; x < W; x++, p++, q++) labels[p] = numbers[groupOf[q]];
  return {
    labels,
    count: regions.length - 1,
    regionOf: Int32Array.from(regions),
    areaPx: Int32Array.from(areas),
  };
}

/**
 * Groups of pixels, flooded from the brightest down, with the group of each pixel of the wide plane and the region of
 * each group. Groups that meet are joined unless both hold enough light of their own above the level they meet at.
 */
function flood(
  above: Above,
  minAreaPx: number,
  contrast: number,
): { groups: Sets; groupOf: Int32Array; regionOf: Int32Array } {
  const { wide, order, values, runOf, regions } = above;
  const groups = groupSets.clear(order.length);
  const regionOf = groupRegionMemory(order.length + 1).fill(0);
  const basinOf = basinsOf(above, groups);
  const near = neighbours(wide);
  const { flux, area } = groups;
  for (let i = 0; i < order.length; i++) {
    const p = order[i];
    const level = values[p];
    const basin = basinOf[p];
    if (regionOf[basin] === 0) regionOf[basin] = regions.root(runOf[p]);
    let home = groups.root(basin);
    flux[home] += level;
    area[home]++;
    if (!borders(basinOf, p, wide)) continue;
    const least = contrast * regions.flux[regionOf[basin]];
    for (let k = 0; k < 8; k++) {
      const q = p + near[k];
      // Not yet flooded: fainter, or as bright and later in the plane.
      if (basinOf[q] === 0 || values[q] < level || (values[q] === level && k > 3)) continue;
      const other = groups.root(basinOf[q]);
      if (other === home) continue;
      if (groups.isOwn(home, level, minAreaPx, least) && groups.isOwn(other, level, minAreaPx, least)) continue;
      if (flux[other] > flux[home]) {
        groups.join(other, home);
        home = other;
      } else groups.join(home, other);
    }
  }
  return { groups, groupOf: basinOf, regionOf };
}

/** Steps to the eight neighbours of a pixel of a wide plane, in the order of the plane. */
const neighbours = (wide: number) => Int32Array.of(-wide - 1, -wide, -wide + 1, -1, 1, wide - 1, wide, wide + 1);

/** Whether a neighbour of a pixel belongs to another basin. Written out: a loop takes twice as long. */
function borders(basinOf: Int32Array, p: number, wide: number): boolean {
  const basin = basinOf[p];
  return (
    isOther(basinOf[p - wide - 1], basin) ||
    isOther(basinOf[p - wide], basin) ||
    isOther(basinOf[p - wide + 1], basin) ||
    isOther(basinOf[p - 1], basin) ||
    isOther(basinOf[p + 1], basin) ||
    isOther(basinOf[p + wide - 1], basin) ||
    isOther(basinOf[p + wide], basin) ||
    isOther(basinOf[p + wide + 1], basin)
  );
}

const isOther = (found: number, basin: number): boolean => found !== basin && found !== 0;

/** The basin of each pixel of the wide plane, from 1 in the order of their peaks: that of its brightest neighbour. */
function basinsOf({ wide, order, values }: Above, groups: Sets): Int32Array {
  const basinOf = basinMemory(values.length).fill(0);
  for (let i = 0; i < order.length; i++) {
    const p = order[i];
    const above = upwards(values, p, wide);
    basinOf[p] = above === p ? groups.begin() : basinOf[above];
  }
  return basinOf;
}

/** The brightest neighbour of a pixel that is flooded before it; the pixel itself where there is none. */
function upwards(values: Float32Array, p: number, wide: number): number {
  const below = p - wide;
  const above = p + wide;
  let at = p;
  if (values[below - 1] > values[at]) at = below - 1;
  if (values[below] > values[at]) at = below;
  if (values[below + 1] > values[at]) at = below + 1;
  if (values[p - 1] > values[at]) at = p - 1;
  if (values[p + 1] > values[at]) at = p + 1;
  if (values[above - 1] > values[at]) at = above - 1;
  if (values[above] > values[at]) at = above;
  if (values[above + 1] > values[at]) at = above + 1;
  if (at !== p) return at;
  // One that is as bright and comes earlier in the plane is flooded before.
  for (const q of [below - 1, below, below + 1, p - 1]) if (values[q] === values[p]) return q;
  return p;
}
