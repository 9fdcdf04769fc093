/** Splits into training, validation (early stopping, temperature) and test objects. */
import { Random } from "../base/random.ts";

/** Places in the list of objects that was split; no place is in two of the lists. */
export interface Split {
  train: number[];
  validation: number[];
  test: number[];
}

/** How many of a class's objects go where; without `train` it gets the rest. */
export interface PartSizes {
  test: number;
  validation: number;
  train?: number;
}

/**
 * The one way in which objects are split: those of each class, in random order, into test, validation and training
 * objects as `sizesOf` says of so many objects of class k. `classOf` [N] are class numbers below `classes`; an object
 * with a number below 0 has no label and is left out. What `random` draws decides all.
 */
export function splitByClass(
  classOf: ArrayLike<number>,
  classes: number,
  random: Random,
  sizesOf: (count: number, k: number) => PartSizes,
): Split {
  const members = Array.from({ length: classes }, (): number[] => []);
  for (let i = 0; i < classOf.length; i++) members[classOf[i]]?.push(i);
  const split: Split = { train: [], validation: [], test: [] };
  for (const [k, list] of members.entries()) {
    const { test, validation, train = list.length } = sizesOf(list.length, k);
    random.shuffle(list);
    split.test.push(...list.slice(0, test));
    split.validation.push(...list.slice(test, test + validation));
    split.train.push(...list.slice(test + validation, test + validation + train));
  }
  return split;
}

/** Shares of the objects that decide when to stop and that only measure; the rest is learned from. */
export interface SplitShares {
  validation: number;
  test: number;
}

/**
 * Splits objects so that every class has the same shares everywhere; of a class of three or more at least one object
 * comes into each part that has a share. `classOf` [N] are class numbers. The same seed gives the same split, each list
 * in ascending order.
 */
export function stratifiedSplit(classOf: ArrayLike<number>, shares: SplitShares, seed: number): Split {
  const classes = Array.from(classOf).reduce((most, k) => Math.max(most, k + 1), 0);
  const split = splitByClass(classOf, classes, new Random(seed).fork("split"), (count) => {
    const part = (share: number) => (share === 0 || count < 3 ? 0 : Math.max(1, Math.round(share * count)));
    return { test: part(shares.test), validation: part(shares.validation) };
  });
  for (const part of [split.train, split.validation, split.test]) part.sort((a, b) => a - b);
  return split;
}
