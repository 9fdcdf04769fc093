/** What processes that train together do not share, and what they add up. */
import type { Random } from "../base/random.ts";
import { type Group, manualSeed } from "../torch/index.ts";

/** What a process draws in a step, beside the views: its own from here on, the engine's draws included. */
export function ownRandom(random: Random, group: Group | null): Random {
  if (group === null) return random;
  const own = random.fork(`process ${group.rank}`);
  manualSeed(own.int(2 ** 31));
  return own;
}

/** Each number of a record summed over the processes, which have weighted theirs by their shares. */
export function sumRecord(record: Record<string, number>, group: Group | null): Record<string, number> {
  if (group === null) return record;
  const summed = group.sum(Object.values(record));
  return Object.fromEntries(Object.keys(record).map((key, i) => [key, summed[i]]));
}
