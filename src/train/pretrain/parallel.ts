/** What processes that train together tell each other beside gradients. */
import { type Group, noGrad, op, scope, type Tensor, tensor, zeros } from "../../torch/index.ts";

/**
 * All processes' features [2 B, D], of own ones [2 P, D] whose galaxies stand at `places` among the B. Gradients reach
 * the own ones alone, multiplied by B / P: the loss, which is the same everywhere, is weighted by P / B, so that the
 * sum over processes is right for these and for what comes after them.
 */
export function featuresOfAll(own: Tensor, places: number[], B: number, group: Group | null): Tensor {
  if (group === null) return own;
  const index = tensor([...places, ...places.map((place) => place + B)], [2 * places.length], "int64");
  const among = (rows: Tensor): Tensor => op("index_copy", zeros([2 * B, own.shape[1]]), 0, index, rows);
  const fixed = own.detach();
  const others = noGrad(() =>
    scope(() => {
      const mine = among(fixed);
      const all = mine.clone();
      group.sumInto(all);
      return all.sub(mine);
    }),
  );
  return others.add(among(fixed.add(own.sub(fixed).mul(B / places.length))));
}

/** Each number of a record summed over the processes, which have weighted theirs by their shares. */
export function sumRecord(record: Record<string, number>, group: Group | null): Record<string, number> {
  if (group === null) return record;
  const summed = group.sum(Object.values(record));
  return Object.fromEntries(Object.keys(record).map((key, i) => [key, summed[i]]));
}
