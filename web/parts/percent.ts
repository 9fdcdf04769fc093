/** A share as whole percent, with a space that does not break; a dash where there is none. */
export const percent = (share: number | null): string => (share === null ? "–" : `${Math.round(100 * share)}\u00a0%`);

/** An interval of shares that does not break at its dash. */
export const percentRange = (low: number | null, high: number | null): string =>
  `${percent(low)}\u2060–\u2060${percent(high)}`;
