import type { Page } from "../../src/contract/api.ts";

/**
 * The page after another one arrived. A refined page of the same round: what is `held` (labelled, under the pointer, in
 * focus) stays in its place, the other places are filled in the new order. What arrives late, first picks after refined
 * ones or an earlier round, changes nothing. A later round replaces all.
 */
export function mergePage(shown: Page | null, fresh: Page, held: (object: string) => boolean): Page {
  if (shown === null || fresh.round > shown.round) return fresh;
  if (fresh.round < shown.round || !shown.provisional) return shown;
  const kept = new Set(shown.picks.filter(({ object }) => held(object)).map(({ object }) => object));
  const coming = fresh.picks.filter(({ object }) => !kept.has(object));
  const picks = shown.picks.flatMap((pick) => {
    if (kept.has(pick.object)) return [pick];
    const next = coming.shift();
    return next === undefined ? [] : [next];
  });
  return { ...fresh, picks: [...picks, ...coming.slice(0, Math.max(0, fresh.picks.length - picks.length))] };
}
