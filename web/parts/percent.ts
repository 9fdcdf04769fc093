/** A share as whole percent, with a space that does not break; a dash where there is none. */
export const percent = (share: number | null): string => (share === null ? "–" : `${Math.round(100 * share)}\u00a0%`);
