/** Level and scatter of many values of which some do not belong: clipping at 3 standard deviations. */
import { reused } from "./scratch.ts";

/** What is left after clipping. */
export interface Clipped {
  median: number;
  mean: number;
  /** Standard deviation. */
  sd: number;
  /** How many values are left. */
  kept: number;
}

const CLIP = { sigmas: 3, rounds: 5 } as const;
/** Values are put into so many buckets, over so many interquartile ranges on both sides of the median of a sample. */
const BUCKETS = { count: 1024, ranges: 6 } as const;
const SAMPLE = 127;

const bucketMemory = reused((n) => new Int16Array(n));
const orderedMemory = reused((n) => new Float32Array(n));

/** The bucket of a value: never falls where a value rises. What lies beyond is in the first or the last one. */
function bucketOf(value: number, from: number, perUnit: number): number {
  const at = (value - from) * perUnit;
  return at < BUCKETS.count ? (at > 0 ? at | 0 : 0) : BUCKETS.count - 1;
}

/**
 * Values in order as far as was asked for: buckets of rising value, each of which is sorted when somebody looks into it.
 * A whole sort costs several times as much, and clipping looks at a dozen values only.
 */
class Ordered {
  readonly values: Float32Array;
  readonly #from: number;
  readonly #perUnit: number;
  /** Where each bucket begins; the last one is the end. */
  readonly #starts = new Int32Array(BUCKETS.count + 1);
  readonly #isSorted = new Uint8Array(BUCKETS.count);

  constructor(values: Float32Array, n: number) {
    const sample = new Float32Array(Math.min(n, SAMPLE));
    for (let i = 0; i < sample.length; i++) sample[i] = values[Math.floor((i * n) / sample.length)];
    sample.sort();
    const [low, middle, high] = [0.25, 0.5, 0.75].map((share) => sample[Math.floor(share * (sample.length - 1))]);
    const reach = BUCKETS.ranges * (high - low || Math.abs(middle) || 1);
    this.#from = middle - reach;
    this.#perUnit = BUCKETS.count / (2 * reach);
    const of = bucketMemory(n);
    const starts = this.#starts;
    const from = this.#from;
    const perUnit = this.#perUnit;
    for (let i = 0; i < n; i++) {
      const bucket = bucketOf(values[i], from, perUnit);
      of[i] = bucket;
      starts[bucket + 1]++;
    }
    for (let bucket = 0; bucket < BUCKETS.count; bucket++) starts[bucket + 1] += starts[bucket];
    const next = starts.slice();
    const ordered = orderedMemory(n);
    for (let i = 0; i < n; i++) ordered[next[of[i]]++] = values[i];
    this.values = ordered;
  }

  #sort(bucket: number): void {
    if (this.#isSorted[bucket] === 1) return;
    this.#isSorted[bucket] = 1;
    this.values.subarray(this.#starts[bucket], this.#starts[bucket + 1]).sort();
  }

  /** The value of a rank, from 0. */
  at(rank: number): number {
    let low = 0;
    let high: number = BUCKETS.count;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.#starts[middle] <= rank) low = middle;
      else high = middle;
    }
    this.#sort(low);
    return this.values[rank];
  }

  /** How many values lie below `middle` by more than `limit`. */
  below(middle: number, limit: number): number {
    const bucket = bucketOf(middle - limit, this.#from, this.#perUnit);
    this.#sort(bucket);
    let rank = this.#starts[bucket];
    while (rank < this.#starts[bucket + 1] && middle - this.values[rank] > limit) rank++;
    return rank;
  }

  /** How many values do not lie above `middle` by more than `limit`. */
  notAbove(middle: number, limit: number): number {
    const bucket = bucketOf(middle + limit, this.#from, this.#perUnit);
    this.#sort(bucket);
    let rank = this.#starts[bucket + 1];
    while (rank > this.#starts[bucket] && this.values[rank - 1] - middle > limit) rank--;
    return rank;
  }
}

/** Median, mean and scatter of the first `n` of finite values, of which there is at least one, after clipping. */
export function clip(values: Float32Array, n: number): Clipped {
  const ordered = new Ordered(values, n);
  const all = ordered.values;
  let from = 0;
  let to = n;
  let found: Clipped = { median: 0, mean: 0, sd: 0, kept: n };
  for (let round = 0; round < CLIP.rounds; round++) {
    const kept = to - from;
    const median = ordered.at(from + (kept >> 1));
    let sum = 0;
    let square = 0;
    for (let i = from; i < to; i++) {
      const off = all[i] - median;
      sum += off;
      square += off * off;
    }
    const sd = Math.sqrt(Math.max(0, square / kept - (sum / kept) ** 2));
    found = { median, mean: median + sum / kept, sd, kept };
    from = Math.max(from, ordered.below(median, CLIP.sigmas * sd));
    to = Math.min(to, ordered.notAbove(median, CLIP.sigmas * sd));
    if (to - from === kept) break;
    found.kept = to - from;
  }
  return found;
}
