import { useCallback, useEffect, useRef, useState } from "react";
import type { LabelValue, PagePick } from "../../../src/contract/api.ts";
import type { LiveSession } from "../../session/use-session.ts";

/** What a click makes of a label. */
export const CYCLE: Record<string, LabelValue> = {
  none: "positive",
  positive: "negative",
  negative: "clear",
  unsure: "clear",
};

/**
 * Labelling in a grid: which object the keys act on, and what clicks and keys do. `about` names what is shown: with
 * another, the grid starts at its first object.
 */
export function useGrid(session: LiveSession, picks: PagePick[], about: string) {
  const { labelOf } = session;
  const [focus, setFocus] = useState(0);
  const grid = useRef<HTMLDivElement>(null);
  const last = useRef<{ index: number; value: LabelValue } | null>(null);
  const at = Math.min(focus, Math.max(0, picks.length - 1));
  const current = picks[at]?.object;
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is shown anew starts at its first object
  useEffect(() => {
    setFocus(0);
    last.current = null;
  }, [about]);

  /** Moves to a place by key, and brings it into view. */
  const moveTo = (place: number) => {
    setFocus(place);
    const face = grid.current?.children[place]?.querySelector<HTMLElement>(".face");
    face?.scrollIntoView({ block: "nearest" });
    if (document.activeElement?.classList.contains("face")) face?.focus({ preventScroll: true });
  };
  const perRow = () => {
    const tiles = Array.from(grid.current?.children ?? []) as HTMLElement[];
    return Math.max(1, tiles.filter(({ offsetTop }) => offsetTop === tiles[0].offsetTop).length);
  };
  const move = (across: number, down = 0) =>
    moveTo(Math.max(0, Math.min(picks.length - 1, at + across + (down === 0 ? 0 : down * perRow()))));
  const give = (value: LabelValue) => current !== undefined && session.label([current], value);
  /** On to the next without a label. */
  const goOn = () => {
    const order = [...picks.slice(at + 1), ...picks.slice(0, at)];
    const next = order.find(({ object }) => labelOf(object) === null);
    if (next !== undefined) moveTo(picks.indexOf(next));
  };
  /** Labels the object in hand and goes on. */
  const advance = (value: LabelValue) => {
    give(value);
    goOn();
  };
  const artefact = () => {
    if (current === undefined) return;
    session.artefact(current);
    goOn();
  };
  const rest = () => {
    const unanswered = picks.flatMap(({ object }) => (labelOf(object) === null ? [object] : []));
    if (unanswered.length > 0) session.label(unanswered, "negative");
  };
  const click = useCallback(
    (object: string, event: React.MouseEvent) => {
      const index = picks.findIndex((pick) => pick.object === object);
      setFocus(index);
      const before = last.current;
      if (event.shiftKey && before !== null) {
        const [from, to] = [Math.min(before.index, index), Math.max(before.index, index)];
        const between = picks.slice(from, to + 1).map((pick) => pick.object);
        return session.label(between, before.value);
      }
      const value = CYCLE[session.labelOf(object) ?? "none"];
      last.current = { index, value };
      session.label([object], value);
    },
    [picks, session],
  );
  const answered = picks.filter(({ object }) => labelOf(object) !== null).length;
  return { grid, at, current, answered, move, give, advance, artefact, rest, click };
}
