/** A process's part of a batch that several processes train on together. */
import type { Random } from "../base/random.ts";
import { cat, type Group, manualSeed, noGrad, scope, type Tensor } from "../torch/index.ts";

/** Two views of each of B galaxies, [2 B, 3, S, S], and what is true of them. */
interface Views<T> {
  views: Tensor;
  truth: T[];
}

/**
 * Every `size`-th galaxy from this process's number on, so that real and simulated ones come to all alike, and its share of the batch, by which means over the part
 * are weighted: batches need not divide evenly. What a process draws from then on is its own.
 */
export function partOf<T>(whole: Views<T>, random: Random, group: Group | null): Views<T> & { random: Random; share: number } {
  if (group === null) return { ...whole, random, share: 1 };
  const { rank, size } = group;
  const B = whole.truth.length;
  const views = noGrad(() => scope(() => cat([whole.views.slice(0, rank, B, size), whole.views.slice(0, B + rank, 2 * B, size)], 0)));
  const truth = whole.truth.filter((_, i) => i % size === rank);
  const own = random.fork(`process ${rank}`);
  manualSeed(own.int(2 ** 31));
  return { views, truth, random: own, share: truth.length / B };
}

/** Each number of a record summed over the processes, which have weighted theirs by their shares. */
export function sumRecord(record: Record<string, number>, group: Group | null): Record<string, number> {
  if (group === null) return record;
  const summed = group.sum(Object.values(record));
  return Object.fromEntries(Object.keys(record).map((key, i) => [key, summed[i]]));
}
