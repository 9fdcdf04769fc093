/** Splits into training, validation (early stopping, temperature) and test objects. */
import { Random } from "../base/random.ts";

/** Places in the list of objects that was split, each list in ascending order. */
export interface Split {
  train: number[];
  validation: number[];
  test: number[];
}

/**
 * Splits objects so that every class has the same shares everywhere; of a class of three or more at least one object
 * comes into each part that has a share. `classes` [N] are class numbers. The same seed gives the same split.
 */
export function stratifiedSplit(
  classes: ArrayLike<number>,
  shares: { validation: number; test: number },
  seed: number,
): Split {
  const random = new Random(seed).fork("split");
  const members = new Map<number, number[]>();
  for (let i = 0; i < classes.length; i++) members.set(classes[i], [...(members.get(classes[i]) ?? []), i]);
  const split: Split = { train: [], validation: [], test: [] };
  for (const [, list] of [...members].sort(([a], [b]) => a - b)) {
    random.shuffle(list);
    const part = (share: number) =>
      share === 0 ? 0 : list.length >= 3 ? Math.max(1, Math.round(share * list.length)) : 0;
    const [test, validation] = [part(shares.test), part(shares.validation)];
    split.test.push(...list.slice(0, test));
    split.validation.push(...list.slice(test, test + validation));
    split.train.push(...list.slice(test + validation));
  }
  for (const part of [split.train, split.validation, split.test]) part.sort((a, b) => a - b);
  return split;
}
