/** A share as whole percent, with a space that does not break; a dash where there is none. */
export const percent = (share: number | null): string => (share === null ? "–" : `${Math.round(100 * share)}\u00a0%`);

/** An interval of shares that does not break at its dash. */
export const percentRange = (low: number | null, high: number | null): string =>
  `${percent(low)}\u2060–\u2060${percent(high)}`;

/** 95 % interval of a share of which `hits` of `n` were seen (Wilson 1927); never of width zero. */
export function wilson(hits: number, n: number): [low: number, high: number] {
  if (n === 0) return [0, 1];
  const z = 1.959964;
  const share = hits / n;
  const middle = share + z ** 2 / (2 * n);
  const half = z * Math.sqrt((share * (1 - share)) / n + z ** 2 / (4 * n ** 2));
  const scale = 1 + z ** 2 / n;
  return [Math.max(0, (middle - half) / scale), Math.min(1, (middle + half) / scale)];
}
