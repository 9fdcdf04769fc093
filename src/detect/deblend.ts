/** Parting what is brighter than a threshold into objects. */

/** How light is parted. */
export interface DeblendOptions {
  /** Pixels above this belong to something. */
  threshold: number;
  /** A branch is an object of its own where it holds at least this share of the light of all that is connected. */
  contrast: number;
  /** … and its peak stands at least this high above the saddle, … */
  leastRise: number;
  /** … and this share of its own height. */
  leastDip: number;
  /** Smaller regions are noise. */
  leastPx: number;
}

/**
 * Regions of a smoothed image [H, W] in units of its noise: 0 for sky, 1, 2, … for objects, brightest peak first. The tree of
 * all levels that SExtractor samples at 32 (Bertin & Arnouts 1996, section 5), built from the brightest pixel down: where two branches
 * meet, both stay objects if the fainter one holds `contrast` of the light of the whole, else it joins the brighter one.
 */
export function deblend(
  light: Float32Array,
  H: number,
  W: number,
  options: DeblendOptions,
): { labels: Int32Array; count: number } {
  const { threshold, contrast, leastRise, leastDip, leastPx } = options;
  const order = brightestFirst(light, threshold);
  const totals = connected(light, H, W, order);
  const regionOf = new Int32Array(H * W).fill(-1);
  const parent: number[] = [];
  const peaks: number[] = [];
  const sums: number[] = [];
  const sizes: number[] = [];
  const root = (region: number): number => {
    let found = region;
    while (parent[found] !== found) {
      parent[found] = parent[parent[found]];
      found = parent[found];
    }
    return found;
  };
  const around = new Int32Array(8);
  for (const p of order) {
    const level = light[p];
    const [x, y] = [p % W, (p / W) | 0];
    let [met, nearest, brightest] = [0, -1, Number.NEGATIVE_INFINITY];
    for (let dy = y > 0 ? -1 : 0; dy <= (y < H - 1 ? 1 : 0); dy++)
      for (let dx = x > 0 ? -1 : 0; dx <= (x < W - 1 ? 1 : 0); dx++) {
        const q = p + dy * W + dx;
        if (regionOf[q] < 0) continue;
        const region = root(regionOf[q]);
        if (light[q] > brightest) [nearest, brightest] = [region, light[q]];
        let known = false;
        for (let i = 0; i < met; i++) known ||= around[i] === region;
        if (!known) around[met++] = region;
      }
    if (met === 0) {
      regionOf[p] = parent.length;
      parent.push(parent.length);
      peaks.push(level);
      sums.push(level);
      sizes.push(1);
      continue;
    }
    // Lower numbers have brighter peaks, since peaks come from the brightest down.
    let first = around[0];
    for (let i = 1; i < met; i++) first = Math.min(first, around[i]);
    for (let i = 0; i < met; i++) {
      const other = around[i];
      if (other === first) continue;
      const rise = peaks[other] - level;
      const own = sums[other] - level * sizes[other];
      if (rise >= leastRise && rise >= leastDip * peaks[other] && own >= contrast * totals[p]) continue;
      parent[other] = first;
      sums[first] += sums[other];
      sizes[first] += sizes[other];
      if (nearest === other) nearest = first;
    }
    regionOf[p] = nearest;
    sums[nearest] += level;
    sizes[nearest]++;
  }
  return numbered(regionOf, order, parent, root, sizes, leastPx);
}

function numbered(
  regionOf: Int32Array,
  order: Uint32Array,
  parent: number[],
  root: (region: number) => number,
  sizes: number[],
  leastPx: number,
): { labels: Int32Array; count: number } {
  const numbers = new Int32Array(parent.length);
  let count = 0;
  for (let region = 0; region < parent.length; region++)
    if (parent[region] === region && sizes[region] >= leastPx) numbers[region] = ++count;
  const labels = new Int32Array(regionOf.length);
  for (const p of order) labels[p] = numbers[root(regionOf[p])];
  return { labels, count };
}

/** Pixels above a positive threshold, brightest first; at most 2^21 pixels. */
function brightestFirst(light: Float32Array, threshold: number): Uint32Array {
  const bits = new Uint32Array(light.buffer, light.byteOffset, light.length);
  let count = 0;
  for (let p = 0; p < light.length; p++) if (light[p] > threshold) count++;
  const keys = new Float64Array(count);
  let at = 0;
  // Positive floats are ordered as their bits are: value and place in one number, which sorts without a function.
  for (let p = 0; p < light.length; p++) if (light[p] > threshold) keys[at++] = -(bits[p] * 2 ** 21 + p);
  keys.sort();
  return Uint32Array.from(keys, (key) => -key % 2 ** 21);
}

/** For each pixel in `order`: the light of everything that is connected with it. */
function connected(light: Float32Array, H: number, W: number, order: Uint32Array): Float64Array {
  const totals = new Float64Array(H * W);
  const seen = new Uint8Array(H * W);
  for (const p of order) seen[p] = 1;
  const stack = new Uint32Array(order.length);
  for (const start of order) {
    if (seen[start] !== 1) continue;
    let [depth, done, total] = [0, 0, 0];
    // What was visited stays in the list behind what is to come.
    stack[depth++] = start;
    seen[start] = 2;
    while (done < depth) {
      const p = stack[done++];
      total += light[p];
      const [x, y] = [p % W, (p / W) | 0];
      for (let dy = y > 0 ? -1 : 0; dy <= (y < H - 1 ? 1 : 0); dy++)
        for (let dx = x > 0 ? -1 : 0; dx <= (x < W - 1 ? 1 : 0); dx++) {
          const q = p + dy * W + dx;
          if (seen[q] !== 1) continue;
          seen[q] = 2;
          stack[depth++] = q;
        }
    }
    for (let i = 0; i < depth; i++) totals[stack[i]] = total;
  }
  return totals;
}
